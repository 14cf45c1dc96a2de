import type { Duplex } from 'node:stream'
import { UfrError } from '../base/errors.ts'
import { accepted } from '../link/http.ts'
import { type Mark, markNames } from '../link/marks.ts'
import type { Accel, Address } from '../vmm/vmm.ts'
import { endError, type Instance, waitForMark } from './instance.ts'

/** An instance that can take work. */
export interface Ready {
  address: Address
  guestPort: number
  /** `performance.now()` when it became so. */
  at: number
  /** A connection that the guest has accepted already, where one was needed to find out. */
  socket?: Duplex
}

export interface ReadyOptions {
  /** The port to be had; undefined where the first that the program listens on will do. */
  port: number | undefined
  tellsReady: boolean
  accel: Accel
  timeoutMs: number
  /** How often a server was taken for ready that was not: each time it is looked at for longer. */
  mistakes?: number
}

/** Longer than a guest takes to refuse a connection, with which QEMU's network stack does not wait for the guest. */
const settleMs: Record<Accel, number> = { kvm: 5, tcg: 20 }
/** How long a program that listens on another port than the one named may take to open that one too. */
const otherPortMs = 5000

/** Seconds a guest may take to become ready: UFR_BOOT_TIMEOUT, else by how guests run. */
export function bootTimeoutMs(accel: Accel): number {
  const set = Number(process.env['UFR_BOOT_TIMEOUT'])
  return set > 0 ? set * 1000 : accel === 'kvm' ? 60_000 : 180_000
}

/**
 * Waits until a handler or web function can take work.
 * @throws UfrError UFR-BOOT-TIMEOUT, UFR-PORT-SILENT, or as `endError` where the instance ends first.
 */
export async function whenReady(instance: Instance, options: ReadyOptions): Promise<Ready> {
  const limit = new AbortController()
  const timer = setTimeout(() => limit.abort(timeoutError(instance, options)), options.timeoutMs)
  instance.ended.then((end) => limit.abort(endError(instance, end)))
  try {
    return await (options.tellsReady ? told : tried)(instance, options, limit)
  } finally {
    clearTimeout(timer)
  }
}

async function told(instance: Instance, options: ReadyOptions, limit: AbortController): Promise<Ready> {
  // Asked for while the guest still boots: the forwarding is there by the time it is needed.
  const early = options.port === undefined ? undefined : instance.reach(options.port)
  early?.catch(() => {})
  const fits = ({ name, value }: Mark) =>
    name === markNames.ready &&
    (options.port === undefined ? /^\d+$/.test(value ?? '') : value === String(options.port))
  let timer: NodeJS.Timeout | undefined
  const unwatch = instance.console.watch((mark) => {
    if (mark.name !== markNames.ready || fits(mark)) return
    timer ??= setTimeout(() => limit.abort(elsewhereError(mark.value ?? '', options.port)), otherPortMs)
  })
  try {
    const mark = await waitForMark(instance, fits, limit.signal)
    const guestPort = Number(mark.value)
    return { address: await (early ?? instance.reach(guestPort)), guestPort, at: mark.at }
  } finally {
    unwatch()
    clearTimeout(timer)
  }
}

/** What to say of a program that listens where the host does not look or cannot reach. */
function elsewhereError(value: string, port: number | undefined): UfrError {
  const [listening, address] = value.split(';')
  if (address) {
    const fix = 'Let it listen on 0.0.0.0, or on no address at all.'
    const message = `the function listens on ${address} port ${listening}, where only the guest itself can connect`
    return new UfrError('UFR-PORT-SILENT', message, { fix })
  }
  const fix = `Set "port": ${listening} in ufr.json, or let it listen on $PORT.`
  return new UfrError('UFR-PORT-SILENT', `the function listens on port ${listening}, not on ${port}`, { fix })
}

async function tried(instance: Instance, options: ReadyOptions, limit: AbortController): Promise<Ready> {
  const guestPort = options.port ?? 8080
  const address = await instance.reach(guestPort)
  // Before the guest's network is up, connections would wait in QEMU for a long time instead of being refused.
  await waitForMark(instance, (mark) => mark.name === markNames.network, limit.signal)
  // On a network of its own the guest itself answers; elsewhere somebody accepts for it first.
  const settle = instance.link?.kind === 'tap' ? 0 : settleMs[options.accel] * 4 ** (options.mistakes ?? 0)
  const socket = await accepted(address, settle, limit.signal)
  return { address, guestPort, at: performance.now(), socket }
}

function timeoutError(instance: Instance, options: ReadyOptions): UfrError {
  const seconds = options.timeoutMs / 1000
  const detail = instance.console.tail()
  const booted = instance.console.marks.some((mark) => mark.name === markNames.network)
  if (booted && options.port !== undefined) {
    const message = `the guest runs, but nothing listened on port ${options.port} within ${seconds} s`
    return new UfrError('UFR-PORT-SILENT', message, { detail })
  }
  return new UfrError('UFR-BOOT-TIMEOUT', `the guest was not ready within ${seconds} s`, { detail })
}
