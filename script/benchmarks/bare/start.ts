import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { GuestRequest } from '../../../src/link/http.ts'
import { guestNetwork } from '../../../src/vmm/machine.ts'
import type { LinkEnd } from '../../../src/vmm/vmm.ts'
import { finish } from '../process.ts'
import type { BareVmm } from './vmm.ts'

const script = path.join(import.meta.dirname, 'bare.sh')
const limitSeconds = 120
const loopback = '127.0.0.1'

/** A request as it goes over the wire. */
export function requestText({ method, path: target, headers, body }: GuestRequest): string {
  const all = { host: 'localhost', connection: 'close', ...headers, 'content-length': body?.length ?? 0 }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n')}${Buffer.from(body ?? []).toString()}`
}

export interface BareStart {
  vmm: BareVmm
  guestPort: number
  request: GuestRequest
  /** Wait for this on the console, and only then ask; undefined to ask until somebody answers. */
  mark: string | undefined
  /** Seconds between two attempts. */
  pause: number
  /** A folder to work in. */
  folder: string
}

export interface BareAnswer {
  milliseconds: number
  body: string
}

/** One cold start by bare.sh. @throws Error where the guest does not answer with status 200. */
export async function startBare(start: BareStart, signal: AbortSignal): Promise<BareAnswer> {
  const { vmm, guestPort, mark = '', pause } = start
  const folder = fs.mkdtempSync(path.join(start.folder, 'bare-'))
  try {
    const console = path.join(folder, 'console')
    const request = path.join(folder, 'request')
    fs.writeFileSync(request, requestText(start.request))
    const free = await freePort()
    const command = vmm.lay({ folder, console, port: free, guestPort })
    const [host, port] = vmm.link.kind === 'tap' ? [guestNetwork.address, guestPort] : [loopback, free]
    const own = [host, port, request, console, mark, pause, limitSeconds].map(String)
    const [program, ...args] = [...enter(vmm.link), script, ...own, ...command]
    const timeout = (limitSeconds + 30) * 1000
    const { stdout } = await finish(program!, args, { signal, timeout })
    const [microseconds, status = '', ...body] = stdout.split('\n')
    if (!status.includes(' 200')) throw new Error(`the bare guest answered ${status || 'nothing'}`)
    return { milliseconds: Number(microseconds) / 1000, body: body.join('\n').trim() }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Over a tap the shell itself is in the guest's namespace, where the guest can be asked without anybody between. */
function enter(link: LinkEnd): string[] {
  if (link.kind !== 'tap') return []
  const { namespace, userNamespace } = link
  const user = userNamespace === undefined ? [] : [`--user=${userNamespace}`, '--preserve-credentials']
  return ['nsenter', ...user, `--net=${namespace}`, '--']
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, loopback)
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
