import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { readBody } from './body.ts'
import {
  accepted,
  type Call,
  callOf,
  errorBodyOf,
  errorTypeOf,
  eventHeaders,
  type FunctionError,
  functionError,
  type Invocation,
  invalidMode,
  invalidRequestId,
  mostResponseBytes,
  mostStreamedBytes,
  type Reply,
  type RuntimeState,
  tooLarge,
  truncated,
  wrongOrder,
} from './protocol.ts'

/** How a runtime came up: it asked for its first event, or said why it cannot. */
export interface Started {
  /** `performance.now()`. */
  at: number
  error?: FunctionError
}

/** What a function answered. */
export interface Outcome {
  /** Where there is an error, its body. */
  body: Buffer
  contentType: string | undefined
  streamed: boolean
  error?: FunctionError
}

/** The Runtime API of one instance: whoever holds its connections is that instance, so nothing else is asked for. */
export interface RuntimeApi {
  /** Takes a connection of the guest's. */
  answer(connection: Duplex): void
  readonly started: Promise<Started>
  /**
   * Hands out an event and waits for what comes of it. One at a time.
   * @throws the signal's reason when it aborts: from then on nothing that the guest says about it counts.
   */
  invoke(invocation: Invocation, signal: AbortSignal): Promise<Outcome>
  close(): void
}

interface Running {
  invocation: Invocation
  settle(outcome: Outcome): void
}

/** Reports of failed functions carry a trace in a header, or at the end of a stream in a trailer. */
const mostHeaderBytes = 2 << 20
/** Requests for an event at a time: a client sends one, and another on a connection that it takes for a dead one's. */
const mostWaiting = 64
const typeHeader = 'lambda-runtime-function-error-type'
const bodyTrailer = 'lambda-runtime-function-error-body'
const modeHeader = 'lambda-runtime-function-response-mode'

/** Serves the Runtime API on the connections that it is given. */
export function runtimeApi(): RuntimeApi {
  const started = Promise.withResolvers<Started>()
  const connections = new Set<Duplex>()
  /** Requests for an event that there is none for yet. */
  const waiting = new Set<ServerResponse>()
  let state: RuntimeState = 'Started'
  let running: Running | undefined

  // A request for the next event is open as long as there is none: no limit of time is any of ours.
  const server = http.createServer({ maxHeaderSize: mostHeaderBytes, requestTimeout: 0, keepAliveTimeout: 0 })
  server.on('request', (request, response) => {
    response.on('error', () => {})
    const call = callOf(request.method ?? '', request.url ?? '')
    if (typeof call === 'number') refuse(request, response, call)
    // What a guest says must not be able to end this process.
    else take(call, request, response).catch(() => request.socket.destroy())
  })
  server.on('clientError', (error: NodeJS.ErrnoException, connection) => {
    if (connection.writable && error.code === 'HPE_INVALID_EOF_STATE') {
      const { status, body } = truncated
      const head = `HTTP/1.1 ${status} Bad Request\r\nContent-Type: application/json\r\nConnection: close\r\n`
      connection.end(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`)
    } else if (connection.writable) {
      connection.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
    } else connection.destroy()
  })

  async function take(call: Call, request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (call.name === 'ping') send(response, { status: 200, body: 'pong' }, 'text/plain')
    else if (call.name === 'next') takeNext(response)
    else if (call.name === 'init error') reply(request, response, await takeInitError(request))
    else if (call.id !== running?.invocation.requestId) reply(request, response, invalidRequestId)
    else if (call.name === 'error') reply(request, response, await takeError(request))
    else reply(request, response, await takeResponse(request))
  }

  function takeNext(response: ServerResponse): void {
    if (state === 'InitError' || state === 'InvocationResponse' || state === 'InvocationErrorResponse') {
      send(response, wrongOrder(state, 'Ready'))
      return
    }
    // Asked for once more, an event that is being worked on is given once more: the first may have got lost.
    if (state === 'Running' && running) {
      hand(response, running.invocation)
      return
    }
    if (state === 'Started') started.resolve({ at: performance.now() })
    state = 'Ready'
    if (waiting.size >= mostWaiting) {
      response.req.socket.destroy()
      return
    }
    waiting.add(response)
    response.on('close', () => waiting.delete(response))
    handOut()
  }

  /** Gives the event to whoever asked for one last: those before may have gone away without a word. */
  function handOut(): void {
    const response = [...waiting].at(-1)
    if (!running || state !== 'Ready' || !response) return
    waiting.delete(response)
    state = 'Running'
    hand(response, running.invocation)
  }

  async function takeInitError(request: IncomingMessage): Promise<Reply> {
    if (state !== 'Started') return wrongOrder(state, 'InitError')
    state = 'InitError'
    const error = await errorOf(request)
    started.resolve({ at: performance.now(), ...(error && { error }) })
    return error ? accepted : truncated
  }

  async function takeError(request: IncomingMessage): Promise<Reply> {
    if (state !== 'Running') return wrongOrder(state, 'InvocationErrorResponse')
    state = 'InvocationErrorResponse'
    const error = await errorOf(request)
    settle(failed(error ?? cutOff))
    return error ? accepted : truncated
  }

  async function takeResponse(request: IncomingMessage): Promise<Reply> {
    if (state !== 'Running') return wrongOrder(state, 'InvocationResponse')
    state = 'InvocationResponse'
    const mode = request.headers[modeHeader]
    if (mode !== undefined && mode !== 'streaming') {
      settle(
        failed(functionError('Runtime.InvalidResponseModeHeader', `The response mode ${mode} is not known.`)),
      )
      return invalidMode
    }
    const streamed = mode === 'streaming'
    const most = streamed ? mostStreamedBytes : mostResponseBytes
    const body = await readBody(request, most)
    if (body.kind === 'truncated') {
      settle(failed(cutOff))
      return truncated
    }
    if (body.kind === 'too large') {
      const message = `Response payload size exceeded maximum allowed payload size (${most} bytes).`
      settle(failed(functionError('Function.ResponseSizeTooLarge', message)))
      return tooLarge
    }
    const late = lateError(request)
    if (late) settle(failed(late))
    else settle({ body: body.bytes, contentType: request.headers['content-type'], streamed })
    return accepted
  }

  function settle(outcome: Outcome): void {
    state = 'ResponseSent'
    running?.settle(outcome)
  }

  function answer(connection: Duplex): void {
    connections.add(connection)
    connection.on('close', () => connections.delete(connection))
    connection.on('error', () => {})
    server.emit('connection', connection)
  }

  async function invoke(invocation: Invocation, signal: AbortSignal): Promise<Outcome> {
    if (running) throw new Error('an invocation is running already')
    signal.throwIfAborted()
    const { promise, resolve, reject } = Promise.withResolvers<Outcome>()
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort)
    running = { invocation, settle: resolve }
    handOut()
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', abort)
      running = undefined
    }
  }

  function close(): void {
    for (const connection of connections) connection.destroy()
  }

  return { answer, started: started.promise, invoke, close }
}

const cutOff = functionError('Runtime.TruncatedResponse', 'The response broke off.')

function failed(error: FunctionError): Outcome {
  return { body: error.body, contentType: 'application/json', streamed: false, error }
}

/** The error that a request reports; undefined where it broke off. */
async function errorOf(request: IncomingMessage): Promise<FunctionError | undefined> {
  const body = await readBody(request, mostResponseBytes)
  const type = errorTypeOf(one(request.headers[typeHeader]))
  if (body.kind === 'truncated') return undefined
  if (body.kind === 'too large') return functionError(type, 'The error report was too large.')
  return { type, body: errorBodyOf(body.bytes, request.headers['content-type']) }
}

/** The error in the trailers of a stream that a function broke off. */
function lateError({ trailers }: IncomingMessage): FunctionError | undefined {
  const [type, body] = [trailers[typeHeader], trailers[bodyTrailer]]
  if (type === undefined && body === undefined) return undefined
  const known = errorTypeOf(type)
  if (!body) return functionError(known, 'The function broke off its response.')
  return { type: known, body: Buffer.from(body, 'base64') }
}

function one(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

function hand(response: ServerResponse, invocation: Invocation): void {
  response.writeHead(200, eventHeaders(invocation)).end(invocation.event)
}

/** Answers a request whose body may not have been read, so that the connection is good for the next one. */
function reply(request: IncomingMessage, response: ServerResponse, answered: Reply): void {
  request.resume()
  send(response, answered)
}

function send(response: ServerResponse, { status, body }: Reply, type = 'application/json'): void {
  if (response.destroyed || response.headersSent) return
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) }).end(body)
}

function refuse(request: IncomingMessage, response: ServerResponse, status: 404 | 405): void {
  reply(request, response, { status, body: '' })
}
