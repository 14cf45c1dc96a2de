import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import { guestNetwork } from '../../vmm/machine.ts'
import { relayPort } from '../dial.ts'
import { relayProgram } from './relay.ts'

/** Where the relay beside a guest listens: in a file system of its own, seen from outside below /proc/PID/root. */
export const relaySocket = '/sys/ufr'

/**
 * The relay beside a guest, as a file that can be run.
 * @throws UfrError UFR-DATA where it cannot be written.
 */
export function relayFile(): string {
  const listen = Buffer.concat([Buffer.of(1, 0), Buffer.from(`${relaySocket}\0`)])
  const program = relayProgram({ listen, target: guestNetwork.address, framed: false, tied: true })
  const digest = createHash('sha256').update(program).digest('hex').slice(0, 16)
  const file = homePath('cache', `relay-${digest}`)
  if (fs.statSync(file, { throwIfNoEntry: false })?.size !== program.length)
    writeFileAtomic(file, program, { mode: 0o755 })
  return file
}

/** The relay in a guest that is reached over vsock, to its own loopback. */
export function guestRelay(): Buffer {
  // struct sockaddr_vm (vsock(7)): the address is VMADDR_CID_ANY.
  const listen = Buffer.alloc(16)
  listen.writeUInt16LE(40, 0)
  listen.writeUInt32LE(relayPort, 4)
  listen.writeUInt32LE(0xffff_ffff, 8)
  return relayProgram({ listen, target: '127.0.0.1', framed: true, tied: false })
}
