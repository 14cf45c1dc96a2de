import fs from 'node:fs'
import net from 'node:net'
import { runCommand } from '../../base/process.ts'

/** A named pipe, open at both ends. What is written to it stays in order, 64 KiB of it at most. */
export interface Fifo {
  /** Our end. It ends when nobody has the other one open any more. */
  reader: net.Socket
  /** Descriptor of an end to write to, for a process to inherit. */
  writer: number
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
  return {
    reader,
    writer,
    release() {
      if (released) return
      released = true
      fs.closeSync(writer)
    },
  }
}
