import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { relayPort } from '../../src/link/dial.ts'
import { relayProgram } from '../../src/link/relay/relay.ts'
import type { Address } from '../../src/vmm/vmm.ts'

/** How a relay is reached: as beside a guest, or as in a guest, behind a socket such as Firecracker's. */
export type Through = 'relay' | 'vsock'

export interface Relayed {
  pid: number
  address(port: number): Address
}

/** Starts a relay to the loopback. */
export async function startRelay(t: TestContext, through: Through): Promise<Relayed> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-relay-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'relay')
  const socket = path.join(folder, 'relay.sock')
  const listen = Buffer.concat([Buffer.of(1, 0), Buffer.from(`${socket}\0`)])
  const framed = through === 'vsock'
  fs.writeFileSync(file, relayProgram({ listen, target: '127.0.0.1', framed, tied: false }), { mode: 0o755 })
  const child = spawn(file, { stdio: 'ignore' })
  t.after(() => child.kill('SIGKILL'))
  while (!listens(socket)) await new Promise((resolve) => setTimeout(resolve, 1))
  const outside = framed ? await muxer(t, folder, socket) : socket
  return { pid: child.pid!, address: (port) => ({ socket: outside, port, through }) }
}

/** The file is there before anybody listens (proc_net_unix(5): flag __SO_ACCEPTCON). */
function listens(socket: string): boolean {
  const lines = fs.readFileSync('/proc/net/unix', 'latin1').split('\n')
  return lines.some((line) => line.endsWith(` ${socket}`) && line.split(' ')[3] === '00010000')
}

/**
 * Plays Firecracker's vsock socket in front of a relay: takes `CONNECT`, says `OK`, and cannot close one side only: an
 * end that it sees from the host closes both, one from the guest is not passed on at all (csm/connection.rs there).
 */
async function muxer(t: TestContext, folder: string, relay: string): Promise<string> {
  const server = net.createServer({ allowHalfOpen: true }, (host) => {
    host.on('error', () => {})
    let asked = ''
    host.on('readable', function hear() {
      while (!asked.endsWith('\n')) {
        const byte: Buffer | null = host.read(1)
        if (!byte) return
        asked += byte.toString()
      }
      host.off('readable', hear)
      if (asked !== `CONNECT ${relayPort}\n`) host.destroy()
      else join(host)
    })
  })
  function join(host: net.Socket): void {
    const guest = net.connect({ path: relay, allowHalfOpen: true })
    guest.on('error', () => host.destroy())
    guest.on('connect', () => host.write('OK 1073741824\n'))
    host.on('end', () => guest.destroy())
    host.on('close', () => guest.destroy())
    guest.on('close', () => host.destroySoon())
    host.pipe(guest, { end: false })
    guest.pipe(host, { end: false })
    // The relay's process ends its side only by going away.
    guest.on('end', () => guest.destroy())
  }
  const file = path.join(folder, 'muxer.sock')
  server.listen(file)
  await once(server, 'listening')
  t.after(() => server.close())
  return file
}

/** A TCP server on the loopback, as a guest's program. */
export async function guestServer(t: TestContext, serve: (socket: net.Socket) => void): Promise<number> {
  const open = new Set<net.Socket>()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket)
    socket.on('error', () => {}).on('close', () => open.delete(socket))
    serve(socket)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return (server.address() as AddressInfo).port
}

/** Process ids of a process's children. */
export function childrenOf(pid: number): number[] {
  const text = fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  return text.split(' ').filter(Boolean).map(Number)
}
