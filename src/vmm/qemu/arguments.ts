import { type Board, guestNetwork, type MachineSpec } from '../machine.ts'
import type { Accel, LinkEnd } from '../vmm.ts'

/** File descriptors at which QEMU finds its control and serial sockets: no socket file, so nothing to leave behind. */
export const descriptors = { qmp: 3, console: 4, errorLine: 5, wire: 6 } as const

/** Name of the guest's network in QEMU, for commands that add a forwarded port. */
export const networkId = 'net'

/** How each board is had. */
const boards: Record<Board, { args: string[]; bus: 'device' | 'pci' }> = {
  // Linux finds its devices by ACPI, Nanos needs the real-time clock, a single I/O APIC and virtio 1.0 or it stays
  // silent. SeaBIOS from 1.16.3 on (Debian 13) has its ACPI tables at the end of memory, where QEMU puts the initrd.
  microvm: {
    args: [
      ...['-M', 'microvm,acpi=on,rtc=on,ioapic2=off', '-global', 'virtio-mmio.force-legacy=false'],
      ...['-bios', 'qboot.rom'],
    ],
    bus: 'device',
  },
  pc: { args: ['-M', 'pc'], bus: 'pci' },
}

/** QEMU's arguments for a machine. */
export function qemuArguments(spec: MachineSpec, accel: Accel, link?: LinkEnd): string[] {
  const { args: board, bus } = boards[spec.board]
  const cpu = [accel === 'kvm' ? 'host' : 'max', ...(spec.cpuFeatures ?? [])].join(',')
  const args = [
    ...board,
    ...['-accel', accel === 'kvm' ? 'kvm' : 'tcg,thread=multi', '-cpu', cpu],
    ...['-m', String(spec.memoryMiB), '-smp', String(spec.cpus)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-S'],
    // A hostile guest that breaks out of QEMU's device models finds no way to start programs or gain rights.
    ...['-sandbox', 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny'],
    ...['-chardev', `socket,id=qmp,fd=${descriptors.qmp}`, '-mon', 'chardev=qmp,mode=control'],
    ...['-chardev', `socket,id=console,fd=${descriptors.console}`, '-serial', 'chardev:console'],
    ...['-device', 'isa-debug-exit'],
    ...['-kernel', spec.kernel.file, '-append', spec.commandLine],
  ]
  if (spec.initrd) args.push('-initrd', spec.initrd.file)
  if (spec.errorLine) {
    args.push('-chardev', `socket,id=errors,fd=${descriptors.errorLine}`)
    args.push('-device', 'isa-serial,iobase=0x2f8,irq=3,chardev=errors')
  }
  const devices = spec.disks.map((disk, index) => {
    const drive = `if=none,id=disk${index},format=raw,file=${escapeComma(disk.file)}`
    // QEMU's overlay is a file that has lost its name: it is gone with the process, however that ends.
    const mode = disk.mode === 'scratch' ? 'snapshot=on' : 'readonly=on'
    return ['-drive', `${drive},${mode}`, '-device', `virtio-blk-${bus},drive=disk${index}`]
  })
  if (link) {
    const card = `virtio-net-${bus},netdev=${networkId},mac=${guestNetwork.mac}`
    devices.push(['-netdev', netdev(link), '-device', bus === 'pci' ? `${card},romfile=` : card])
  }
  if (spec.entropy) devices.push(['-device', `virtio-rng-${bus}`])
  return [...args, ...devices.flat()]
}

function netdev(link: LinkEnd): string {
  if (link.kind === 'tap') return `tap,id=${networkId},ifname=${link.device},script=no,downscript=no`
  if (link.kind === 'user' && link.wire) return `socket,id=${networkId},fd=${descriptors.wire}`
  return `user,id=${networkId},restrict=on,ipv6=off`
}

/** QEMU reads `,,` in an option's value as one comma. */
export function escapeComma(value: string): string {
  return value.replaceAll(',', ',,')
}
