import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { findFirecracker } from '../../vmm/firecracker/binary.ts'
import { type Fifo, makeFifos, openFifo } from '../../vmm/firecracker/fifo.ts'
import { firecracker } from '../../vmm/firecracker/firecracker.ts'
import { spawnTied } from '../../vmm/tied.ts'
import type { Vm, Vmm } from '../../vmm/vmm.ts'
import { coldStart } from '../start.ts'
import { layMachine } from './firecracker-config.ts'
import { type Peer, unasked, withoutVcpu } from './peer.ts'
import { exitOf } from './qemu.ts'

/** Firecracker as its documentation starts one by hand: the machine in a file, no API, no jailer. */
export const firecrackerByHand: Peer = {
  name: 'firecracker --config-file',
  key: 'firecracker',
  command: 'firecracker',
  starts: ({ vmm }) => vmm.name === 'firecracker',
  unfit: unasked,
  async prepare({ prepared, accel, question, network }) {
    const start = {
      accel,
      link: network!.link,
      question,
      vmm: handFirecracker(findFirecracker().file, firecracker()),
    }
    return {
      start: async (signal) => withoutVcpu(await coldStart(prepared, { ...start, signal })),
      notes: ['the same machine in a file, without API and jailer, disks copied before'],
    }
  },
}

/** Firecracker's driver with a start of its own. */
export function handFirecracker(file: string, driver: Vmm): Vmm {
  return {
    ...driver,
    async start(spec, { output, link }): Promise<Vm> {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-bench-'))
      let console: Fifo | undefined
      const clear = () => {
        console?.release()
        fs.rmSync(folder, { recursive: true, force: true })
      }
      try {
        const args = layMachine(spec, link!, folder)
        const pipe = path.join(folder, 'console')
        await makeFifos([pipe])
        const opened = openFifo(pipe)
        console = opened
        const spawned = performance.now()
        const inside = link?.kind === 'tap' && { inside: link }
        const child = spawnTied(file, args, { sockets: 0, output: opened.writer, folder, ...inside })
        opened.reader.on('data', output.console).on('error', () => {})
        // Only once the guest prints has Firecracker chosen not to wait.
        opened.reader.once('data', () => opened.makeWritersWait())
        const exit = exitOf(child).finally(clear)
        return {
          pid: child.pid ?? 0,
          times: { spawned, vcpu: spawned },
          exit,
          stop: async () => {
            child.kill('SIGKILL')
            await exit
          },
          forward: () => Promise.reject(new Error('Firecracker forwards no ports')),
        }
      } catch (error) {
        console?.reader.destroy()
        clear()
        throw error
      }
    },
  }
}
