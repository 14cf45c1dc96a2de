import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { GuestRequest } from '../../src/link/http.ts'
import { guestNetwork } from '../../src/vmm/machine.ts'
import { descriptors, networkId } from '../../src/vmm/qemu/arguments.ts'
import { finish } from './process.ts'

const script = path.join(import.meta.dirname, 'bare.sh')
const limitSeconds = 120

export interface BareArguments {
  /** File that takes the guest's console. */
  console: string
  /** The host's port that leads to `guestPort`. */
  port: number
  guestPort: number
}

/**
 * QEMU's arguments as ufr has them, without what only ufr needs: no control connection and so no waiting for a command
 * to start, the console in a file, the port forwarded from the beginning.
 * @throws Error where an argument is not there that ought to be: what ufr passes has changed.
 */
export function bareArguments(
  args: readonly string[],
  { console, port, guestPort }: BareArguments,
): string[] {
  const line = args.join('\n')
  const replaced = [
    ['\n-S\n', '\n'],
    [`\n-chardev\nsocket,id=qmp,fd=${descriptors.qmp}\n-mon\nchardev=qmp,mode=control\n`, '\n'],
    [
      `\n-chardev\nsocket,id=console,fd=${descriptors.console}\n-serial\nchardev:console\n`,
      `\n-serial\nfile:${console}\n`,
    ],
    [
      `\nuser,id=${networkId},`,
      `\nuser,id=${networkId},hostfwd=tcp:127.0.0.1:${port}-${guestNetwork.address}:${guestPort},`,
    ],
  ].reduce((text, [from, to]) => {
    if (text.split(from!).length !== 2) throw new Error(`ufr's arguments for QEMU have no ${from!.trim()}`)
    return text.replace(from!, () => to!)
  }, line)
  return replaced.split('\n')
}

/** A request as it goes over the wire. */
export function requestText({ method, path: target, headers, body }: GuestRequest): string {
  const all = { host: 'localhost', connection: 'close', ...headers, 'content-length': body?.length ?? 0 }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`)
  return `${[`${method} ${target} HTTP/1.1`, ...lines, '', ''].join('\r\n')}${Buffer.from(body ?? []).toString()}`
}

export interface BareStart {
  qemu: string
  /** ufr's own arguments. */
  args: readonly string[]
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
  const folder = fs.mkdtempSync(path.join(start.folder, 'bare-'))
  try {
    const console = path.join(folder, 'console')
    const request = path.join(folder, 'request')
    const port = await freePort()
    fs.writeFileSync(request, requestText(start.request))
    const args = bareArguments(start.args, { console, port, guestPort: start.guestPort })
    const own = [port, request, console, start.mark ?? '', start.pause, limitSeconds].map(String)
    const timeout = (limitSeconds + 30) * 1000
    const { stdout } = await finish(script, [...own, start.qemu, ...args], { signal, timeout })
    const [microseconds, status = '', ...body] = stdout.split('\n')
    if (!status.includes(' 200')) throw new Error(`the bare guest answered ${status || 'nothing'}`)
    return { milliseconds: Number(microseconds) / 1000, body: body.join('\n').trim() }
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as net.AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
