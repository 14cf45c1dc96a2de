import os from 'node:os'
import path from 'node:path'
import { shareTag } from './guest.ts'
import { ports, rootTag } from './initramfs.ts'
import { type Lab, unpacked } from './parts.ts'

export interface MachineSettings {
  memoryMiB: number
  /** Folders that the guest may write to. */
  shares: readonly string[]
  tscKhz: number | undefined
}

const mostCpus = 4

/** File descriptors of the connected sockets that the machine is given: the serial console, then the ports. */
const firstSocket = 3

export const socketCount = 1 + ports.length

/** The command line of the lab's QEMU: emulated whatever the machine has, so that a lab is the same everywhere. */
export function machineCommand(lab: Lab, { memoryMiB, shares, tscKhz }: MachineSettings): string[] {
  const { command, args } = unpacked(lab.root, 'usr/bin/qemu-system-x86_64')
  const data = ['qemu', 'seabios'].flatMap((name) => ['-L', path.join(lab.root, 'usr/share', name)])
  const machine = ['-M', 'q35', '-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', 'max,+svm,+npt']
  const cpus = Math.min(os.availableParallelism(), mostCpus)
  return [
    ...[command, ...args, ...data, ...machine, '-smp', String(cpus), '-m', String(memoryMiB)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', path.join(lab.root, 'boot', `vmlinuz-${lab.release}`), '-initrd', lab.initramfs],
    ...['-append', kernelLine(tscKhz)],
    ...['-chardev', `socket,id=console,fd=${firstSocket}`, '-serial', 'chardev:console'],
    ...['-device', 'virtio-rng-pci', '-device', 'virtio-serial-pci'],
    ...ports.flatMap((name, index) => [
      ...['-chardev', `socket,id=${name},fd=${firstSocket + 1 + index}`],
      ...['-device', `virtserialport,chardev=${name},name=${name}`],
    ]),
    ...share('/', rootTag, ',readonly=on'),
    ...shares.flatMap((folder, index) => share(folder, shareTag(index), '')),
  ]
}

function share(folder: string, tag: string, options: string): string[] {
  const file = folder.replaceAll(',', ',,')
  return [
    ...['-fsdev', `local,id=${tag},path=${file},security_model=none,multidevs=remap${options}`],
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ]
}

function kernelLine(tscKhz: number | undefined): string {
  // The emulated counter is the machine's own; measured again on a busy machine it comes out wrong.
  const clock = tscKhz === undefined ? [] : [`tsc_early_khz=${tscKhz}`]
  return ['console=ttyS0', 'quiet', 'panic=-1', 'tsc=reliable', ...clock, 'cryptomgr.notests'].join(' ')
}
