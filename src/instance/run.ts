import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { chooseLink, openLink } from '../link/choose.ts'
import type { GuestRequest, GuestResponse } from '../link/http.ts'
import type { LinkKind, MachineSpec, NetworkSpec } from '../vmm/machine.ts'
import type { Accel, Vmm } from '../vmm/vmm.ts'
import { chooseVmm, chooseVmmFor } from '../vmm/vmms.ts'
import { explained, hintsFor } from './failure.ts'
import { type Instance, startInstance } from './instance.ts'
import { type HandlerAnswer, invokeHandler, isDropped, requestWeb } from './invoke.ts'
import { type Phases, phasesOf } from './phases.ts'
import { type Accept, type Prepared, prepare } from './prepare.ts'
import { bootTimeoutMs, type Ready, whenReady } from './ready.ts'
import { invokeRuntime, whenStarted } from './runtime-api/invoke.ts'
import { type RuntimeApi, runtimeApi } from './runtime-api/server.ts'

export interface RunOptions {
  folder: string
  /** What the command line says over ufr.json. */
  overrides: Partial<FunctionSpec>
  accel: Accel | 'auto'
  link: LinkKind | 'auto'
  progress: Progress
  /** Makes what is to be booted, in the place of `prepare`. */
  prepareWith?: typeof prepare
  /** Starts the machine, in the place of the VMM that the function's settings choose. */
  vmm?: Vmm
  accept?: Accept
  /** Takes what the program prints, as it comes; a program's standard output apart where the kernel can tell. */
  output(bytes: Buffer): void
  errors(bytes: Buffer): void
  kernelLines(bytes: Buffer): void
  /** Ends everything when it aborts (Ctrl-C); its reason is thrown. */
  signal: AbortSignal
}

/** A function's instance from start to end, with what a report about it needs. */
export interface Run {
  prepared: Prepared
  vmm: Vmm
  accel: Accel
  instance: Instance
  /** Where the program gets its events, if it is one that asks for them. */
  api?: RuntimeApi
  /** What somebody should know about how it was run, such as that it was emulated because KVM does not work. */
  notes: string[]
  /** Adds a note, and tells it at once. */
  note(text: string): void
  phases(): Phases
}

/**
 * Prepares a function, boots it, lets `use` have the running instance and stops it, however `use` ends.
 * @throws UfrError of any step; the signal's reason.
 */
export async function withInstance<T>(
  options: RunOptions,
  use: (run: Run, times: Times) => Promise<T>,
): Promise<T> {
  const { progress, signal } = options
  const make = options.prepareWith ?? prepare
  const prepared = await make(options.folder, options.overrides, progress, async (spec) => {
    await options.accept?.(spec)
    // Looked for before anything large is fetched for it.
    const usual = chooseVmm(spec.vmm ?? 'auto')
    if (spec.vmm === usual.name) await usual.chooseAccel(options.accel)
  })
  const notes: string[] = []
  const note = (text: string) => {
    notes.push(text)
    progress.note(text)
  }
  const { spec, unikernel } = prepared
  const fits = (candidate: Vmm) => suits(prepared, candidate, options.link)
  const vmm = options.vmm ?? (await chooseVmmFor(spec.vmm ?? 'auto', options.accel, fits))
  if (vmm.note !== undefined) note(vmm.note)
  const { accel, reason } = await vmm.chooseAccel(options.accel)
  if (accel === 'tcg' && options.accel === 'auto') note(`Emulated, so slower than on KVM: ${reason}.`)
  const network = networkOf(prepared, vmm, accel, options.link)
  const machine = await machineOf(prepared, vmm, accel, network)
  const { output, errors, kernelLines } = options
  for (let attempt = 1; ; attempt++) {
    signal.throwIfAborted()
    const api = network?.calls ? runtimeApi() : undefined
    const link = network && (await openLink(network, progress, api?.answer))
    const entryMark = prepared.program.entryMark !== undefined
    const start = { unikernel, vmm, accel, machine, link, entryMark, output, errors, kernelLines }
    const instance = await startInstance(start).catch(async (error: unknown) => {
      await link?.close()
      throw error
    })
    try {
      return await raced({ prepared, vmm, accel, instance, notes, note, ...(api && { api }) }, use, signal)
    } catch (error) {
      if (attempt === mostAttempts || !isDeath(error) || !unikernel.worthRetrying(instance.console))
        throw await explained(error, prepared, instance.console)
      note('The guest started before its disks were there; starting it again.')
    } finally {
      await instance.stop()
    }
  }
}

/** The machine that a prepared function runs on. */
export async function machineOf(
  prepared: Prepared,
  vmm: Vmm,
  accel: Accel,
  network: NetworkSpec | undefined,
): Promise<MachineSpec> {
  const { spec, unikernel, program, image } = prepared
  const tscKhz = await vmm.tscKhz(accel)
  return unikernel.machine(program, image.volumes, {
    memoryMiB: spec.memoryMiB,
    cpus: spec.cpus,
    traits: vmm.traits(accel),
    network,
    program: spec.shape === 'program',
    tscKhz,
  })
}

/**
 * Whether a VMM that was not asked for can take QEMU's place: it has a link and can start the kernel, and for a program
 * what its result needs, a line of its own for standard error and a way to tell the exit status.
 */
async function suits(prepared: Prepared, vmm: Vmm, link: LinkKind | 'auto'): Promise<boolean> {
  const { errorLine, exitDevice, boards, protocols } = vmm.traits('kvm')
  if (prepared.spec.shape === 'program' && !(errorLine && exitDevice)) return false
  try {
    const machine = await machineOf(prepared, vmm, 'kvm', networkOf(prepared, vmm, 'kvm', link))
    return boards.includes(machine.board) && machine.kernel.protocols.some((each) => protocols.includes(each))
  } catch (error) {
    if (error instanceof UfrError) return false
    throw error
  }
}

/** The network that a function gets: a program that reaches nothing has none at all. */
export function networkOf(
  { spec, unikernel, program }: Prepared,
  vmm: Vmm,
  accel: Accel,
  wanted: LinkKind | 'auto',
): NetworkSpec | undefined {
  const egress = spec.network === 'egress'
  if (spec.shape === 'program' && !egress) return undefined
  const calls = program.callsRuntimeApi === true
  return chooseLink({ wanted, egress, calls, vmm: { name: vmm.name, traits: vmm.traits(accel) }, unikernel })
}

const mostAttempts = 3

function isDeath(error: unknown): boolean {
  return error instanceof UfrError && error.code === 'UFR-GUEST-DIED'
}

/** Lets `use` work until it is done or the signal aborts. */
async function raced<T>(
  running: Omit<Run, 'phases'>,
  use: (run: Run, times: Times) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  const { instance } = running
  const times: Times = {}
  const phases = () => phasesOf(instance.vm.times, instance.console, times.ready, times.response)
  const aborted = Promise.withResolvers<never>()
  const abort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  try {
    return await Promise.race([use({ ...running, phases }, times), aborted.promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** What `use` fills in as it goes: `performance.now()`. */
export interface Times {
  ready?: number
  response?: number
}

/** Waits until a handler or web function can take work. */
export async function ready(run: Run, times: Times, mistakes = 0): Promise<Ready> {
  const { spec, program } = run.prepared
  const found = await whenReady(run.instance, {
    // Our own server listens where we tell it to; a web function where it likes.
    port: spec.shape === 'handler' ? handlerPort : spec.port,
    tellsReady: program.tellsReady,
    accel: run.accel,
    timeoutMs: bootTimeoutMs(run.accel),
    mistakes,
  })
  times.ready = found.at
  return found
}

/** Where the guest-side server of handlers listens. */
export const handlerPort = 8080

/** As much of a handler's error as is looked at for what it lacked. */
const mostTextBytes = 64 << 10

/** Boots a handler and sends it one event. */
export async function invokeOnce(run: Run, times: Times, event: Uint8Array): Promise<HandlerAnswer> {
  if (run.api) return invokeByApi(run, run.api, times, event)
  const found = await ready(run, times)
  const answer = await invokeHandler(run.instance, found, event, run.prepared.spec.timeoutSeconds * 1000)
  times.response = performance.now()
  if (answer.error) await hintsFor(run, answer.body.toString('utf8', 0, mostTextBytes))
  return answer
}

/** The same for a program that asks for its events. */
async function invokeByApi(
  run: Run,
  api: RuntimeApi,
  times: Times,
  event: Uint8Array,
): Promise<HandlerAnswer> {
  const started = await whenStarted(run.instance, api, bootTimeoutMs(run.accel))
  times.ready = started.at
  const answer = await invokeRuntime(run.instance, api, started, event, run.prepared.spec)
  times.response = performance.now()
  return answer
}

/** How often a server may be taken for ready that is not; by then it is looked at for half a second. */
const mostMistakes = 4

/** Boots a web function and sends it one request. */
export async function requestOnce(
  run: Run,
  times: Times,
  path: string | GuestRequest,
): Promise<GuestResponse> {
  for (let mistakes = 0; ; mistakes++) {
    const found = await ready(run, times, mistakes)
    const tried = found.socket !== undefined
    try {
      const response = await requestWeb(run.instance, found, path, run.prepared.spec.timeoutSeconds * 1000)
      times.response = performance.now()
      return response
    } catch (error) {
      // Found by trying, a server may have been taken for ready when the guest was only slow to refuse.
      if (!tried || mistakes === mostMistakes || !isDropped(error)) throw error
    }
  }
}

/**
 * Waits for a program's end.
 * @returns its exit status.
 * @throws UfrError UFR-FUNCTION-TIMEOUT, UFR-GUEST-DIED where the guest ended without telling a status.
 */
export async function awaitEnd(run: Run, times: Times): Promise<number> {
  const { spec } = run.prepared
  const limitMs = spec.timeoutSeconds * 1000 + bootTimeoutMs(run.accel)
  const timer = Promise.withResolvers<undefined>()
  const handle = setTimeout(() => timer.resolve(undefined), limitMs)
  const end = await Promise.race([run.instance.ended, timer.promise])
  clearTimeout(handle)
  const detail = run.instance.console.tail()
  if (!end)
    throw new UfrError('UFR-FUNCTION-TIMEOUT', `the program did not end within ${limitMs / 1000} s`, {
      detail,
    })
  if (end.status === undefined) {
    throw new UfrError('UFR-GUEST-DIED', 'the guest ended without an exit status of the program', { detail })
  }
  times.response = performance.now()
  if (end.status !== 0) await hintsFor(run)
  return end.status
}
