import { type Tuple, type, type Value } from './format.ts'

/** Values on their way into a log record: what `encode*` appends to. */
export interface Encoder {
  bytes: Buffer
  length: number
  /** Number of each symbol in the dictionary that the reader of the record builds up. */
  readonly symbols: Map<string, number>
  /** How many numbers are given, to symbols, tuples and vectors alike. */
  numbered: number
}

export function newEncoder(): Encoder {
  return { bytes: Buffer.allocUnsafe(4096), length: 0, symbols: new Map(), numbered: 0 }
}

export function encoded(encoder: Encoder): Buffer {
  return encoder.bytes.subarray(0, encoder.length)
}

function reserve(encoder: Encoder, more: number): void {
  const needed = encoder.length + more
  if (needed <= encoder.bytes.length) return
  const larger = Buffer.allocUnsafe(Math.max(needed, 2 * encoder.bytes.length))
  encoder.bytes.copy(larger, 0, 0, encoder.length)
  encoder.bytes = larger
}

/** Seven bits a byte, most significant first, the top bit set on all but the last. */
export function varint(value: number | bigint): number[] {
  if (typeof value === 'bigint') {
    if (value <= Number.MAX_SAFE_INTEGER) return varint(Number(value))
    return [...varint(value >> 7n).map((byte) => byte | 0x80), Number(value & 0x7fn)]
  }
  const bytes = [value % 0x80]
  for (let rest = Math.floor(value / 0x80); rest > 0; rest = Math.floor(rest / 0x80))
    bytes.unshift((rest % 0x80) | 0x80)
  return bytes
}

function pushVarint(encoder: Encoder, value: number | bigint): void {
  reserve(encoder, 10)
  if (value < 0x80) {
    encoder.bytes[encoder.length++] = Number(value)
  } else {
    for (const byte of varint(value)) encoder.bytes[encoder.length++] = byte
  }
}

/** One byte of flags, type and the length's top bits; where those three bits do not hold it, seven a byte follow. */
function pushHeader(encoder: Encoder, immediate: boolean, type: number, length: number): void {
  reserve(encoder, 6)
  const first = (immediate ? 0x80 : 0) | (type << 4)
  if (length < 0x8) {
    encoder.bytes[encoder.length++] = first | length
    return
  }
  let words = 1
  while (length >= 2 ** (3 + 7 * words)) words++
  encoder.bytes[encoder.length++] = first | 0x8 | Math.floor(length / 2 ** (7 * words))
  while (words-- > 0) {
    const bits = Math.floor(length / 2 ** (7 * words)) & 0x7f
    encoder.bytes[encoder.length++] = words > 0 ? bits | 0x80 : bits
  }
}

function pushText(encoder: Encoder, type: number, text: string): void {
  const length = Buffer.byteLength(text)
  pushHeader(encoder, true, type, length)
  reserve(encoder, length)
  encoder.length += encoder.bytes.write(text, encoder.length)
}

/** The name of an attribute: spelt out the first time, a reference from then on. */
export function encodeSymbol(encoder: Encoder, name: string): void {
  const number = encoder.symbols.get(name)
  if (number !== undefined) {
    pushHeader(encoder, false, type.buffer, number)
  } else {
    pushText(encoder, type.buffer, name)
    encoder.symbols.set(name, ++encoder.numbered)
  }
}

/** The beginning of a tuple; as many pairs of symbol and value have to follow. */
export function encodeTuple(encoder: Encoder, attributes: number): void {
  pushHeader(encoder, true, type.tuple, attributes)
  encoder.numbered++
}

export function encodeInteger(encoder: Encoder, value: number | bigint): void {
  pushHeader(encoder, true, type.integer, value < 0 ? 1 : 0)
  pushVarint(encoder, value < 0 ? -value : value)
}

export function encodeString(encoder: Encoder, text: string): void {
  pushText(encoder, type.string, text)
}

/** A whole value with all that is in it; the attributes of tuples in the order that they have. */
export function encodeValue(encoder: Encoder, value: Value): void {
  if (typeof value === 'string') {
    encodeString(encoder, value)
  } else if (typeof value === 'number' || typeof value === 'bigint') {
    encodeInteger(encoder, value)
  } else if (value === null) {
    pushText(encoder, type.buffer, '\0')
  } else if (Array.isArray(value)) {
    pushHeader(encoder, true, type.vector, value.length)
    encoder.numbered++
    for (const element of value) encodeValue(encoder, element)
  } else {
    encodeAttributes(encoder, value)
  }
}

function encodeAttributes(encoder: Encoder, tuple: Tuple): void {
  encodeTuple(encoder, tuple.size)
  for (const [name, inner] of tuple) {
    encodeSymbol(encoder, name)
    encodeValue(encoder, inner)
  }
}
