import { randomInt } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import { UfrError } from '../../base/errors.ts'

/**
 * The addresses of the ways to the outside: each instance with egress takes two that belong together (RFC 3021). What
 * RFC 2544 has put aside for tests between networks is used by nothing that reaches the internet, nor by the usual
 * private networks, containers and carriers.
 */
export const usualPool = '198.19.0.0/16'

/** What every name of an interface of ours begins with, and all rules go by. */
export const interfacePrefix = 'ufre'

export interface Range {
  first: number
  last: number
}

/** A way's two ends. The name stands for the address, so that having the one is having the other. */
export interface Pair {
  name: string
  host: string
  guest: string
}

/** @throws UfrError UFR-USAGE where UFR_TAP_POOL is no range of IPv4 addresses such as 10.99.0.0/16. */
export function pool(set = process.env['UFR_TAP_POOL']): { text: string } & Range {
  const text = set || usualPool
  const [address = '', digits = ''] = text.split('/')
  const [base, bits] = [addressNumber(address), Number(digits)]
  if (base === undefined || !/^\d{1,2}$/.test(digits) || bits < 8 || bits > 31 || base % 2 ** (32 - bits)) {
    throw new UfrError('UFR-USAGE', `UFR_TAP_POOL is ${text}`, {
      fix: `Set it to a range of IPv4 addresses that nothing else uses, /8 to /31, such as ${usualPool}.`,
    })
  }
  return { text, first: base, last: base + 2 ** (32 - bits) - 1 }
}

/**
 * The pairs of a pool that look free, in an order of chance: most likely none of them is taken by another process a
 * moment later. Whoever makes the interface first has it.
 * @param taken ranges in use: pairs in them are left out.
 */
export function* freePairs({ first, last }: Range, taken: readonly Range[]): Generator<Pair> {
  const pairs = (last - first + 1) / 2
  const start = randomInt(pairs)
  for (let i = 0; i < pairs; i++) {
    const host = first + 2 * ((start + i) % pairs)
    if (taken.some((range) => range.first <= host + 1 && host <= range.last)) continue
    yield {
      name: `${interfacePrefix}${host.toString(16).padStart(8, '0')}`,
      host: addressText(host),
      guest: addressText(host + 1),
    }
  }
}

/** What this host uses already: its addresses, and where its routes lead that are no default route. */
export function usedRanges(routes = fs.readFileSync('/proc/net/route', 'latin1')): Range[] {
  const own = hostAddresses().map((address) => {
    const number = addressNumber(address)!
    return { first: number, last: number }
  })
  const led = routes
    .split('\n')
    .slice(1)
    .flatMap((line) => routeRange(line.split('\t')) ?? [])
  return [...own, ...led]
}

/** The IPv4 addresses of this host. */
export function hostAddresses(): string[] {
  const all = Object.values(os.networkInterfaces()).flatMap((each) => each ?? [])
  return [...new Set(all.filter(({ family }) => family === 'IPv4').map(({ address }) => address))]
}

const leastMask = 0xff00_0000

/** A line of /proc/net/route: interface, destination, gateway, …, mask in the eighth field; numbers as in memory. */
function routeRange(fields: string[]): Range | undefined {
  const number = (text = '') => Buffer.from(text, 'hex').readUInt32LE()
  if (!/^[0-9A-F]{8}$/.test(fields[1] ?? '') || !/^[0-9A-F]{8}$/.test(fields[7] ?? '')) return undefined
  const [first, mask] = [number(fields[1]), number(fields[7])]
  // Some make their default route of two or more halves.
  return mask < leastMask ? undefined : { first, last: first + (2 ** 32 - 1 - mask) }
}

/** @returns undefined for what is no IPv4 address. */
export function addressNumber(text: string): number | undefined {
  const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number)
  if (!parts || parts.some((part) => part > 255)) return undefined
  return parts.reduce((sum, part) => sum * 256 + part, 0)
}

function addressText(number: number): string {
  return [24, 16, 8, 0].map((shift) => (number >>> shift) & 0xff).join('.')
}
