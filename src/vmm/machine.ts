export interface Disk {
  /** Path on the host. The file itself is never written to: many instances share it. */
  file: string
  /** `scratch`: the guest may write, into an overlay of its own that is gone with the instance. */
  mode: 'read-only' | 'scratch'
  /** sha256 of what the disk holds; the path may change, this may not. */
  digest: string
}

/**
 * How host and guest talk. `user` is QEMU's own network stack: no privilege, loopback ports of the host only. `tap` is
 * an interface in a network namespace of the instance's own. `vsock` carries streams without a network.
 */
export type LinkKind = 'user' | 'tap' | 'vsock'

export interface NetworkSpec {
  link: LinkKind
  /** Whether the guest may open connections to the outside; without it the host is always the client. */
  egress: boolean
  /**
   * Whether the guest may call its own ufr: at the gateway's address, at `callPort`. What listens there is for this one
   * guest, and nothing else is to be had there.
   */
  calls?: boolean
}

/**
 * How a kernel is entered: `pvh` by Xen's note in its ELF file, `linux` by the 64-bit boot protocol, `multiboot` by
 * the header of version 1.
 */
export type BootProtocol = 'pvh' | 'linux' | 'multiboot'

/** `microvm` has devices on virtio-mmio and little else, `pc` has PCI and the legacy hardware of a PC. */
export type Board = 'microvm' | 'pc'

/**
 * What a VMM is asked to start. It names no kernel and no VMM: a unikernel makes one, a VMM takes one. Plain data, so
 * that it can be hashed; a snapshot's key will cover it.
 */
export interface MachineSpec {
  kernel: {
    /** An ELF file. */
    file: string
    digest: string
    /** Ways in which it starts, the one that suits it best first. A VMM takes the first that it has. */
    protocols: BootProtocol[]
  }
  board: Board
  initrd?: { file: string; digest: string }
  commandLine: string
  /** In the order in which the guest is to find them. */
  disks: Disk[]
  memoryMiB: number
  cpus: number
  /** Features of the processor to take away (`-avx`) or to ask for, in QEMU's names. */
  cpuFeatures?: string[]
  network?: NetworkSpec
  /** Whether a second serial line is wanted, so that standard error stays apart from standard output. */
  errorLine: boolean
  /** Seed the guest's random numbers from the host's (virtio-rng). */
  entropy: boolean
}

/** The guest's end of its network: the same on every link, so that all instances are alike and can be cloned. */
export const guestNetwork = {
  address: '10.0.2.15',
  netmask: '255.255.255.0',
  prefix: 24,
  gateway: '10.0.2.2',
  nameserver: '10.0.2.3',
  /** Locally administered. */
  mac: '52:54:00:75:66:72',
} as const

/** Where a guest that may calls its ufr: the port that AWS's Runtime API has, of the gateway's address on every link. */
export const callPort = 9001

/** The host's address on a vsock (vsock(7), VMADDR_CID_HOST). */
export const vsockHost = 2

/** I/O port of QEMU's isa-debug-exit: a kernel that knows it ends the VM by writing its status there. */
export const exitPort = 0x501
