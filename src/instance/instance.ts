import { UfrError } from '../base/errors.ts'
import type { Link } from '../link/link.ts'
import { type Mark, markNames } from '../link/marks.ts'
import type { Unikernel } from '../unikernel/unikernel.ts'
import type { MachineSpec } from '../vmm/machine.ts'
import type { Accel, Address, Vm, VmExit, Vmm } from '../vmm/vmm.ts'
import { type GuestConsole, guestConsole } from './console.ts'
import { lastMark } from './phases.ts'

/** How an instance is started. */
export interface InstanceOptions {
  unikernel: Unikernel
  vmm: Vmm
  accel: Accel
  machine: MachineSpec
  /** Where the machine has a network: closed when the instance is stopped. */
  link?: Link | undefined
  /** Whether the image tells when the program begins. */
  entryMark?: boolean
  /** Takes what the program printed on standard output (and on standard error, where the two are not kept apart). */
  output?(bytes: Buffer): void
  /** Takes what the program printed on standard error, where it is kept apart. */
  errors?(bytes: Buffer): void
  /** Takes the kernel's own console lines. */
  kernelLines?(bytes: Buffer): void
}

/** One life of a function in a VM. Whoever started it stops it. */
export interface Instance {
  readonly vm: Vm
  readonly console: GuestConsole
  readonly link: Link | undefined
  /**
   * Where the host finds a port of the guest.
   * @throws UfrError UFR-VMM-CONTROL where the VMM refuses, or there is no network.
   */
  reach(guestPort: number): Promise<Address>
  /** Resolves with the program's end, once all of the console has been taken. */
  readonly ended: Promise<InstanceEnd>
  stop(): Promise<void>
}

export interface InstanceEnd {
  exit: VmExit
  /** The program's exit status, where the guest told it. */
  status: number | undefined
}

/** @throws UfrError as the VMM's `start` does. */
export async function startInstance(options: InstanceOptions): Promise<Instance> {
  const { unikernel, vmm, accel, machine, link } = options
  const console = guestConsole({
    kernelLine: unikernel.kernelLine,
    carriageReturns: unikernel.carriageReturns,
    entryMark: options.entryMark === true,
    ...(options.output && { program: options.output }),
    ...(options.kernelLines && { kernel: options.kernelLines }),
  })
  const errorLine = guestConsole({
    kernelLine: () => undefined,
    carriageReturns: unikernel.carriageReturns,
    ...(options.errors && { program: options.errors }),
  })
  const output = { console: console.push, errorLine: errorLine.push }
  const vm = await vmm.start(machine, { accel, output, ...(link && { link: link.end }) })
  const ended = vm.exit.then((exit) => {
    console.end()
    errorLine.end()
    return { exit, status: unikernel.exitStatus(exit, console) }
  })
  // A guest that has told its program's end has nothing more to do: no need to wait until it has shut down.
  console.watch((mark) => {
    if (mark.name === markNames.exit) void vm.stop()
  })
  async function reach(guestPort: number): Promise<Address> {
    if (link) return link.reach(vm, guestPort)
    throw new UfrError('UFR-VMM-CONTROL', `the guest has no network on which to reach port ${guestPort}`)
  }
  async function stop(): Promise<void> {
    await vm.stop()
    await link?.close()
  }
  return { vm, console, link, ended, reach, stop }
}

/**
 * Waits for a mark.
 * @throws UfrError as `endError` where the instance ends first; the signal's reason when it aborts.
 */
export function waitForMark(
  instance: Instance,
  wanted: (mark: Mark) => boolean,
  signal: AbortSignal,
): Promise<Mark & { at: number }> {
  const { promise, resolve, reject } = Promise.withResolvers<Mark & { at: number }>()
  const there = instance.console.marks.find(wanted)
  if (there) return Promise.resolve(there)
  const unwatch = instance.console.watch((mark) => wanted(mark) && resolve(mark))
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  instance.ended.then((end) => reject(endError(instance, end)))
  return promise.finally(() => {
    unwatch()
    signal.removeEventListener('abort', abort)
  })
}

/** What to say when an instance ended although somebody still wanted something of it. */
export function endError(instance: Instance, end: InstanceEnd): UfrError {
  const detail = instance.console.tail()
  if (end.status !== undefined) {
    const how =
      end.status > 128 ? `was ended by signal ${end.status - 128}` : `exited with status ${end.status}`
    return new UfrError('UFR-FUNCTION-EXITED', `the program ${how} before it answered`, { detail })
  }
  const words = end.exit.errors.trim().split('\n').at(-1)
  // What a VMM said before somebody else killed it was not why.
  const killed = end.exit.signal === 'SIGKILL' || (end.exit.signal && !words)
  const why = killed ? `the VMM got ${end.exit.signal}` : words || 'it stopped by itself'
  return new UfrError('UFR-GUEST-DIED', `the guest ended: ${why}`, { detail })
}

/** The port that the guest last said it listens on. */
export function tellsPort(instance: Instance): number | undefined {
  const value = lastMark(instance.console.marks, markNames.ready)?.value
  return value === undefined ? undefined : Number(value)
}
