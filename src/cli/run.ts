import fs from 'node:fs'
import { text } from 'node:stream/consumers'
import { UfrError } from '../base/errors.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { Phases } from '../instance/phases.ts'
import {
  awaitEnd,
  invokeOnce,
  type Run,
  ready,
  requestOnce,
  type Times,
  withInstance,
} from '../instance/run.ts'
import type { Accel } from '../vmm/vmm.ts'
import { type Action, type Call, printJson } from './outcome.ts'

/** Most of a program's output and of the console that a --json report takes. */
const reportBytes = 16 * 1024 * 1024

export const run: Action = async (call) => {
  const { options, progress, signal, json } = call
  if (options['trace'] !== undefined) {
    throw new UfrError('UFR-NOT-YET', '--trace cannot be used yet', {
      fix: 'Leave it out; --json has the phases.',
    })
  }
  const folder = String(call.words[0] ?? '.')
  const event = await readEvent(options['event'])
  const heard = listen(json)
  return withInstance(
    {
      folder,
      overrides: { ...environmentSettings(), ...flagSettings(options) },
      accel: readAccel(options['accel']),
      progress,
      signal,
      ...heard,
      prepared({ spec }) {
        refuseUnfit(call, spec.shape)
        heard.toResult = spec.shape === 'program'
      },
    },
    async (running, times) => {
      const { shape } = running.prepared.spec
      if (shape === 'program') return runProgram(call, running, times, heard)
      if (shape === 'handler') return runHandler(call, running, times, heard, event ?? Buffer.from('{}'))
      if (typeof options['request'] === 'string')
        return runRequest(call, running, times, heard, options['request'])
      return serve(call, running, times)
    },
  )
}

/** What the guest printed, kept for the report or passed on as it comes. */
interface Heard {
  output(bytes: Buffer): void
  errors(bytes: Buffer): void
  kernelLines(bytes: Buffer): void
  printed: Buffer[]
  console: Buffer[]
  /** Where a program's standard output goes: its result, not its log. */
  toResult: boolean
}

function listen(json: boolean): Heard {
  const verbose = Boolean(process.env['UFR_DEBUG'])
  const heard: Heard = { output, errors, kernelLines, printed: [], console: [], toResult: false }
  let bytes = 0
  function keep(list: Buffer[], chunk: Buffer): void {
    bytes += chunk.length
    if (bytes <= reportBytes) list.push(Buffer.from(chunk))
  }
  function output(chunk: Buffer): void {
    if (json) keep(heard.printed, chunk)
    if (json) keep(heard.console, chunk)
    else (heard.toResult ? process.stdout : process.stderr).write(Buffer.from(chunk))
  }
  function errors(chunk: Buffer): void {
    if (json) keep(heard.console, chunk)
    else process.stderr.write(Buffer.from(chunk))
  }
  function kernelLines(chunk: Buffer): void {
    if (json) keep(heard.console, chunk)
    else if (verbose) process.stderr.write(Buffer.from(chunk))
  }
  return heard
}

function readAccel(value: unknown): Accel | 'auto' {
  const accel = value ?? (process.env['UFR_ACCEL'] || 'auto')
  if (accel === 'auto' || accel === 'kvm' || accel === 'tcg') return accel
  throw new UfrError('UFR-USAGE', `UFR_ACCEL is ${accel}`, { fix: 'Set it to auto, kvm or tcg.' })
}

/** @throws UfrError UFR-USAGE where the event is no JSON or its file cannot be read. */
async function readEvent(given: unknown): Promise<Buffer | undefined> {
  if (typeof given !== 'string') return undefined
  const from = given === '-' ? 'standard input' : given.startsWith('@') ? given.slice(1) : '--event'
  let event: string
  try {
    event =
      given === '-'
        ? await text(process.stdin)
        : given.startsWith('@')
          ? fs.readFileSync(from, 'utf8')
          : given
  } catch (cause) {
    throw new UfrError('UFR-USAGE', `the event cannot be read from ${from}: ${(cause as Error).message}`, {
      cause,
    })
  }
  try {
    JSON.parse(event)
  } catch (cause) {
    const fix = `Give JSON, such as --event '{"name":"Ada"}'.`
    throw new UfrError('UFR-USAGE', `the event from ${from} is no JSON: ${(cause as Error).message}`, {
      cause,
      fix,
    })
  }
  return Buffer.from(event)
}

/** @throws UfrError UFR-USAGE for --event without a handler and --request without a web function. */
function refuseUnfit({ options }: Call, shape: string): void {
  const unfit = options['event'] !== undefined && shape !== 'handler' ? '--event' : undefined
  const other = options['request'] !== undefined && shape !== 'web' ? '--request' : undefined
  if (unfit ?? other) {
    const fix =
      '--event goes with a handler, --request with a web function; `shape` in ufr.json says which it is.'
    throw new UfrError('UFR-USAGE', `${unfit ?? other} does not go with a function of the shape ${shape}`, {
      fix,
    })
  }
}

async function runHandler(
  call: Call,
  running: Run,
  times: Times,
  heard: Heard,
  event: Buffer,
): Promise<number> {
  const answer = await invokeOnce(running, times, event)
  const body = answer.body.toString()
  if (call.json) {
    const value = parsed(body)
    printJson({
      ...report(running),
      ...(answer.error ? { error: value } : { response: value }),
      ...consoleOf(heard),
    })
  } else {
    summary(call, running)
    process.stdout.write(`${body}\n`)
  }
  return answer.error ? 1 : 0
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // A streaming handler may answer with anything.
    return body
  }
}

async function runRequest(
  call: Call,
  running: Run,
  times: Times,
  heard: Heard,
  path: string,
): Promise<number> {
  const { status, headers, body } = await requestOnce(running, times, path)
  if (call.json) {
    const whole = body.toString()
    const binary = Buffer.from(whole).equals(body)
      ? { body: whole }
      : { body: body.toString('base64'), base64: true }
    printJson({ ...report(running), response: { status, headers, ...binary }, ...consoleOf(heard) })
  } else {
    summary(call, running, `, HTTP ${status}`)
    process.stdout.write(body)
  }
  return status >= 500 ? 1 : 0
}

async function runProgram(call: Call, running: Run, times: Times, heard: Heard): Promise<number> {
  const status = await awaitEnd(running, times)
  if (call.json) {
    const output = Buffer.concat(heard.printed).toString()
    printJson({ ...report(running), response: { status, output }, ...consoleOf(heard) })
  } else summary(call, running, `, exit status ${status}`)
  return status === 0 ? 0 : 1
}

async function serve(call: Call, running: Run, times: Times): Promise<number> {
  const { address, socket } = await ready(running, times)
  // A server that takes one connection at a time would wait on it for ever.
  socket?.destroy()
  const url = `http://${address.host}:${address.port}/`
  if (call.json) printJson({ ...report(running), url })
  else {
    summary(call, running)
    process.stdout.write(`${url}\n`)
    call.progress.note('Serving until Ctrl-C.')
  }
  const end = await running.instance.ended
  const detail = running.instance.console.tail()
  throw new UfrError('UFR-FUNCTION-EXITED', `the server ended (status ${end.status ?? 'unknown'})`, {
    detail,
  })
}

/** The part of `ufr run --json` that all shapes have; docs/schema/run.schema.json. */
function report({ prepared, vmm, accel, phases }: Run) {
  const { spec, unikernel, image } = prepared
  return {
    function: spec.name,
    shape: spec.shape,
    unikernel: unikernel.name,
    kernelVersion: unikernel.kernel.version,
    vmm: vmm.name,
    accel,
    image: { digest: image.record.digest, bytes: image.bytes, buildMs: image.buildMs, cached: image.cached },
    phases: phases(),
  }
}

function consoleOf(heard: Heard): { console: string } {
  return { console: Buffer.concat(heard.console).toString() }
}

function summary({ progress }: Call, running: Run, more = ''): void {
  const { prepared, vmm, accel, phases } = running
  const { spec, unikernel, image } = prepared
  const how = accel === 'tcg' ? `${vmm.name}, emulated` : `${vmm.name}, kvm`
  const built = image.cached ? 'cached' : `built in ${Math.round(image.buildMs)} ms`
  const where = `${unikernel.name} ${unikernel.kernel.version} (${how})`
  progress.note(`${spec.name} on ${where}: image ${built}, ${phaseWords(phases())}${more}`)
}

function phaseWords({ ready, response }: Phases): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
  const words = []
  if (ready !== null) words.push(`ready after ${seconds(ready)}`)
  if (response !== null) words.push(`${ready === null ? 'ended' : 'answered'} after ${seconds(response)}`)
  return words.join(', ')
}
