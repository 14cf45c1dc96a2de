import http from 'node:http'
import https from 'node:https'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { basicAuthorization, proxyFor, shownUrl } from './proxy.ts'

export interface RequestOptions {
  /** In small letters. `authorization` goes to the address itself, and to no other origin that it redirects to. */
  headers?: Record<string, string>
  /** Milliseconds until the answer's header must be there, connecting included. */
  connectTimeout: number
}

export interface Answer {
  response: http.IncomingMessage
  /** Where the answer came from, after redirects. */
  url: URL
}

const maxRedirects = 5
const redirects = new Set([301, 302, 303, 307, 308])

/** Something wrong with an exchange over HTTP; `retry` says whether another attempt may help. */
export class HttpError extends Error {
  readonly retry: boolean
  readonly status: number | undefined
  /** What a server that answered 401 wants to see (RFC 9110, 11.6.1). */
  readonly challenge: string | undefined

  constructor(
    message: string,
    options: { retry: boolean; status?: number; challenge?: string | undefined; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause })
    this.retry = options.retry
    this.status = options.status
    this.challenge = options.challenge
  }
}

/**
 * GETs an address, follows at most five redirects (never from https to http) and gives back the answer with its body
 * still to be read; whoever calls destroys it. Proxies are used as `proxyFor` says.
 * @throws HttpError for everything that goes wrong before the header is there.
 */
export async function get(start: URL, options: RequestOptions): Promise<Answer> {
  let url = start
  for (let hops = 0; ; hops++) {
    const response = await request(url, url.origin === start.origin ? options : unauthorized(options))
    const location = response.headers.location
    if (!redirects.has(response.statusCode ?? 0) || location === undefined) return { response, url }
    response.destroy()
    if (hops === maxRedirects) throw new HttpError(`more than ${maxRedirects} redirects`, { retry: false })
    url = redirectTarget(url, location)
  }
}

function unauthorized(options: RequestOptions): RequestOptions {
  const { authorization: _, ...headers } = options.headers ?? {}
  return { ...options, headers }
}

function redirectTarget(from: URL, location: string): URL {
  const to = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (to?.protocol !== 'http:' && to?.protocol !== 'https:') {
    throw new HttpError('redirected to something that is no http or https address', { retry: false })
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new HttpError(`redirected from https to unprotected http (${shownUrl(to)})`, { retry: false })
  }
  return to
}

function request(url: URL, options: RequestOptions): Promise<http.IncomingMessage> {
  const authorization = basicAuthorization(url)
  const headers: Record<string, string> = {
    host: url.host,
    'user-agent': 'ufr',
    // A server that compresses on its own would make ranges and lengths those of something else.
    'accept-encoding': 'identity',
    ...(authorization === undefined ? {} : { authorization }),
    ...options.headers,
  }
  const proxy = proxyFor(url)
  return withTimeout(options.connectTimeout, async (signal) => {
    if (url.protocol === 'http:') {
      return answer(
        proxy ? throughProxy(proxy, 'GET', plain(url), headers, signal) : direct(url, headers, signal),
      )
    }
    const socket = proxy ? await tunnel(proxy, url, signal) : undefined
    return answer(secure(url, headers, signal, socket))
  })
}

/** The address without user, password and fragment: what goes into an absolute-form request (RFC 9112, 3.2.2). */
function plain(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search}`
}

function direct(url: URL, headers: Record<string, string>, signal: AbortSignal): http.ClientRequest {
  // agent: false gives each request a connection of its own, and no agent that the environment may have changed.
  return http.request(plain(url), { headers, signal, agent: false })
}

function throughProxy(
  proxy: URL,
  method: string,
  path: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): http.ClientRequest {
  const authorization = basicAuthorization(proxy)
  const all = authorization === undefined ? headers : { ...headers, 'proxy-authorization': authorization }
  const options = { method, path, headers: all, signal, agent: false }
  if (proxy.protocol === 'http:') return http.request(plain(proxy), options)
  return https.request(plain(proxy), { ...options, ca: authorities() })
}

function secure(
  url: URL,
  headers: Record<string, string>,
  signal: AbortSignal,
  socket: Socket | undefined,
): http.ClientRequest {
  const ca = authorities()
  if (!socket) return https.request(plain(url), { headers, signal, ca, agent: false })
  const servername = url.hostname.replace(/^\[|\]$/g, '')
  const createConnection = () => tls.connect({ socket, servername, ca, ALPNProtocols: ['http/1.1'] })
  // No agent here: one, even `false`, would open a connection of its own instead.
  return https.request(plain(url), { headers: { ...headers, connection: 'close' }, signal, createConnection })
}

let certificates: string[] | undefined

/** Node.js's own authorities and the host's: a company's proxy is often known only to the host. */
function authorities(): string[] {
  certificates ??= [...new Set([...tls.getCACertificates('default'), ...tls.getCACertificates('system')])]
  return certificates
}

/** Opens a tunnel through a proxy (CONNECT, RFC 9110, 9.3.6). */
function tunnel(proxy: URL, url: URL, signal: AbortSignal): Promise<Socket> {
  const target = `${url.hostname}:${url.port || 443}`
  const { promise, resolve, reject } = Promise.withResolvers<Socket>()
  const connect = throughProxy(proxy, 'CONNECT', target, { host: target }, signal)
  connect.on('connect', (response, socket) => {
    if (response.statusCode === 200) resolve(socket)
    else {
      socket.destroy()
      reject(refusedByProxy(proxy, response.statusCode ?? 0))
    }
  })
  connect.on('response', (response) => {
    response.destroy()
    reject(refusedByProxy(proxy, response.statusCode ?? 0))
  })
  connect.on('error', (error) => reject(connectionError(error, ` to the proxy ${shownUrl(proxy)}`)))
  connect.end()
  return promise
}

function refusedByProxy(proxy: URL, status: number): HttpError {
  return new HttpError(`the proxy ${shownUrl(proxy)} answered ${status}`, { retry: status >= 500, status })
}

function answer(sent: http.ClientRequest): Promise<http.IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  sent.on('response', resolve)
  sent.on('error', (error) => reject(connectionError(error, '')))
  sent.end()
  return promise
}

function connectionError(error: Error, where: string): HttpError {
  // An AggregateError (one failure per address of the host) has no message of its own.
  const text = error.message || ('code' in error ? String(error.code) : error.name)
  return new HttpError(`no connection${where}: ${text}`, { retry: true, cause: error })
}

async function withTimeout<T>(ms: number, use: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController()
  const timer = setTimeout(() => abort.abort(), ms)
  try {
    return await use(abort.signal)
  } catch (error) {
    if (!abort.signal.aborted) throw error
    throw new HttpError(`no answer within ${ms / 1000} s`, { retry: true, cause: error })
  } finally {
    clearTimeout(timer)
  }
}
