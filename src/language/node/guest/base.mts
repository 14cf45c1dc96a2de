/**
 * Node's own modules by name. Never by `import`: importing node:http reads every name it exports, and reading
 * `WebSocket` loads all of Undici (Node 22 and later): 17 ms where a whole start takes 25, and 0.8 s where an emulated
 * Nanos guest is ready after 1.0 s.
 */
export const builtin: typeof process.getBuiltinModule =
  process.getBuiltinModule ?? (await import('node:module')).createRequire(import.meta.url)

export const fs = builtin('node:fs')

// Started through its dynamic linker, as on OSv, Node.js takes that for its own program.
if (/\/ld-linux[^/]*$/.test(process.execPath)) process.execPath = process.argv[0] = '/usr/bin/node'

/** Blocks this thread, and so everything that the function still has going on, for some milliseconds. */
export function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}

/** Tells the host on the console that a port takes work (the host's side is link/marks.ts). */
export function writeReadyMark(port: number): void {
  for (;;) {
    try {
      fs.writeSync(1, `\x1b_ufr;ready;${port}\x1b\\`)
      return
    } catch (error) {
      // A pipe that the function has filled up: nothing else will be told, so this has to wait.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
      pause(5)
    }
  }
}
