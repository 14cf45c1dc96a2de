import http from 'node:http'
import type { Duplex } from 'node:stream'
import { UfrError } from '../base/errors.ts'
import type { Address } from '../vmm/vmm.ts'
import { dial } from './dial.ts'

export interface GuestRequest {
  method: string
  path: string
  headers?: Record<string, string>
  body?: Uint8Array
}

export interface GuestResponse {
  status: number
  headers: http.IncomingHttpHeaders
  /** Headers that came after the body. */
  trailers: NodeJS.Dict<string>
  body: Buffer
}

export interface RequestOptions {
  signal: AbortSignal
  /** Most bytes of a body that are taken. */
  maxBytes: number
  /** A connection that is open already. */
  socket?: Duplex
}

/**
 * Sends one request to a guest and takes the whole answer.
 * @throws UfrError UFR-RESPONSE for what is too large, cut off or no HTTP; the signal's reason when it aborts; a
 * system error such as ECONNRESET when the connection breaks before an answer begins.
 */
export async function request(
  address: Address,
  what: GuestRequest,
  options: RequestOptions,
): Promise<GuestResponse> {
  const { signal } = options
  const socket = options.socket ?? (await dial(address, signal))
  const { promise, resolve, reject } = Promise.withResolvers<GuestResponse>()
  const sent = http.request({
    createConnection: () => socket,
    method: what.method,
    path: what.path,
    headers: {
      host: `${'host' in address ? address.host : 'localhost'}:${address.port}`,
      connection: 'close',
      ...what.headers,
      ...(what.body && { 'content-length': what.body.length }),
    },
    signal,
  })
  sent.on('response', (response) => {
    const chunks: Buffer[] = []
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= options.maxBytes) chunks.push(chunk)
      else
        response.destroy(new UfrError('UFR-RESPONSE', `the answer is larger than ${options.maxBytes} bytes`))
    })
    response.on('end', () => {
      const { statusCode = 0, headers, trailers } = response
      resolve({ status: statusCode, headers, trailers, body: Buffer.concat(chunks) })
    })
    response.on('error', (error) => reject(responseError(error, signal)))
  })
  sent.on('error', (error) => reject(signal.aborted ? signal.reason : notHttp(error)))
  sent.end(what.body)
  return promise
}

function responseError(error: Error, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (error instanceof UfrError) return error
  return new UfrError('UFR-RESPONSE', `the answer broke off: ${error.message}`, { cause: error })
}

function notHttp(error: Error & { code?: string }): Error {
  if (!error.code?.startsWith('HPE_')) return error
  return new UfrError('UFR-RESPONSE', `the function's answer is not HTTP: ${error.message}`, { cause: error })
}

/**
 * Opens connections to a guest's port until one is accepted. QEMU's own network stack accepts every connection itself
 * and closes it as soon as the guest refuses: one that is still open after a moment has been accepted by the guest. How
 * long the guest took to refuse before tells how long that moment has to be on a busy host.
 * @param settleMs how long that moment is at least; 0 where it is the guest itself that accepts.
 */
export async function accepted(address: Address, settleMs: number, signal: AbortSignal): Promise<Duplex> {
  for (let slowest = 0; ; ) {
    const opened = performance.now()
    const socket = await dial(address, signal).catch(() => undefined)
    if (socket && settleMs === 0) return socket
    if (socket && (await staysOpen(socket, Math.min(settleMs + 4 * slowest, mostSettleMs), signal)))
      return socket
    socket?.destroy()
    signal.throwIfAborted()
    if (!socket) await new Promise((resolve) => setTimeout(resolve, retryMs))
    else slowest = Math.max(slowest, performance.now() - opened)
  }
}

/** Between two attempts where a refusal comes at once. */
const retryMs = 2

const mostSettleMs = 500

function staysOpen(socket: Duplex, milliseconds: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    function settle(open: boolean): void {
      clearTimeout(timer)
      socket.off('end', refused).off('error', refused).off('close', refused)
      signal.removeEventListener('abort', refused)
      resolve(open)
    }
    const refused = () => settle(false)
    const timer = setTimeout(() => settle(true), milliseconds)
    socket.on('end', refused).on('error', refused).on('close', refused)
    signal.addEventListener('abort', refused)
    // Without a reader the end of the stream is never noticed; nothing is lost, for servers speak second in HTTP.
    socket.resume()
  })
}
