import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import { callPort, guestNetwork, vsockHost } from '../../vmm/machine.ts'
import { relayPort } from '../dial.ts'
import { mostCalls } from '../link.ts'
import { relayProgram } from './relay.ts'

/** Where the relay beside a guest listens: in a file system of its own, seen from outside below /proc/PID/root. */
export const relaySocket = '/sys/ufr'

/** Where connections that a guest opens are taken: a socket of this name in the folder that the relay runs in. */
export const callsSocket = 'calls'

/**
 * The relay beside a guest, as a file that can be run: from the host to the guest's ports.
 * @throws UfrError UFR-DATA where it cannot be written.
 */
export function relayFile(): string {
  const listen = unixAddress(relaySocket)
  return programFile(relayProgram({ listen, target: guestNetwork.address, framed: false, tied: 'ready' }))
}

/** The same the other way round: from the guest to the one socket where we take its calls. */
export function callsFile(): string {
  const listen = inetAddress(guestNetwork.gateway)
  const target = unixAddress(callsSocket)
  return programFile(relayProgram({ listen, target, framed: false, tied: 'calls', most: mostCalls }))
}

function programFile(program: Buffer): string {
  const digest = createHash('sha256').update(program).digest('hex').slice(0, 16)
  const file = homePath('cache', `relay-${digest}`)
  if (fs.statSync(file, { throwIfNoEntry: false })?.size !== program.length)
    writeFileAtomic(file, program, { mode: 0o755 })
  return file
}

/** The relay in a guest that is reached over vsock, to its own loopback. */
export function guestRelay(): Buffer {
  const listen = vsockAddress(anyCid, relayPort)
  return relayProgram({ listen, target: '127.0.0.1', framed: true, tied: false })
}

/** The same the other way round: whoever connects to the port for calls, whatever the address, is led to the host. */
export function guestCallsRelay(): Buffer {
  const listen = inetAddress('0.0.0.0')
  return relayProgram({ listen, target: vsockAddress(vsockHost, callPort), framed: true, tied: false })
}

/** VMADDR_CID_ANY (vsock(7)). */
const anyCid = 0xffff_ffff

/** struct sockaddr_un (unix(7)). */
function unixAddress(path: string): Buffer {
  return Buffer.concat([Buffer.of(1, 0), Buffer.from(`${path}\0`)])
}

/** struct sockaddr_in (ip(7)) with the port for calls. */
function inetAddress(address: string): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(2, 0)
  bytes.writeUInt16BE(callPort, 2)
  bytes.set(address.split('.').map(Number), 4)
  return bytes
}

/** struct sockaddr_vm (vsock(7)). */
function vsockAddress(cid: number, port: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt16LE(40, 0)
  bytes.writeUInt32LE(port, 4)
  bytes.writeUInt32LE(cid, 8)
  return bytes
}
