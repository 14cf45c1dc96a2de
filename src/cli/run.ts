import { UfrError } from '../base/errors.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { Shape } from '../function/spec.ts'
import type { Phases } from '../instance/phases.ts'
import { prepare } from '../instance/prepare.ts'
import {
  awaitEnd,
  invokeOnce,
  type Run,
  ready,
  requestOnce,
  type Times,
  withInstance,
} from '../instance/run.ts'
import { openDoor } from '../link/door.ts'
import { type Heard, hear, textOf } from './heard.ts'
import { readAccel, readEvent, readLink, readRequestPath } from './input.ts'
import { type Action, type Call, printJson } from './outcome.ts'
import { phasesBar } from './phases-bar.ts'
import type {
  HandlerErrorReport,
  HandlerReport,
  ProgramReport,
  RequestReport,
  ServingReport,
} from './schema/run.ts'
import type { Tracer } from './trace.ts'

export const run: Action = async (call) => {
  const { options, progress, signal, json } = call
  const tracer = await tracerOf(options)
  const folder = String(call.words[0] ?? '.')
  const accel = readAccel(options['accel'])
  const link = readLink(options['link'])
  const request = readRequestPath(options['request'])
  const event = await readEvent(options['event'], signal)
  const heard = hear(json)
  const running = withInstance(
    {
      folder,
      overrides: { ...environmentSettings(), ...flagSettings(options) },
      accel,
      link,
      progress,
      signal,
      ...heard,
      accept({ shape }) {
        refuseUnfit(call, shape)
        heard.toResult = shape === 'program'
      },
      ...(tracer && {
        async prepareWith(...given) {
          const prepared = await prepare(...given)
          tracer.prepared()
          return prepared
        },
      }),
    },
    async (running, times) => {
      tracer?.started(running)
      const { shape } = running.prepared.spec
      if (shape === 'program') return runProgram(call, running, times, heard)
      if (shape === 'handler') return runHandler(call, running, times, heard, event ?? Buffer.from('{}'))
      if (request !== undefined) return runRequest(call, running, times, heard, request)
      return serve(call, running, times)
    },
  )
  return tracer ? tracer.whenOver(running) : running
}

/** What few ask for is loaded for them alone. */
async function tracerOf(options: Call['options']): Promise<Tracer | undefined> {
  if (options['trace'] === undefined && options['traceFormat'] === undefined) return undefined
  const { readTrace } = await import('./trace.ts')
  return readTrace(options)
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
  const { body, error } = await invokeOnce(running, times, event)
  const { text, base64 } = textOf(body)
  const console = heard.console().toString()
  if (!call.json) {
    summary(call, running)
    process.stdout.write(body)
    // What a handler streams may be anything; an end of line in bytes that are no text would be one too many.
    if (!base64) process.stdout.write('\n')
  } else if (error) {
    const document = { ...report(running, 'handler' as const), error: lambdaError(text), console }
    printJson<HandlerErrorReport>(document)
  } else {
    const response = { response: parsed(text), ...(base64 && { base64 }) }
    printJson<HandlerReport>({ ...report(running, 'handler' as const), ...response, console })
  }
  return error ? 1 : 0
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    // A streaming handler may answer with anything.
    return body
  }
}

/** The guest's word for an error, made sure to have Lambda's shape: a function can do what it likes in its guest. */
function lambdaError(body: string): HandlerErrorReport['error'] {
  const value = parsed(body)
  const told = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
  const { errorType, errorMessage, trace } = told
  return {
    ...told,
    errorType: typeof errorType === 'string' ? errorType : 'Unhandled',
    errorMessage: typeof errorMessage === 'string' ? errorMessage : body,
    trace: Array.isArray(trace) ? trace.map(String) : [],
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
    const { text, base64 } = textOf(body)
    printJson<RequestReport>({
      ...report(running, 'web' as const),
      response: { status, headers: definite(headers), body: text, ...(base64 && { base64 }) },
      console: heard.console().toString(),
    })
  } else {
    summary(call, running, `, HTTP ${status}`)
    process.stdout.write(body)
  }
  return status >= 500 ? 1 : 0
}

function definite<T>(record: Record<string, T | undefined>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(record).filter((pair): pair is [string, T] => pair[1] !== undefined),
  )
}

async function runProgram(call: Call, running: Run, times: Times, heard: Heard): Promise<number> {
  const status = await awaitEnd(running, times)
  if (call.json) {
    const { text, base64 } = textOf(heard.printed())
    const more = { ...(base64 && { base64 }), ...(heard.cut() && { cut: true as const }) }
    printJson<ProgramReport>({
      ...report(running, 'program' as const),
      response: { status, output: text, ...more },
      console: heard.console().toString(),
    })
  } else summary(call, running, `, exit status ${status}`)
  return status === 0 ? 0 : 1
}

async function serve(call: Call, running: Run, times: Times): Promise<number> {
  const { address, socket } = await ready(running, times)
  // A server that takes one connection at a time would wait on it for ever.
  socket?.destroy()
  const door = await openDoor(address)
  const url = `http://${door.address.host}:${door.address.port}/`
  if (call.json) printJson<ServingReport>({ ...report(running, 'web' as const), url })
  else {
    summary(call, running)
    process.stdout.write(`${url}\n`)
    call.progress.note('Serving until Ctrl-C.')
  }
  // Also where Ctrl-C stops the instance.
  const end = await running.instance.ended
  door.close()
  const detail = running.instance.console.tail()
  throw new UfrError('UFR-FUNCTION-EXITED', `the server ended (status ${end.status ?? 'unknown'})`, {
    detail,
  })
}

/** The part of `ufr run --json` that all shapes have; docs/schema/run.schema.json. */
function report<S extends Shape>({ prepared, vmm, accel, notes, phases }: Run, shape: S) {
  const { spec, unikernel, image } = prepared
  return {
    function: spec.name,
    shape,
    unikernel: unikernel.name,
    kernelVersion: unikernel.kernel.version,
    vmm: vmm.name,
    accel,
    image: { digest: image.record.digest, bytes: image.bytes, buildMs: image.buildMs, cached: image.cached },
    phases: phases(),
    ...(notes.length > 0 && { notes }),
  }
}

function summary({ progress }: Call, running: Run, more = ''): void {
  const { prepared, vmm, accel, phases } = running
  const { spec, unikernel, image } = prepared
  const how = accel === 'tcg' ? `${vmm.name}, emulated` : `${vmm.name}, kvm`
  const built = image.cached ? 'cached' : `built in ${Math.round(image.buildMs)} ms`
  const where = `${unikernel.name} ${unikernel.kernel.version} (${how})`
  const found = phases()
  progress.note(`${spec.name} on ${where}: image ${built}, ${phaseWords(found)}${more}`)
  progress.note(phasesBar(found, process.stderr))
}

function phaseWords({ ready, response }: Phases): string {
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`
  const words = []
  if (ready !== null) words.push(`ready after ${seconds(ready)}`)
  if (response !== null) words.push(`${ready === null ? 'ended' : 'answered'} after ${seconds(response)}`)
  return words.join(', ')
}
