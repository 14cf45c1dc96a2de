import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { dataError } from '../base/atomic.ts'
import { makeOwnFolder, removeOwnFolder, runtimeFolder } from '../base/own-folder.ts'
import { mostCalls } from './link.ts'

/** A folder for sockets that only we may look into. */
export interface SocketFolder {
  readonly path: string
  /**
   * Listens on a socket in it, for `mostCalls` connections at a time. Whoever has a way into the folder may connect:
   * nobody, or whom it is shown to.
   * @throws UfrError UFR-DATA where the socket cannot be made.
   */
  listen(name: string, answer: (socket: net.Socket) => void): Promise<void>
  /** Ends all connections and removes it. Safe to call again; never rejects. */
  remove(): Promise<void>
}

/**
 * Makes one. A shell removes it as soon as its standard input ends: when it is to be removed, or ufr is gone.
 * @throws UfrError UFR-DATA where it cannot be made.
 */
export function makeSocketFolder(): SocketFolder {
  const folder = makeOwnFolder(runtimeFolder())
  const remover = spawn('sh', ['-c', 'read -r end; exec rm -rf -- "$1"', 'ufr-sockets', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  })
  const gone = once(remover, 'close').catch(() => removeOwnFolder(folder))
  remover.stdin.on('error', () => {})
  const servers: net.Server[] = []
  const open = new Set<net.Socket>()

  async function listen(name: string, answer: (socket: net.Socket) => void): Promise<void> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      open.add(socket)
      // What breaks here ends the connection; nobody else needs to hear of it.
      socket.on('error', () => {}).on('close', () => open.delete(socket))
      answer(socket)
    })
    server.maxConnections = mostCalls
    servers.push(server)
    const file = path.join(folder, name)
    try {
      server.listen(file)
      await once(server, 'listening')
      fs.chmodSync(file, 0o666)
    } catch (error) {
      throw dataError(error, file)
    }
  }

  async function remove(): Promise<void> {
    for (const server of servers.splice(0)) server.close()
    for (const socket of open) socket.destroy()
    remover.stdin.end()
    await gone
  }

  return { path: folder, listen, remove }
}
