import type { Duplex } from 'node:stream'
import type { VmmName } from '../function/spec.ts'
import type { Board, BootProtocol, LinkKind, MachineSpec } from './machine.ts'

export type Accel = 'kvm' | 'tcg'

export interface AccelChoice {
  accel: Accel
  /** Why, in words that can follow a colon. */
  reason: string
}

export interface VmExit {
  /** What the guest reported as its exit status through the exit device, where it did. */
  guestStatus?: number
  /** The VMM's own exit code or signal. */
  code: number | null
  signal: NodeJS.Signals | null
  /** What the VMM wrote to standard error. */
  errors: string
}

/** Times in milliseconds of `performance.now()`. */
export interface VmTimes {
  /** The VMM's process was started. */
  spawned: number
  /** The first virtual CPU was set running. */
  vcpu: number
}

/**
 * Where the host finds a port of the guest: a TCP address, or a Unix socket that leads to the guest's ports: a relay's
 * beside the guest, or Firecracker's, which leads to a relay in the guest.
 */
export type Address =
  | { host: string; port: number }
  | { socket: string; port: number; through: 'relay' | 'vsock' }

/** What a VMM offers to a guest: from it a unikernel sees what to ask for, without knowing any VMM by name. */
export interface VmmTraits {
  accel: Accel
  boards: readonly Board[]
  protocols: readonly BootProtocol[]
  links: readonly LinkKind[]
  /** Whether there can be a second serial line. */
  errorLine: boolean
  /** Whether a guest can end the machine with a status of its own (isa-debug-exit). */
  exitDevice: boolean
  /** Most bytes of a kernel's command line, with what the VMM adds to it. */
  commandLineBytes: number
  /** Whether the VMM writes words of its own behind the command line. */
  extendsCommandLine: boolean
}

/** Where a program is to run. */
export interface Namespaces {
  /** Path of the network namespace. */
  namespace: string
  /** Path of the user namespace that it belongs to, where that is not ours. */
  userNamespace?: string
  /** The group that may take the interface there; without one it is our own user. */
  group?: number
}

/** The VMM's end of a link that has been made for one machine. */
export type LinkEnd =
  /** Where `wire` is there it gets the socket that carries the guest's frames, in place of QEMU's network stack. */
  | { kind: 'user'; wire?(socket: Duplex): void }
  /** The VMM is to run where the interface is. */
  | ({ kind: 'tap'; device: string } & Namespaces)
  /** A Unix socket for the VMM to make, through which the host reaches the guest's vsock ports. */
  | { kind: 'vsock'; socket: string }

export interface StartOptions {
  accel: Accel
  output: VmOutput
  /** Where the machine has a network. */
  link?: LinkEnd
}

/** A running machine. Whoever started it stops it, on every path. */
export interface Vm {
  readonly pid: number
  readonly times: VmTimes
  /**
   * An address on the host that leads to a port of the guest through the VMM itself: for the link `user`.
   * @throws UfrError UFR-VMM-CONTROL where the VMM refuses or does not do that.
   */
  forward(guestPort: number): Promise<Address>
  /** Resolves once the VMM's process is gone; never rejects. */
  readonly exit: Promise<VmExit>
  /** Ends the VM at once and waits until its process is gone. Safe to call again. */
  stop(): Promise<void>
}

/** Where a VM's serial output goes, chunk by chunk as it arrives. */
export interface VmOutput {
  console(chunk: Buffer): void
  /** The second serial line, where the machine has one. */
  errorLine(chunk: Buffer): void
}

export interface Vmm {
  readonly name: VmmName
  /** What a person should know of how machines run here; nothing where they run as they should. */
  readonly note?: string
  /** The program's version; asks it, so not for the hot path. */
  version(): string
  /**
   * Decides how guests run. `auto` takes kvm only where a probe guest has shown that it works, and says why not.
   * @throws UfrError UFR-KVM where kvm is asked for and cannot be had.
   */
  chooseAccel(wanted: Accel | 'auto'): Promise<AccelChoice>
  /** Frequency of the guest's time stamp counter in kHz, where a guest cannot be trusted to find it out by itself. */
  tscKhz(accel: Accel): Promise<number | undefined>
  traits(accel: Accel): VmmTraits
  /**
   * Starts a machine and returns when its vCPU runs.
   * @throws UfrError UFR-VMM-START with the VMM's own words where it refuses, UFR-VMM-KERNEL for a kernel that it
   * cannot start.
   */
  start(spec: MachineSpec, options: StartOptions): Promise<Vm>
}
