import type { ChildProcess } from 'node:child_process'
import type { Duplex, Readable } from 'node:stream'
import { UfrError } from '../../base/errors.ts'
import { handlerPort } from '../../instance/run.ts'
import { descriptors, qemuArguments } from '../../vmm/qemu/arguments.ts'
import { findQemu } from '../../vmm/qemu/binary.ts'
import { qemu } from '../../vmm/qemu/qemu.ts'
import { spawnTied } from '../../vmm/tied.ts'
import type { Vm, VmExit, Vmm } from '../../vmm/vmm.ts'
import { coldStart } from '../start.ts'
import { type Peer, unasked, withoutVcpu } from './peer.ts'
import { freePort } from './ports.ts'
import { handArguments } from './qemu-arguments.ts'

/**
 * QEMU as someone would start it by hand: ufr's arguments without ufr's control connection, the port forwarded by the
 * command line. The guest is asked by ufr's own client, when its mark says that it is ready.
 */
export const qemuByHand: Peer = {
  name: 'qemu by hand',
  key: 'qemu',
  command: 'qemu-system-x86_64',
  starts: ({ vmm }) => vmm.name === 'qemu',
  unfit: unasked,
  async prepare({ prepared, accel, question, network }) {
    const guestPort = prepared.spec.shape === 'handler' ? handlerPort : prepared.spec.port
    if (guestPort === undefined)
      throw new UfrError('UFR-MACHINE', 'its port is not known before it listens, and has to be forwarded')
    const link = network!.link
    const start = { accel, link, question, vmm: handQemu(guestPort) }
    return {
      start: async (signal) => withoutVcpu(await coldStart(prepared, { ...start, signal })),
      notes: ['the same QEMU arguments, without control connection'],
    }
  },
}

/** QEMU's driver with a start of its own. */
function handQemu(guestPort: number): Vmm {
  const file = findQemu()
  return {
    ...qemu(),
    async start(spec, { accel, output, link }): Promise<Vm> {
      const port = await freePort()
      const forward = link?.kind === 'user' ? { port, guestPort } : undefined
      const args = handArguments(qemuArguments(spec, accel, link), forward)
      const spawned = performance.now()
      const sockets = spec.errorLine ? 3 : 2
      const child = spawnTied(file, args, { sockets, ...(link?.kind === 'tap' && { inside: link }) })
      const socket = (fd: number) => child.stdio[fd] as Duplex
      receive(socket(descriptors.console), output.console)
      if (spec.errorLine) receive(socket(descriptors.errorLine), output.errorLine)
      const exit = exitOf(child)
      return {
        pid: child.pid ?? 0,
        times: { spawned, vcpu: spawned },
        exit,
        stop: async () => {
          child.kill('SIGKILL')
          await exit
        },
        forward: async () => ({ host: '127.0.0.1', port }),
      }
    },
  }
}

function receive(stream: Readable, take: (chunk: Buffer) => void): void {
  stream.on('data', take)
  // The other end goes away with the VMM; its exit says the rest.
  stream.on('error', () => {})
}

/** How a VMM ended, with the last of what it said. */
export function exitOf(child: ChildProcess): Promise<VmExit> {
  let errors = ''
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-8192)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ code: null, signal: null, errors: String(error) }))
    child.on('close', (code, signal) => resolve({ code, signal, errors }))
  })
}
