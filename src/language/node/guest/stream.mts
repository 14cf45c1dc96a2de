import type { ServerResponse } from 'node:http'
import type { Writable } from 'node:stream'
import { builtin } from './base.mts'
import { isPromise, neverSettled, type SetIdle, settleable } from './call.mts'
import type { Context } from './context.mts'
import { type ErrorReport, runtimeError } from './errors.mts'
import type { Handler } from './load.mts'

/** What a streaming handler writes to: a stream, and what AWS adds to it. */
interface ResponseStream extends Writable {
  setContentType(type: string): void
  /** Called right before the first bytes; what it writes goes before them. */
  _onBeforeFirstWrite?(write: (bytes: string | Uint8Array) => void): void
}

interface Marked {
  [mode: symbol]: unknown
}

// The names by which AWS's runtime marks a handler, so that functions marked by a library of its own work, too.
const streamingMark = Symbol.for('aws.lambda.runtime.handler.streaming')
const highWaterMark = Symbol.for('aws.lambda.runtime.handler.streaming.highWaterMark')

const errorTypeTrailer = 'Lambda-Runtime-Function-Error-Type'
const errorBodyTrailer = 'Lambda-Runtime-Function-Error-Body'

/** The global `awslambda`, which functions use while they load. */
export const awslambda = {
  streamifyResponse(handler: Handler, options?: { highWaterMark?: number }): Handler {
    const marked = handler as Handler & Marked
    marked[streamingMark] = 'response'
    if (typeof options?.highWaterMark === 'number') marked[highWaterMark] = options.highWaterMark
    return handler
  },
  HttpResponseStream: {
    /** Puts an HTTP status, headers and cookies before the body: JSON and eight NUL bytes. */
    from(stream: ResponseStream, metadata: unknown): ResponseStream {
      stream.setContentType('application/vnd.awslambda.http-integration-response')
      stream._onBeforeFirstWrite = (write) => {
        write(JSON.stringify(metadata))
        write(new Uint8Array(8))
      }
      return stream
    },
  },
}

/** @throws Error Runtime.MalformedStreamingHandler for a mode that is not known. */
export function isStreaming(handler: Handler): boolean {
  const mode = (handler as Handler & Marked)[streamingMark]
  if (mode === undefined || mode === null || mode === false) return false
  if (mode === 'response') return true
  throw runtimeError(
    'MalformedStreamingHandler',
    `a handler can stream its response, not ${JSON.stringify(mode)}`,
  )
}

/** Calls a streaming handler; resolves when it is done and all it wrote is sent. Rejects with what is to be reported. */
export async function streamAnswer(
  handler: Handler,
  event: unknown,
  context: Context,
  response: ServerResponse,
  setIdle: SetIdle,
): Promise<void> {
  const stream = responseStream(response, (handler as Handler & Marked)[highWaterMark])
  const finished = settleable<void>()
  const idle = settleable<never>()
  // Either may be rejected when nobody waits any more.
  for (const { promise } of [finished, idle]) promise.catch(() => {})
  const unfinished = () => new Error('the handler is done, but its response stream was not ended')
  stream.once('finish', finished.resolve).once('error', finished.reject)
  stream.once('close', () => finished.reject(unfinished()))

  setIdle(() => idle.reject(neverSettled()))
  const returned = handler(event, stream, context)
  if (!isPromise(returned)) {
    throw runtimeError(
      'MalformedStreamingHandler',
      'a streaming handler has to be async, or return a promise',
    )
  }
  await Promise.race([returned, idle.promise])
  setIdle(() => idle.reject(unfinished()))
  await Promise.race([finished.promise, idle.promise])
}

function responseStream(response: ServerResponse, bufferedBytes: unknown): ResponseStream {
  const { Writable } = builtin('node:stream')
  let contentType = 'application/octet-stream'
  let begun = false
  // Once a failure has ended the response, or the host is gone, what the function still writes goes nowhere.
  const isOver = () => response.writableEnded || response.destroyed
  function begin(): void {
    if (begun || isOver()) return
    begun = true
    response.setHeader('Content-Type', contentType)
    response.setHeader('Lambda-Runtime-Function-Response-Mode', 'streaming')
    response.setHeader('Trailer', `${errorTypeTrailer}, ${errorBodyTrailer}`)
    stream._onBeforeFirstWrite?.((bytes) => response.write(bytes))
  }
  const stream = new Writable({
    ...(typeof bufferedBytes === 'number' && { highWaterMark: bufferedBytes }),
    write(chunk, _encoding, done) {
      begin()
      if (isOver()) done()
      else response.write(chunk, () => done())
    },
    final(done) {
      begin()
      if (isOver()) done()
      else response.end(() => done())
    },
  }) as ResponseStream
  stream.setContentType = (type) => {
    if (begun)
      throw runtimeError('InvalidStreamingOperation', 'the content type has to be set before the first write')
    contentType = type
  }
  // AWS takes objects, too, and sends them as JSON.
  const { write, end } = stream
  const bytes = (chunk: unknown) =>
    typeof chunk === 'string' || chunk instanceof Uint8Array ? chunk : JSON.stringify(chunk)
  stream.write = ((chunk: unknown, ...rest: unknown[]) =>
    Reflect.apply(write, stream, [bytes(chunk), ...rest])) as ResponseStream['write']
  stream.end = ((chunk?: unknown, ...rest: unknown[]) => {
    const isChunk = chunk !== undefined && chunk !== null && typeof chunk !== 'function'
    return Reflect.apply(end, stream, [isChunk ? bytes(chunk) : chunk, ...rest])
  }) as ResponseStream['end']
  return stream
}

/** Ends a response that has begun with an error in its trailers, as the Runtime API has it. */
export function endWithTrailers(response: ServerResponse, report: ErrorReport): void {
  if (response.writableEnded) return
  const body = Buffer.from(JSON.stringify(report))
  // Trailers count as headers, of which HTTP clients take 16 KiB.
  const short = body.length < 8192 ? body : Buffer.from(JSON.stringify(shortened(report)))
  response.addTrailers({
    [errorTypeTrailer]: report.errorType.replace(/[^\x20-\x7e]/g, '?').slice(0, 256),
    [errorBodyTrailer]: short.toString('base64'),
  })
  response.end()
}

function shortened({ errorType, errorMessage, trace }: ErrorReport): ErrorReport {
  const lines = trace.slice(0, 8).map((line) => line.slice(0, 200))
  return { errorType: errorType.slice(0, 256), errorMessage: errorMessage.slice(0, 512), trace: lines }
}
