import fs from 'node:fs'
import { addAbortSignal } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { UfrError } from '../base/errors.ts'
import type { LinkKind } from '../vmm/machine.ts'
import type { Accel } from '../vmm/vmm.ts'

/**
 * The event that --event gives: as JSON, as `@file`, or `-` for standard input; undefined where it is not given.
 * @throws UfrError UFR-USAGE where it cannot be read, is not UTF-8 or no JSON; the signal's reason.
 */
export async function readEvent(given: unknown, signal: AbortSignal): Promise<Buffer | undefined> {
  if (typeof given !== 'string') return undefined
  const file = given.startsWith('@') ? given.slice(1) : undefined
  const from = given === '-' ? 'standard input' : (file ?? '--event')
  let bytes: Buffer
  try {
    if (given === '-') bytes = await buffer(addAbortSignal(signal, process.stdin))
    else bytes = file === undefined ? Buffer.from(given) : fs.readFileSync(file)
  } catch (cause) {
    signal.throwIfAborted()
    throw eventError(`cannot be read from ${from}`, cause)
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw eventError(`from ${from} cannot be read`, cause)
  }
  try {
    JSON.parse(text)
  } catch (cause) {
    throw eventError(`from ${from} is no JSON`, cause)
  }
  return Buffer.from(text)
}

function eventError(what: string, cause: unknown): UfrError {
  const fix = `Give JSON in UTF-8, such as --event '{"name":"Ada"}', --event @file, or --event - for standard input.`
  return new UfrError('UFR-USAGE', `the event ${what}: ${(cause as Error).message}`, { cause, fix })
}

/** The path that --request gives. @throws UfrError UFR-USAGE where no HTTP request can have it. */
export function readRequestPath(given: unknown): string | undefined {
  if (typeof given !== 'string') return undefined
  if (/^\/[\x21-\x7e]*$/.test(given)) return given
  const fix = given.startsWith('/')
    ? 'Percent-encode what is no plain ASCII: %20 for a space.'
    : 'A path begins with a slash: --request /'
  throw new UfrError('UFR-USAGE', `--request cannot ask for ${JSON.stringify(given)}`, { fix })
}

/** What --accel says, else UFR_ACCEL. @throws UfrError UFR-USAGE */
export function readAccel(given: unknown): Accel | 'auto' {
  const accel = given ?? (process.env['UFR_ACCEL'] || 'auto')
  if (accel === 'auto' || accel === 'kvm' || accel === 'tcg') return accel
  throw new UfrError('UFR-USAGE', `UFR_ACCEL is ${accel}`, { fix: 'Set it to auto, kvm or tcg.' })
}

const links = ['auto', 'user', 'tap', 'vsock'] as const

/** What --link says, else UFR_LINK. @throws UfrError UFR-USAGE */
export function readLink(given: unknown): LinkKind | 'auto' {
  const link = given ?? (process.env['UFR_LINK'] || 'auto')
  const found = links.find((name) => name === link)
  if (found) return found
  throw new UfrError('UFR-USAGE', `UFR_LINK is ${link}`, { fix: `Set it to ${links.join(', ')}.` })
}
