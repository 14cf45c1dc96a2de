import { corrupt, maxValueDepth, type Tuple, type, type Value } from './format.ts'

/** Limits on what one image may make the reader hold. A file takes three tuples and seven values. */
const maxComposites = 2 ** 20
const maxValues = 2.5 * 2 ** 20

/** Bytes being parsed. */
export interface Cursor {
  readonly bytes: Buffer
  at: number
}

/** What the records of a log share: later ones refer to tuples, vectors and symbols of earlier ones by number. */
export interface Decoder {
  /** Number n is at index n - 1. */
  readonly dictionary: (Tuple | Value[] | string)[]
  composites: number
  values: number
}

export function newDecoder(): Decoder {
  return { dictionary: [], composites: 0, values: 0 }
}

export function cursor(bytes: Uint8Array): Cursor {
  return { bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), at: 0 }
}

export function popByte(from: Cursor): number {
  const byte = from.bytes[from.at++]
  if (byte === undefined) throw corrupt('the log ends too early')
  return byte
}

function skip(from: Cursor, length: number): void {
  if (length > from.bytes.length - from.at) throw corrupt('the log ends too early')
  from.at += length
}

export function popBytes(from: Cursor, length: number): Buffer {
  skip(from, length)
  return from.bytes.subarray(from.at - length, from.at)
}

/** Seven bits a byte, most significant first; the top bit says that more follow. */
export function popVarint(from: Cursor, start = 0): number {
  let value = start
  for (;;) {
    const byte = popByte(from)
    value = value * 128 + (byte & 0x7f)
    if (value > Number.MAX_SAFE_INTEGER) throw corrupt('a number is too large')
    if (byte < 0x80) return value
  }
}

function popInteger(from: Cursor, negative: boolean): number | bigint {
  let value = 0n
  const start = from.at
  for (;;) {
    const byte = popByte(from)
    value = (value << 7n) | BigInt(byte & 0x7f)
    if (byte < 0x80) break
    if (from.at - start >= 10) throw corrupt('an integer has more than 64 bits')
  }
  if (value >= 2n ** 64n) throw corrupt('an integer has more than 64 bits')
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) return negative ? -value : value
  return negative && value > 0n ? -Number(value) : Number(value)
}

/** @throws UfrError UFR-FORMAT where the bytes are not UTF-8: a path made from them would name something else. */
function popText(from: Cursor, length: number): string {
  const start = from.at
  skip(from, length)
  const text = from.bytes.toString('utf8', start, from.at)
  if (text.includes('\ufffd') && !Buffer.from(text).equals(from.bytes.subarray(start, from.at)))
    throw corrupt('a name is not UTF-8')
  return text
}

interface Header {
  immediate: boolean
  type: number
  length: number
}

/** One byte of flags, type and the length's top bits, then a varint where those bits do not hold it. */
function popHeader(from: Cursor, old: boolean): Header {
  const byte = popByte(from)
  const bits = old ? 5 : 3
  const top = byte & ((1 << bits) - 1)
  return {
    immediate: byte >= 0x80,
    type: (byte >> (bits + 1)) & (old ? 1 : 7),
    length: byte & (1 << bits) ? popVarint(from, top) : top,
  }
}

function record(decoder: Decoder, composite: Tuple | Value[]): void {
  if (++decoder.composites > maxComposites) throw corrupt(`more than ${maxComposites} tuples`)
  decoder.dictionary.push(composite)
}

function lookUp(decoder: Decoder, number: number): Tuple | Value[] | string {
  const found = decoder.dictionary[number - 1]
  if (found === undefined) throw corrupt(`reference to ${number}, which is not there`)
  return found
}

function popSymbol(from: Cursor, decoder: Decoder, old: boolean): string {
  const header = popHeader(from, old)
  if (header.type !== type.buffer) throw corrupt('the name of an attribute is not a symbol')
  if (header.immediate) {
    const text = popText(from, header.length)
    decoder.dictionary.push(text)
    return text
  }
  const symbol = lookUp(decoder, header.length)
  if (typeof symbol !== 'string') throw corrupt('the name of an attribute is a tuple')
  return symbol
}

function popTuple(from: Cursor, decoder: Decoder, old: boolean, header: Header, depth: number): Tuple {
  let tuple: Tuple
  if (header.immediate) {
    tuple = new Map()
    record(decoder, tuple)
  } else {
    const found = lookUp(decoder, popVarint(from))
    if (!(found instanceof Map)) throw corrupt('a reference to a tuple leads to something else')
    tuple = found
  }
  for (let i = 0; i < header.length; i++) {
    const name = popSymbol(from, decoder, old)
    const value = popValue(from, decoder, old, depth + 1)
    if (value === undefined) tuple.delete(name)
    else tuple.set(name, value)
  }
  return tuple
}

function popVector(from: Cursor, decoder: Decoder, old: boolean, header: Header, depth: number): Value[] {
  let vector: Value[]
  if (header.immediate) {
    vector = []
    record(decoder, vector)
  } else {
    const found = lookUp(decoder, popVarint(from))
    if (!Array.isArray(found)) throw corrupt('a reference to a vector leads to something else')
    vector = found
  }
  for (let i = 0; i < header.length; i++) {
    // Nothing takes elements away again, so this never leaves a hole.
    vector[i] = popValue(from, decoder, old, depth + 1) ?? null
  }
  return vector
}

/**
 * The next value; undefined stands for the removal of an attribute.
 * @param old whether the encoding is the one of TFS version 4
 * @throws UfrError UFR-FORMAT
 */
export function popValue(from: Cursor, decoder: Decoder, old: boolean, depth = 0): Value | undefined {
  if (depth > maxValueDepth) throw corrupt('tuples are nested too deep')
  if (++decoder.values > maxValues) throw corrupt(`more than ${maxValues} values`)
  const header = popHeader(from, old)
  switch (header.type) {
    case type.tuple:
      return popTuple(from, decoder, old, header, depth)
    case type.vector:
      return popVector(from, decoder, old, header, depth)
    case type.integer:
      return popInteger(from, header.length > 0)
    case type.string:
      if (header.immediate) return popText(from, header.length)
      break
    case type.buffer:
      if (header.length === 0) return undefined
      if (header.immediate) {
        const text = popText(from, header.length)
        return text === '\0' ? null : text
      }
      break
    default:
      throw corrupt(`unknown type ${header.type} of a value`)
  }
  const found = lookUp(decoder, header.length)
  if (typeof found !== 'string') throw corrupt('a reference to a string leads to something else')
  return found
}
