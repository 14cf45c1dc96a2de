import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { findCommand, runCommand } from '../../base/process.ts'
import { handlerPort } from '../../instance/run.ts'
import { guestNetwork } from '../../vmm/machine.ts'
import { type Peer, type PeerTarget, unasked } from './peer.ts'
import { freePort } from './ports.ts'
import { questionOf, untilAnswer } from './tool.ts'

const command = 'run.py'
/** The network that it gives to QEMU (scripts/run.py, start_osv_qemu); QEMU forwards to its 15th address. */
const network = { address: '192.168.122.15', gateway: '192.168.122.1', nameserver: '192.168.122.3' } as const

/**
 * OSv's scripts/run.py with the same kernel, command line and disks: its own choice of machine, of caching and of other
 * devices.
 */
export const osv: Peer = {
  name: 'run.py',
  key: 'osv',
  command,
  starts: ({ prepared }) => prepared.unikernel.name === 'osv',
  unfit(target) {
    if (target.vmm.name === 'qemu') return unasked(target)
    return 'scripts/firecracker.py is not driven yet: it takes one disk, and makes an interface on the host itself'
  },
  async prepare(target) {
    const { prepared, accel, machine, folder } = target
    const guestPort = prepared.spec.shape === 'handler' ? handlerPort : prepared.spec.port
    const what = questionOf(target)
    if (guestPort === undefined || !what)
      throw new UfrError('UFR-MACHINE', 'its port is not known before it listens')
    // It opens disks for writing, and the store's are everybody's.
    const disks = machine.disks.map((_, i) => path.join(folder, `disk${i}`))
    for (const [i, { file }] of machine.disks.entries())
      await runCommand('cp', ['--reflink=auto', '--sparse=always', '--', file, disks[i]!])
    return {
      async start(signal) {
        const port = await freePort()
        const args = argumentsOf(target, disks, { port, guestPort })
        const tool = findCommand(command)!
        return untilAnswer({ command: tool, args, cwd: folder, env: process.env, port, what, accel }, signal)
      },
      notes: ['same kernel, command line and disks; its own machine and devices; asked until it answers'],
    }
  },
}

/** The arguments for run.py; of disks it takes two. */
export function argumentsOf(
  { machine, accel, prepared }: Pick<PeerTarget, 'machine' | 'accel' | 'prepared'>,
  [first, second]: readonly string[],
  { port, guestPort }: { port: number; guestPort: number },
): string[] {
  const { memoryMiB, cpus } = prepared.spec
  return [
    ...['-k', '--kernel-path', machine.kernel.file, '-i', first!],
    ...(second === undefined ? [] : ['--second-disk-image', second]),
    ...['-p', accel === 'kvm' ? 'kvm' : 'qemu', '-m', `${memoryMiB}M`, '-c', String(cpus)],
    ...['--novnc', '--nogdb', '--forward', `tcp:127.0.0.1:${port}-:${guestPort}`],
    ...['-e', commandLineOf(machine.commandLine)],
  ]
}

/** The same command line with the addresses of its network, and with PCI. */
function commandLineOf(text: string): string {
  return text
    .replaceAll(guestNetwork.address, network.address)
    .replaceAll(new RegExp(`${guestNetwork.gateway.replaceAll('.', '\\.')}(?!\\d)`, 'g'), network.gateway)
    .replaceAll(guestNetwork.nameserver, network.nameserver)
    .replace(/(^| )--nopci(?= )/, '')
    .trim()
}
