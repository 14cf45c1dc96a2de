/**
 * Preloaded into web functions (`node -r`): tells the host when the program's first server takes connections.
 *
 * CommonJS, because `--import` would have Node run the program's entry by its ES module loader whatever it is, and
 * takes 1 to 3 ms more at start. Nothing that the program can see changes, but for the function behind `listen`.
 */
{
  const fs = require('node:fs') as typeof import('node:fs')
  const net = require('node:net') as typeof import('node:net')
  const told = new Set<number>()

  // Processes that the program forks (where a kernel has those) inherit these arguments, and are no web functions. Ours
  // come first; their path may lead through a link, as on Nanos, so it need not be __filename.
  if (process.execArgv[0] === '-r' && process.execArgv[1]?.endsWith('/web.cjs')) process.execArgv.splice(0, 2)

  // Started through its dynamic linker, as on OSv, Node.js takes that for its own program.
  if (/\/ld-linux[^/]*$/.test(process.execPath)) process.execPath = process.argv[0] = '/usr/bin/node'

  const writeMark = (value: string): void => {
    for (;;) {
      try {
        fs.writeSync(1, `\x1b_ufr;ready;${value}\x1b\\`)
        return
      } catch (error) {
        // A pipe that the program has filled up: nothing else will be told, so this has to wait.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5)
      }
    }
  }
  const tell = (server: import('node:net').Server): void => {
    const address = server.address()
    // A path stands for a Unix socket, which nobody outside can reach.
    if (address === null || typeof address === 'string' || told.has(address.port)) return
    told.add(address.port)
    // Where only the guest itself can connect, the host has to know, or it would wait in vain.
    const inside = /^(127\.|::1$)/.test(address.address)
    writeMark(inside ? `${address.port};${address.address}` : String(address.port))
  }

  // HTTP, HTTPS and HTTP/2 servers are net.Servers. With cluster, the primary process listens by one, too.
  const { listen } = net.Server.prototype
  net.Server.prototype.listen = function (this: import('node:net').Server, ...options: unknown[]) {
    const server = Reflect.apply(listen, this, options)
    // Given a host name, Node looks that up first; otherwise the port is open now.
    if (this.listening) tell(this)
    else this.once('listening', () => tell(this))
    return server
  } as typeof listen
}
