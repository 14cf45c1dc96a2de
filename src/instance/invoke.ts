import { randomUUID } from 'node:crypto'
import { systemCode, UfrError } from '../base/errors.ts'
import { type GuestRequest, type GuestResponse, request } from '../link/http.ts'
import { endError, type Instance } from './instance.ts'
import type { Ready } from './ready.ts'

/** AWS's limit for what a handler may answer with, and a little for the frame around it. */
const handlerMaxBytes = 6 * 1024 * 1024 + 1024
const webMaxBytes = 256 * 1024 * 1024
/** Where AWS's runtime interface emulator takes events, too. */
const invocationPath = '/2015-03-31/functions/function/invocations'
/** How long to wait for the guest's end after it has dropped a connection, to be able to say why. */
const endGraceMs = 3000
/** The same where the connection may merely have been refused later than expected, and is tried again. */
const refusedGraceMs = 100

export interface HandlerAnswer {
  /** The function's JSON, as it was sent. */
  body: Buffer
  /** `Unhandled` where the body is an error in Lambda's shape. */
  error: string | undefined
}

/**
 * Sends an event to a handler.
 * @throws UfrError UFR-FUNCTION-TIMEOUT, UFR-FUNCTION-EXITED, UFR-GUEST-DIED, UFR-RESPONSE.
 */
export async function invokeHandler(
  instance: Instance,
  ready: Ready,
  event: Uint8Array,
  timeoutMs: number,
): Promise<HandlerAnswer> {
  const response = await ask(instance, ready, handlerRequest(event, timeoutMs), timeoutMs, handlerMaxBytes)
  if (response.status !== 200) {
    throw new UfrError(
      'UFR-RESPONSE',
      `the guest refused the event: ${response.body.toString().slice(0, 500)}`,
    )
  }
  const late = response.trailers['lambda-runtime-function-error-body']
  if (late) return { body: Buffer.from(late, 'base64'), error: 'Unhandled' }
  const error = response.headers['x-amz-function-error']
  return { body: response.body, error: Array.isArray(error) ? error[0] : error }
}

/** An event as the guest-side server of handlers takes it. */
export function handlerRequest(event: Uint8Array, timeoutMs: number): GuestRequest {
  const headers = {
    'content-type': 'application/json',
    'lambda-runtime-aws-request-id': randomUUID(),
    'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
    'ufr-deadline-in-ms': String(timeoutMs),
  }
  return { method: 'POST', path: invocationPath, headers, body: event }
}

/** Sends one request to a web function: a GET where only its path is given. @throws as `invokeHandler`. */
export function requestWeb(
  instance: Instance,
  ready: Ready,
  what: string | GuestRequest,
  timeoutMs: number,
): Promise<GuestResponse> {
  const asked = typeof what === 'string' ? { method: 'GET', path: what } : what
  return ask(instance, ready, asked, timeoutMs, webMaxBytes)
}

async function ask(
  instance: Instance,
  ready: Ready,
  what: GuestRequest,
  timeoutMs: number,
  maxBytes: number,
): Promise<GuestResponse> {
  const limit = new AbortController()
  const slow = new UfrError('UFR-FUNCTION-TIMEOUT', `no answer within ${timeoutMs / 1000} s`)
  const timer = setTimeout(() => {
    slow.detail.push(...instance.console.tail())
    limit.abort(slow)
  }, timeoutMs)
  instance.ended.then((end) => limit.abort(endError(instance, end)))
  const { socket } = ready
  delete ready.socket
  try {
    return await request(ready.address, what, { signal: limit.signal, maxBytes, ...(socket && { socket }) })
  } catch (error) {
    if (error instanceof UfrError && error.code !== 'UFR-RESPONSE') throw error
    if (systemCode(error) === undefined && !(error instanceof UfrError)) throw error
    throw (await endWithin(instance, socket ? refusedGraceMs : endGraceMs)) ?? brokenOff(instance, error)
  } finally {
    clearTimeout(timer)
  }
}

/** A guest that drops a connection is often about to end: then its end is the better answer. */
async function endWithin(instance: Instance, graceMs: number): Promise<UfrError | undefined> {
  const grace = Promise.withResolvers<undefined>()
  const timer = setTimeout(() => grace.resolve(undefined), graceMs)
  const end = await Promise.race([instance.ended, grace.promise])
  clearTimeout(timer)
  return end && endError(instance, end)
}

function brokenOff(instance: Instance, cause: unknown): UfrError {
  if (cause instanceof UfrError) return cause
  const message = `the function closed the connection without an answer (${systemCode(cause)})`
  return new UfrError('UFR-RESPONSE', message, { cause, detail: instance.console.tail() })
}

/** Whether a connection went away before anything of an answer came. */
export function isDropped(error: unknown): boolean {
  return error instanceof UfrError && error.code === 'UFR-RESPONSE' && systemCode(error.cause) !== undefined
}
