import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { builtin, pause, writeReadyMark } from './base.mts'
import { callHandler, settleable } from './call.mts'
import { type Context, createContext } from './context.mts'
import { type ErrorReport, errorReport, logFailure, runtimeError } from './errors.mts'
import { type Handler, loadHandler } from './load.mts'
import { awslambda, endWithTrailers, isStreaming, streamAnswer } from './stream.mts'

/**
 * The guest's side of a handler: an HTTP server that takes events from the host, one at a time, and calls the handler.
 *
 * AWS answers some invocations when the event loop is empty, and this server would keep the loop from ever becoming so.
 * So it lets go of it (`unref`) while an invocation runs: connections never hold the loop, and the listening socket
 * does only between invocations. What is let go of still works as long as the function has something in the loop; when
 * it has nothing, Node emits `beforeExit`, and what the invocation left to be done for that moment is done.
 */

/** Where AWS's own runtime interface emulator takes events. */
const invocationPath = '/2015-03-31/functions/function/invocations'
/** AWS's limit of 6 MiB is the business of whoever is called by users; this one protects the guest's memory. */
const maxEventBytes = 32 * 1024 * 1024
/** AWS's limit: 6 MiB and 100 bytes. */
const maxResultBytes = 6 * 1024 * 1024 + 100
/** How long a guest stays up after a crash, so that the answer leaves its network stack before it goes down. */
const lingerMs = 100

const http = builtin('node:http')
const server = http.createServer({ keepAliveTimeout: 0, requestTimeout: 0 }, route)
const init = settleable<never>()
let handler: Handler | undefined
let initError: ErrorReport | undefined
/** The invocation that runs now. */
let current: { response: ServerResponse; requestId: string } | undefined
let hasServed = false
let isCrashed = false
let queue: Promise<void> = Promise.resolve()
let whenIdle: () => void = () => {}

function setIdle(next: () => void): void {
  whenIdle = next
}

async function start(): Promise<void> {
  ;(globalThis as { awslambda?: unknown }).awslambda = awslambda
  process.on('uncaughtException', (error) => crash('Uncaught Exception', error, 129))
  process.on('unhandledRejection', (reason) => {
    crash('Unhandled Promise Rejection', runtimeError('UnhandledPromiseRejection', { cause: reason }), 128)
  })
  process.on('beforeExit', () => {
    server.ref()
    setImmediate(() => whenIdle())
  })
  listen()
  const name = process.env['_HANDLER'] ?? 'index.handler'
  setIdle(() => init.reject(runtimeError('ExitError', `${name}: a top-level await of the module never ends`)))
  try {
    handler = await Promise.race([
      loadHandler(process.env['LAMBDA_TASK_ROOT'] ?? process.cwd(), name),
      init.promise,
    ])
    isStreaming(handler)
  } catch (error) {
    failInit('Init Error', errorReport(error))
  }
  setIdle(() => {})
  server.ref()
  const tell = () => writeReadyMark((server.address() as AddressInfo).port)
  if (server.listening) tell()
  else server.once('listening', tell)
}

function listen(): void {
  server.on('connection', (socket) => socket.unref())
  server.on('error', (error) => {
    console.error(`ufr: the handler's server cannot listen: ${error.message}`)
    process.exit(1)
  })
  // Without a host: given one, Node loads its resolver first, 3 ms where a whole start takes 25.
  server.listen(Number(process.env['UFR_PORT'] ?? 8080))
  server.unref()
}

function failInit(what: string, report: ErrorReport): void {
  if (initError) return
  logFailure(undefined, what, report)
  initError = report
}

/**
 * An error that nobody caught. During an invocation it is the answer, and the process ends, as on AWS: nobody knows in
 * what state the function is. Before the first invocation it is an init error.
 */
function crash(what: string, error: unknown, status: number): void {
  if (isCrashed) return
  const report = errorReport(error)
  if (!current && !hasServed) {
    failInit(what, report)
    init.reject(error)
    return
  }
  isCrashed = true
  logFailure(current?.requestId, what, report)
  if (!current || current.response.writableFinished || current.response.destroyed) process.exit(status)
  const leave = () => {
    pause(lingerMs)
    process.exit(status)
  }
  current.response.once('finish', leave).once('close', leave)
  sendError(current.response, report)
}

function route(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url?.split('?', 1)[0]
  if (path !== invocationPath) {
    refuse(response, 404, 'ResourceNotFoundException', `events go to POST ${invocationPath}`)
  } else if (request.method !== 'POST') {
    refuse(response, 405, 'InvalidRequestContentException', `events come by POST, not by ${request.method}`)
  } else {
    queue = queue
      .then(() => take(request, response))
      .catch((error) => sendError(response, errorReport(error)))
  }
}

async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await bodyText(request)
  if (isCrashed || response.destroyed || text === undefined) return
  if (text === null) {
    const message = `the event is larger than ${maxEventBytes} bytes`
    return refuse(response, 413, 'RequestTooLargeException', message)
  }
  let event: unknown
  let context: Context
  try {
    event = text === '' ? {} : JSON.parse(text)
    context = createContext(request.headers)
  } catch (error) {
    const message = `the event cannot be read as JSON: ${(error as Error).message}`
    return refuse(response, 400, 'InvalidRequestContentException', message)
  }
  setTraceId(request.headers['lambda-runtime-trace-id'])
  await invoke(event, context, response)
}

async function invoke(event: unknown, context: Context, response: ServerResponse): Promise<void> {
  hasServed = true
  if (!handler || initError) return sendError(response, initError!, { 'X-Ufr-Init-Error': '1' })
  current = { response, requestId: context.awsRequestId }
  server.unref()
  try {
    if (isStreaming(handler)) await streamAnswer(handler, event, context, response, setIdle)
    else sendResult(response, await callHandler(handler, event, context, setIdle))
  } catch (error) {
    const report = errorReport(error)
    if (!isCrashed) logFailure(context.awsRequestId, 'Invoke Error', report)
    sendError(response, report)
  } finally {
    setIdle(() => {})
    server.ref()
    if (!isCrashed) current = undefined
  }
}

/** The event; null if it is too large, undefined if the host has gone away. */
function bodyText(request: IncomingMessage): Promise<string | null | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let bytes = 0
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxEventBytes) chunks.push(chunk)
    })
    request.on('end', () => resolve(bytes > maxEventBytes ? null : Buffer.concat(chunks).toString()))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
    // Gone while it waited for its turn: then no event will come any more.
    if (request.destroyed) resolve(undefined)
  })
}

function setTraceId(id: string | string[] | undefined): void {
  if (typeof id === 'string') process.env['_X_AMZN_TRACE_ID'] = id
  else delete process.env['_X_AMZN_TRACE_ID']
}

function sendResult(response: ServerResponse, result: unknown): void {
  let text: string
  try {
    // Functions and symbols, as undefined, are nothing in JSON.
    text = JSON.stringify(result) ?? 'null'
  } catch (error) {
    throw new Error(`the handler's result cannot be turned into JSON: ${(error as Error).message}`, {
      cause: error,
    })
  }
  const bytes = Buffer.byteLength(text)
  const errorMessage = `the result has ${bytes} bytes of JSON, and the most that can be answered is ${maxResultBytes}`
  if (bytes <= maxResultBytes) send(response, 200, text)
  else sendError(response, { errorType: 'Function.ResponseSizeTooLarge', errorMessage, trace: [] })
}

/** Answers with a function error, in the trailers where a stream has begun. */
function sendError(
  response: ServerResponse,
  report: ErrorReport,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent) endWithTrailers(response, report)
  else send(response, 200, JSON.stringify(report), { 'X-Amz-Function-Error': 'Unhandled', ...headers })
}

/** Answers what never got to the function, in the form of AWS's Invoke API. */
function refuse(response: ServerResponse, status: number, type: string, message: string): void {
  send(response, status, JSON.stringify({ Type: 'User', message }), { 'X-Amzn-ErrorType': type })
}

function send(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void {
  if (response.headersSent || response.destroyed) return
  const length = String(Buffer.byteLength(text))
  response
    .writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': length, ...headers })
    .end(text)
}

queue = start()
