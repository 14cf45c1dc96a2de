import type { ChildProcess } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { UfrError } from '../../base/errors.ts'
import type { MachineSpec } from '../machine.ts'
import type { StartOptions, Vm, VmExit, Vmm, VmmTraits } from '../vmm.ts'
import { cannotEmulate, chooseAccel } from './accel.ts'
import { connectApi, type FirecrackerApi } from './api.ts'
import { type Firecracker, findFirecracker, firecrackerVersion } from './binary.ts'
import { commandLineBytes, machineRequests, refuseImpossible } from './configuration.ts'
import { noJailReason } from './jail.ts'
import { bootFile, protocols } from './kernel.ts'
import { type MetricsReader, readMetrics } from './metrics.ts'
import { closePipes, type Prepared, prepareMachine } from './prepare.ts'
import { tailOf, whenGone } from './process.ts'
import { wordsOf } from './words.ts'

/** A machine in Firecracker. */
export interface FirecrackerVm extends Vm {
  /**
   * What Firecracker has counted since it was asked last (firecracker: src/vmm/src/logger/metrics.rs); once the machine
   * has ended, what it counted at last, where it got as far as that.
   * @throws UfrError UFR-VMM-CONTROL where it does not answer.
   */
  metrics(): Promise<Record<string, unknown>>
}

export interface FirecrackerVmm extends Vmm {
  start(spec: MachineSpec, options: StartOptions): Promise<FirecrackerVm>
}

/** Reading a large kernel on a slow host takes seconds; nothing takes longer. */
const startLimitMs = 60_000
const controlLimitMs = 10_000

/**
 * The Firecracker driver: in upstream's jailer where we may make a jail, else as an ordinary process.
 * @throws UfrError UFR-VMM-MISSING where there is no Firecracker, UFR-STORE-RECORD where the store's is broken.
 */
export function firecracker(): FirecrackerVmm {
  const binary = findFirecracker()
  const unjailed = noJailReason(binary)
  return {
    name: 'firecracker',
    version: () => firecrackerVersion(binary.file),
    ...(unjailed !== undefined && { note: `Firecracker runs without its jailer: ${unjailed}.` }),
    chooseAccel: (wanted) => chooseAccel(binary, wanted, startMachine),
    tscKhz: async () => undefined,
    traits,
    start: (spec, options) => startMachine(binary, spec, options),
  }
}

function traits(): VmmTraits {
  return {
    accel: 'kvm',
    boards: ['microvm'],
    protocols,
    links: ['tap', 'vsock'],
    errorLine: false,
    exitDevice: false,
    commandLineBytes: commandLineBytes - 1,
    extendsCommandLine: true,
  }
}

export interface StartLimits {
  /** Milliseconds until the machine has to run. */
  startMs?: number
}

/** @throws UfrError as `Vmm.start`, and as `prepareMachine` and `bootFile`; nothing is left behind then. */
export async function startMachine(
  binary: Firecracker,
  spec: MachineSpec,
  { accel, output, link }: StartOptions,
  { startMs = startLimitMs }: StartLimits = {},
): Promise<FirecrackerVm> {
  if (accel === 'tcg') throw cannotEmulate()
  refuseImpossible(spec, link)
  const kernel = bootFile(spec.kernel)
  const jailed = noJailReason(binary) === undefined
  const prepared = await prepareMachine(binary, spec, kernel, link, jailed)
  const spawned = performance.now()
  const { child, exit, words, metrics } = launch(prepared, output.console)

  let stopping: Promise<void> | undefined
  function stop(): Promise<void> {
    stopping ??= (async () => {
      child.kill('SIGKILL')
      await exit
    })()
    return stopping
  }

  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(new Error(`it took longer than ${startMs / 1000} s`)), startMs)
  void exit.then((end) => limit.abort(new Error(endWords(end))))
  let api: FirecrackerApi | undefined
  try {
    const pid = jailed ? await toldPid(child, limit.signal) : (child.pid ?? 0)
    api = await connectApi(() => prepared.api(pid), limit.signal)
    prepared.removeRuntime()
    for (const { path, body } of machineRequests(spec, prepared.paths, link)) {
      await api.put(path, body, limit.signal)
    }
    // Firecracker has opened all there is: from here on, not even a SIGKILL of ours leaves a file.
    prepared.remove()
    await api.put('/actions', { action_type: 'InstanceStart' }, limit.signal)
    const times = { spawned, vcpu: performance.now() }
    // Firecracker has just had its output not wait (set_stdout_nonblocking), and loses what a full pipe does not take.
    prepared.pipes.console.makeWritersWait()
    const control = api
    void exit.then(() => control.close())
    return { pid, times, exit, stop, forward, metrics: () => flushed(control, metrics, exit) }
  } catch (error) {
    // One that is gone answers no more, and is missed before its end is known.
    const end = isRefusal(error) ? undefined : await Promise.race([exit, patience()])
    await stop()
    api?.close()
    prepared.remove()
    throw startError(end ? new Error(endWords(end)) : error, words(), binary.file)
  } finally {
    clearTimeout(timer)
  }
}

interface Launched {
  child: ChildProcess
  exit: Promise<VmExit>
  /** What Firecracker has said so far. */
  words(): string[]
  metrics: MetricsReader
}

/** @throws what `spawn` throws; nothing runs and no pipe is open then. */
function launch(prepared: Prepared, print: (chunk: Buffer) => void): Launched {
  const { console, log, metrics } = prepared.pipes
  let child: ChildProcess
  try {
    child = prepared.spawn()
  } catch (error) {
    closePipes([console, log, metrics])
    prepared.remove()
    throw error
  }
  console.reader.on('data', print)
  console.reader.on('error', () => {})
  const logged = tailOf(log.reader)
  const errors = tailOf(child.stderr!)
  const words = () => wordsOf(errors(), logged())
  const counted = readMetrics(metrics.reader)
  const exit = whenGone(child, [console, log, metrics], () => words().join('\n'))
  return { child, exit, words, metrics: counted }
}

/** The process id that Firecracker has on the host. @throws the signal's reason. */
function toldPid(child: ChildProcess, signal: AbortSignal): Promise<number> {
  const told = child.stdio[3] as Duplex
  const { promise, resolve, reject } = Promise.withResolvers<number>()
  let text = ''
  told.on('error', () => {})
  told.on('data', (chunk: Buffer) => {
    text += chunk
    if (text.includes('\n')) resolve(Number(text.trim()))
  })
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort)
  if (signal.aborted) abort()
  return promise.finally(() => signal.removeEventListener('abort', abort))
}

async function flushed(
  api: FirecrackerApi,
  metrics: MetricsReader,
  exit: Promise<VmExit>,
): Promise<Record<string, unknown>> {
  const signal = AbortSignal.timeout(controlLimitMs)
  const next = metrics.next()
  const over = exit.then(() => undefined)
  const asked = api.put('/actions', { action_type: 'FlushMetrics' }, signal).then(() => next)
  asked.catch(() => {})
  const found = (await Promise.race([asked, over])) ?? metrics.last()
  if (found) return found
  throw new UfrError('UFR-VMM-CONTROL', 'Firecracker ended before it told what it had counted')
}

async function forward(port: number): Promise<never> {
  throw new UfrError('UFR-VMM-CONTROL', `Firecracker forwards no ports: port ${port} is reached by its link`)
}

function endWords({ code, signal, errors }: VmExit): string {
  const words = errors.split('\n').at(-1)
  // What it said before somebody else killed it was not why.
  if (signal && (signal === 'SIGKILL' || !words)) return `it got ${signal}`
  return words || `it ended with status ${code}`
}

/** What Firecracker itself said no to; where it says nothing at all, the error has a cause. */
function isRefusal(error: unknown): boolean {
  return error instanceof UfrError && error.cause === undefined
}

const patienceMs = 500

function patience(): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), patienceMs))
}

function startError(error: unknown, words: string[], file: string): UfrError {
  const { message } = error as Error
  return new UfrError(
    'UFR-VMM-START',
    error instanceof UfrError ? message : `Firecracker did not start: ${message}`,
    { cause: error, detail: [file, ...words] },
  )
}
