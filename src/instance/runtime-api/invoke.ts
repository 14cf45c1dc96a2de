import { randomBytes, randomUUID } from 'node:crypto'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { endError, type Instance } from '../instance.ts'
import type { HandlerAnswer } from '../invoke.ts'
import type { FunctionError, Invocation } from './protocol.ts'
import type { RuntimeApi, Started } from './server.ts'

/**
 * Waits until a runtime has asked for its first event, or said that it cannot work.
 * @throws UfrError UFR-BOOT-TIMEOUT, or as `endError` where the instance ends first.
 */
export async function whenStarted(instance: Instance, api: RuntimeApi, timeoutMs: number): Promise<Started> {
  const limit = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    const message = `the program did not ask the Runtime API for an event within ${timeoutMs / 1000} s`
    limit.reject(new UfrError('UFR-BOOT-TIMEOUT', message, { detail: instance.console.tail() }))
  }, timeoutMs)
  const died = instance.ended.then((end) => Promise.reject(endError(instance, end)))
  died.catch(() => {})
  try {
    return await Promise.race([api.started, died, limit.promise])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Sends an event to a runtime that has started.
 * @throws UfrError UFR-FUNCTION-TIMEOUT, UFR-FUNCTION-EXITED, UFR-GUEST-DIED.
 */
export async function invokeRuntime(
  instance: Instance,
  api: RuntimeApi,
  { error }: Started,
  event: Uint8Array,
  spec: FunctionSpec,
): Promise<HandlerAnswer> {
  if (error) return unhandled(error)
  const timeoutMs = spec.timeoutSeconds * 1000
  const limit = new AbortController()
  const timer = setTimeout(() => {
    const detail = instance.console.tail()
    limit.abort(new UfrError('UFR-FUNCTION-TIMEOUT', `no answer within ${spec.timeoutSeconds} s`, { detail }))
  }, timeoutMs)
  instance.ended.then((end) => limit.abort(endError(instance, end)))
  try {
    const outcome = await api.invoke(invocationOf(event, spec, timeoutMs), limit.signal)
    return outcome.error ? unhandled(outcome.error) : { body: outcome.body, error: undefined }
  } finally {
    clearTimeout(timer)
  }
}

function unhandled({ body }: FunctionError): HandlerAnswer {
  return { body, error: 'Unhandled' }
}

function invocationOf(event: Uint8Array, spec: FunctionSpec, timeoutMs: number): Invocation {
  const region = spec.environment['AWS_REGION'] ?? 'us-east-1'
  return {
    event,
    requestId: randomUUID(),
    deadlineMs: Date.now() + timeoutMs,
    functionArn: `arn:aws:lambda:${region}:000000000000:function:${spec.name}`,
    traceId: traceId(),
  }
}

/** As X-Ray makes them: the time in seconds and 96 random bits; nobody traces here. */
function traceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16)
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')};Parent=${randomBytes(8).toString('hex')};Sampled=0`
}
