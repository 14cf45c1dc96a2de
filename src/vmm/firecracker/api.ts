import { once } from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import net from 'node:net'
import { UfrError } from '../../base/errors.ts'

/** What of Firecracker's API is used here, by path: the bodies of PUT (firecracker: src/firecracker/swagger). */
export interface PutBodies {
  '/machine-config': { vcpu_count: number; mem_size_mib: number }
  '/cpu-config': { cpuid_modifiers: CpuidModifier[] }
  '/boot-source': { kernel_image_path: string; boot_args: string; initrd_path?: string }
  [drive: `/drives/${string}`]: {
    drive_id: string
    path_on_host: string
    is_root_device: boolean
    is_read_only: boolean
  }
  [network: `/network-interfaces/${string}`]: { iface_id: string; host_dev_name: string; guest_mac: string }
  '/vsock': { guest_cid: number; uds_path: string }
  '/entropy': Record<string, never>
  '/logger': { log_path: string; level: 'Error' | 'Warning' | 'Info' | 'Debug' }
  '/metrics': { metrics_path: string }
  '/actions': { action_type: 'InstanceStart' | 'FlushMetrics' | 'SendCtrlAltDel' }
}

/** Bits of the guest's CPUID to change: `0b` and 32 digits of 0, 1 and x, which leaves a bit as it is. */
export interface CpuidModifier {
  leaf: string
  subleaf: string
  flags: number
  modifiers: { register: 'eax' | 'ebx' | 'ecx' | 'edx'; bitmap: string }[]
}

/** One request, plain: what a machine is made of is a list of these. */
export interface Put<Path extends keyof PutBodies = keyof PutBodies> {
  path: Path
  body: PutBodies[Path]
}

/** A connection with a Firecracker's API. */
export interface FirecrackerApi {
  /**
   * Asks for something and waits until it is done.
   * @throws UfrError UFR-VMM-CONTROL with Firecracker's own words where it refuses or does not answer; the signal's
   * reason when it aborts.
   */
  put<Path extends keyof PutBodies>(path: Path, body: PutBodies[Path], signal: AbortSignal): Promise<void>
  /** Any other request: what Firecracker answered, undefined where that is nothing. @throws as `put`. */
  request(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown>
  close(): void
}

const maxAnswerBytes = 1 << 20
const retryMs = 1

/**
 * Connects with a Firecracker that is about to listen, and keeps that one connection: the socket may lose its name
 * afterwards.
 * @param path called for each attempt.
 * @throws the signal's reason when it aborts.
 */
export async function connectApi(path: () => string, signal: AbortSignal): Promise<FirecrackerApi> {
  for (;;) {
    signal.throwIfAborted()
    // Looking costs a fraction of trying, and takes no time from a Firecracker that shares our processors.
    const socket = fs.existsSync(path()) ? await tryConnect(path(), signal) : undefined
    if (socket) return openApi(socket)
    await new Promise((resolve) => setTimeout(resolve, retryMs))
  }
}

/** @returns undefined where nobody listens yet. @throws the signal's reason. */
async function tryConnect(path: string, signal: AbortSignal): Promise<net.Socket | undefined> {
  const socket = net.connect({ path })
  // An error between here and its use must not end the process.
  socket.on('error', () => {})
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch {
    socket.destroy()
    signal.throwIfAborted()
    return undefined
  }
}

/** The API on a connected socket. */
export function openApi(socket: net.Socket): FirecrackerApi {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 })
  agent.createConnection = () => socket
  const closed = new AbortController()
  const close = () => closed.abort(new Error('the connection is closed'))
  socket.on('close', close)
  if (socket.destroyed) close()

  async function request(method: string, path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    const what = `${method} ${path}`
    const until = AbortSignal.any([signal, closed.signal])
    const answer = await exchange(agent, method, path, body, until).catch((error: Error) => {
      if (signal.aborted) throw signal.reason
      throw new UfrError('UFR-VMM-CONTROL', `Firecracker does not answer ${what}: ${error.message}`, {
        cause: error,
      })
    })
    if (answer.status < 300) return answer.body === '' ? undefined : parsed(answer.body)
    throw new UfrError('UFR-VMM-CONTROL', `Firecracker refused ${what}: ${faultOf(answer)}`)
  }

  return {
    put: async (path, body, signal) => {
      await request('PUT', path, body, signal)
    },
    request,
    close() {
      agent.destroy()
      socket.destroy()
    },
  }
}

interface Answer {
  status: number
  body: string
}

function exchange(
  agent: http.Agent,
  method: string,
  path: string,
  body: unknown,
  signal: AbortSignal,
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  // A request on a connection that is gone would wait for ever.
  if (signal.aborted) return Promise.reject(signal.reason)
  signal.addEventListener('abort', () => reject(signal.reason))
  const text = body === undefined ? '' : JSON.stringify(body)
  const headers = {
    accept: 'application/json',
    ...(text !== '' && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
  }
  const sent = http.request({ agent, host: 'localhost', method, path, headers, signal })
  sent.on('error', reject)
  sent.on('response', (response) => {
    let answer = ''
    response.setEncoding('utf8')
    response.on('data', (chunk: string) => {
      answer += chunk
      if (answer.length > maxAnswerBytes) response.destroy(new Error('the answer has no end'))
    })
    response.on('error', reject)
    response.on('end', () => resolve({ status: response.statusCode ?? 0, body: answer }))
  })
  sent.end(text)
  return promise
}

/** Firecracker's words for a refusal: `fault_message`, or `error` from its HTTP server. */
function faultOf({ status, body }: Answer): string {
  const told = parsed(body)
  if (typeof told === 'object' && told !== null) {
    const { fault_message: fault, error } = told as Record<string, unknown>
    if (typeof fault === 'string') return fault.trim()
    if (typeof error === 'string') return error.trim()
  }
  return body.trim() || `HTTP ${status}`
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return body
  }
}
