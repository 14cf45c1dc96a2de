import { UfrError } from '../../base/errors.ts'
import { guestNetwork, type MachineSpec } from '../machine.ts'
import type { LinkEnd } from '../vmm.ts'
import type { Put, PutBodies } from './api.ts'
import { cpuidModifiers } from './cpuid.ts'

/** Where Firecracker, in its jail or out of it, finds what a machine is made of. */
export interface MachinePaths {
  kernel: string
  initrd?: string
  /** In the order of the machine's disks. */
  disks: string[]
  /** The Unix socket that stands for the guest's vsock. */
  vsock?: string
}

/** The guest's address on its vsock; 0 to 2 are taken (vsock(7)). */
export const guestCid = 3

/** Room for the command line, with the NUL at its end (firecracker: arch/x86_64/layout, CMDLINE_MAX_SIZE). */
export const commandLineBytes = 2048

const largestMachine = 32

/**
 * The requests that make a machine, in their order: drives become vda, vdb, … in the order in which they come. None is
 * the "root device", for which Firecracker would add words of its own to the command line.
 * @throws UfrError UFR-MACHINE for what Firecracker has not.
 */
export function machineRequests(spec: MachineSpec, paths: MachinePaths, link?: LinkEnd): Put[] {
  const requests: Put[] = []
  const put = <Path extends keyof PutBodies>(path: Path, body: PutBodies[Path]) => {
    requests.push({ path, body } as Put)
  }
  put('/machine-config', { vcpu_count: spec.cpus, mem_size_mib: spec.memoryMiB })
  if (spec.cpuFeatures?.length) put('/cpu-config', { cpuid_modifiers: cpuidModifiers(spec.cpuFeatures) })
  put('/boot-source', {
    kernel_image_path: paths.kernel,
    boot_args: spec.commandLine,
    ...(paths.initrd !== undefined && { initrd_path: paths.initrd }),
  })
  spec.disks.forEach(({ mode }, index) => {
    put(`/drives/disk${index}`, {
      drive_id: `disk${index}`,
      path_on_host: paths.disks[index]!,
      is_root_device: false,
      is_read_only: mode === 'read-only',
    })
  })
  if (link?.kind === 'tap') {
    put('/network-interfaces/net', {
      iface_id: 'net',
      host_dev_name: link.device,
      guest_mac: guestNetwork.mac,
    })
  }
  if (paths.vsock !== undefined) put('/vsock', { guest_cid: guestCid, uds_path: paths.vsock })
  if (spec.entropy) put('/entropy', {})
  return requests
}

/** @throws UfrError UFR-MACHINE for what Firecracker has not. */
export function refuseImpossible(spec: MachineSpec, link: LinkEnd | undefined): void {
  const refuse = (what: string, fix: string) =>
    new UfrError('UFR-MACHINE', `Firecracker has ${what}`, { fix })
  if (spec.board !== 'microvm') throw refuse(`no ${spec.board} hardware`, 'Use --vmm qemu.')
  if (spec.errorLine) throw refuse('one serial line only', 'Use --vmm qemu.')
  if (link?.kind === 'user') throw refuse('no network stack of its own', 'Use --link tap or --link vsock.')
  if (spec.cpus < 1 || spec.cpus > largestMachine) {
    throw refuse(`1 to ${largestMachine} CPUs for a guest, not ${spec.cpus}`, 'Set "cpus" in ufr.json.')
  }
}
