import { once } from 'node:events'
import fs from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Address } from '../vmm/vmm.ts'
import { dial } from './dial.ts'

const loopback = '127.0.0.1'
/** How long a connection may stand in QEMU's queue before the next one is let in all the same. */
const patienceMs = 1000

export interface Door {
  address: { host: string; port: number }
  close(): void
}

/**
 * A port of ours on the loopback in front of the guest's, whatever the link. QEMU's network stack listens with a
 * backlog of one (libslirp, tcp_listen): of several connections that come at once, some wait a second and some are
 * reset. So connections are taken here, and those to QEMU handed on one after the other as it takes them.
 */
export async function openDoor(target: Address): Promise<Door> {
  const open = new Set<Duplex>()
  let turn: Promise<void> = Promise.resolve()
  const server = net.createServer({ allowHalfOpen: true }, (client) => {
    keep(open, client)
    if ('socket' in target) void handOn(client, target, open)
    else turn = turn.then(() => handOn(client, target, open))
  })
  server.listen(0, loopback)
  await once(server, 'listening')
  return {
    address: { host: loopback, port: (server.address() as AddressInfo).port },
    close() {
      server.close()
      for (const socket of open) socket.destroy()
    },
  }
}

function keep(open: Set<Duplex>, socket: Duplex): void {
  open.add(socket)
  socket.on('close', () => open.delete(socket))
  // What breaks here ends both sides, below; nobody else needs to hear of it.
  socket.on('error', () => {})
}

/** Connects a client with the guest; over as soon as QEMU has taken the connection. */
async function handOn(client: net.Socket, target: Address, open: Set<Duplex>): Promise<void> {
  if (client.destroyed) return
  const gone = new AbortController()
  client.once('close', () => gone.abort())
  const guest = await dial(target, gone.signal).catch(() => undefined)
  if (!guest) {
    client.destroy()
    return
  }
  keep(open, guest)
  client.pipe(guest).pipe(client)
  client.on('close', () => guest.destroy())
  guest.on('close', () => client.destroy())
  const end = performance.now() + patienceMs
  while ('host' in target && waiting(target) && performance.now() < end)
    await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Whether a listening port of the loopback has connections that nobody has taken yet (proc(5), /proc/net/tcp). */
function waiting({ host, port }: { host: string; port: number }): boolean {
  if (host !== loopback) return false
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const listening = new RegExp(`^ *\\d+: ${local} [0-9A-F:]+ 0A [0-9A-F]+:([0-9A-F]+)`, 'm')
  const queued = listening.exec(fs.readFileSync('/proc/net/tcp', 'latin1'))?.[1]
  return queued !== undefined && Number.parseInt(queued, 16) > 0
}
