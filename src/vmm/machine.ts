export interface Disk {
  /** Path on the host. The file itself is never written to: many instances share it. */
  file: string
  /** `scratch`: the guest may write, into an overlay of its own that is gone with the instance. */
  mode: 'read-only' | 'scratch'
  /** sha256 of what the disk holds; the path may change, this may not. */
  digest: string
}

/** How the host reaches the guest. `user` is QEMU's own network stack: no privilege, loopback ports of the host only. */
export interface NetworkSpec {
  link: 'user'
}

/**
 * What a VMM is asked to start. It names no kernel and no VMM: a unikernel makes one, a VMM takes one. Plain data, so
 * that it can be hashed; a snapshot's key will cover it.
 */
export interface MachineSpec {
  /** ELF with a PVH entry note. */
  kernel: { file: string; digest: string }
  initrd?: { file: string; digest: string }
  commandLine: string
  /** In the order in which the guest is to find them. */
  disks: Disk[]
  memoryMiB: number
  cpus: number
  network?: NetworkSpec
  /** Whether a second serial line is wanted, so that standard error stays apart from standard output. */
  errorLine: boolean
  /** Seed the guest's random numbers from the host's (virtio-rng). */
  entropy: boolean
}

/** The guest's end of the `user` link: fixed, so that every instance is alike and can be cloned. */
export const guestNetwork = {
  address: '10.0.2.15',
  netmask: '255.255.255.0',
  gateway: '10.0.2.2',
  nameserver: '10.0.2.3',
} as const

/** I/O port of QEMU's isa-debug-exit: a kernel that knows it ends the VM by writing its status there. */
export const exitPort = 0x501
