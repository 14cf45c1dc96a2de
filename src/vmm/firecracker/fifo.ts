import fs from 'node:fs'
import net from 'node:net'
import { runCommand } from '../../base/process.ts'

/** A named pipe, open at both ends. What is written to it stays in order; it holds 64 KiB. */
export interface Fifo {
  /** Our end. It ends when nobody has the other one open any more. */
  reader: net.Socket
  /** Descriptor of an end to write to, for a process to inherit. */
  writer: number
  /**
   * Has all who write by this descriptor, in other processes too, wait while the pipe is full. Not before they have
   * chosen not to wait: theirs would be the last word. Our own end to write to is given up.
   */
  makeWritersWait(): void
  /** Gives up our own end to write to. Safe to call again. */
  release(): void
}

/**
 * Makes named pipes that anybody who can reach their folder may open.
 * @throws UfrError UFR-COMMAND where that fails.
 */
export async function makeFifos(files: readonly string[]): Promise<void> {
  await runCommand('mkfifo', ['-m', '666', '--', ...files], { install: 'apt-get install coreutils' })
}

/**
 * Opens a named pipe. Our own end to write to keeps it from ending before a first writer has come.
 *
 * A pipe rather than the socket that Node.js would give a process: Firecracker writes its guest's console byte by byte
 * and does not wait for a reader. Of such small writes a socket's buffer holds some hundred, and the rest is lost.
 */
export function openFifo(file: string): Fifo {
  const fd = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  let writer: number
  try {
    writer = fs.openSync(file, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK)
  } catch (error) {
    fs.closeSync(fd)
    throw error
  }
  const reader = new net.Socket({ fd, readable: true, writable: false })
  let released = false
  const release = () => {
    if (released) return
    released = true
    fs.closeSync(writer)
  }
  return {
    reader,
    writer,
    release,
    makeWritersWait() {
      if (released) return
      released = true
      setBlocking(writer)
    },
  }
}

/** Clears O_NONBLOCK, which belongs to the open file and not to the descriptor, and closes the descriptor. */
function setBlocking(fd: number): void {
  const socket = new net.Socket({ fd, readable: false, writable: true })
  // Node.js has no other way to do that (libuv: uv_stream_set_blocking).
  const { _handle: handle } = socket as unknown as { _handle?: { setBlocking?(wait: boolean): number } }
  handle?.setBlocking?.(true)
  socket.destroy()
}
