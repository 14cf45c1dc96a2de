import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'

// POSIX.1-2017, pax: "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format".

export const blockBytes = 512

export interface Header {
  /** `x` is an extended header for the next entry, `g` one for all; `L` and `K` are GNU's long name and target. */
  type: 'file' | 'hard link' | 'link' | 'directory' | 'other' | 'x' | 'g' | 'L' | 'K'
  /** Without the NUL at its end. */
  name: Uint8Array
  /** Of a link. */
  target: Uint8Array
  mode: number
  size: number
}

const types: Record<string, Header['type']> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hard link',
  '2': 'link',
  '3': 'other',
  '4': 'other',
  '5': 'directory',
  '6': 'other',
  x: 'x',
  g: 'g',
  L: 'L',
  K: 'K',
}

/**
 * The header at an offset; undefined at the archive's end: a block of zeros, or where the source ends.
 * @throws UfrError UFR-FORMAT where there is something else.
 */
export function readHeader(source: ByteSource, at: number): Header | undefined {
  if (at >= source.size && at > 0) return undefined
  if (source.size - at < blockBytes) throw corrupt(`it ends within the header at byte ${at}`)
  const block = source.read(at, blockBytes)
  if (block[0] === 0 && block.every((byte) => byte === 0)) return undefined
  checkSum(block, at)
  const type = types[String.fromCharCode(block[156]!)]
  if (type === undefined) throw corrupt(`an entry of type ${block[156]} at byte ${at}`)
  const name = field(block, 0, 100)
  // Only POSIX's own format has a prefix there; GNU's has times.
  const prefix = isUstar(block) ? field(block, 345, 155) : new Uint8Array()
  // A name that ends with a slash is a directory's in archives from before POSIX.
  const directory = type === 'file' && prefix.length === 0 && name.at(-1) === 0x2f
  const size = number(block.subarray(124, 136), at)
  return {
    type: directory ? 'directory' : type,
    name: prefix.length > 0 ? Buffer.concat([prefix, Buffer.from('/'), name]) : name,
    target: field(block, 157, 100),
    mode: number(block.subarray(100, 108), at) & 0o7777,
    size: type === 'hard link' || type === 'link' || type === 'directory' ? 0 : size,
  }
}

export function roundedUp(bytes: number): number {
  return Math.ceil(bytes / blockBytes) * blockBytes
}

function isUstar(block: Uint8Array): boolean {
  return Buffer.from(block.subarray(257, 263)).toString('latin1') === 'ustar\0'
}

function field(block: Uint8Array, at: number, length: number): Uint8Array {
  const bytes = block.subarray(at, at + length)
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

/** Octal digits, or in GNU's way a number of base 256 behind a set first bit. */
function number(bytes: Uint8Array, at: number): number {
  if (bytes[0]! & 0x80) {
    let value = BigInt(bytes[0]! & 0x7f)
    for (const byte of bytes.subarray(1)) value = (value << 8n) | BigInt(byte)
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`a number at byte ${at} is too large`)
    return Number(value)
  }
  const digits = Buffer.from(field(bytes, 0, bytes.length))
    .toString('latin1')
    .trim()
  if (digits === '') return 0
  if (!/^[0-7]+$/.test(digits)) throw corrupt(`a number at byte ${at} has other characters than digits`)
  return Number.parseInt(digits, 8)
}

/** The sum of all bytes, with spaces in the sum's own place; old programs took bytes for signed. */
function checkSum(block: Uint8Array, at: number): void {
  let sum = 0
  let signed = 0
  // A plain loop: an image has tens of thousands of headers, and an iterator takes ten times as long.
  for (let index = 0; index < block.length; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : block[index]!
    sum += byte
    signed += byte > 127 ? byte - 256 : byte
  }
  const expected = number(block.subarray(148, 156), at)
  if (expected !== sum && expected !== signed) throw corrupt(`the header at byte ${at} has a wrong checksum`)
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a tar archive that can be read: ${what}`)
}
