import { lackingCode } from './lacking-code.ts'

const pageBytes = 4096
const headerBytes = 64
const programHeaderBytes = 56
const symbolBytes = 24
const relocationBytes = 24
const segmentType = { load: 1, dynamic: 2, stack: 0x6474e551 }
const flag = { execute: 1, write: 2, read: 4 }
/** elf(5): tags of a dynamic section. */
const tag = {
  ...{ end: 0, hash: 4, strings: 5, symbols: 6, relocations: 7, relocationBytes: 8, relocationSize: 9 },
  ...{ stringBytes: 10, symbolSize: 11, soname: 14 },
}

/** Where lacking.S expects its code and the address of `open64`, and where its functions begin in it. */
const codeAt = 0x300
const slotAt = pageBytes
const functions = { sigsuspend: 0, open: 0x80 }
const wanted = 'open64'

/**
 * A shared library with what libdispatch takes for granted and some kernels lack (see lacking.ts), for programs that
 * are linked already: to be loaded before the C library. It needs no other library itself.
 * @param soname what it calls itself.
 */
export function lackingLibrary(soname: string): Buffer {
  const names = [wanted, ...Object.keys(functions)]
  const strings = Buffer.from(`\0${[...names, soname].join('\0')}\0`)
  const nameAt = (name: string) => strings.indexOf(`\0${name}\0`) + 1
  // One bucket with all symbols in a row, behind the first, which is none.
  const hash = words(1, names.length + 1, 1, 0, ...names.map((_, i) => (i + 2) % (names.length + 1)))
  const hashAt = headerBytes + 4 * programHeaderBytes
  const symbolsAt = align(hashAt + hash.length)
  const relocationsAt = symbolsAt + (names.length + 1) * symbolBytes
  const stringsAt = relocationsAt + relocationBytes
  const ours = Object.entries(functions).map(([name, at]) => symbol(nameAt(name), 1, codeAt + at))
  const symbols = Buffer.concat([Buffer.alloc(symbolBytes), symbol(nameAt(wanted), 0, 0), ...ours])
  const dynamicAt = slotAt + 16
  const dynamic = numbers(
    ...[tag.soname, nameAt(soname), tag.hash, hashAt, tag.symbols, symbolsAt, tag.strings, stringsAt],
    ...[tag.stringBytes, strings.length, tag.symbolSize, symbolBytes, tag.relocations, relocationsAt],
    ...[tag.relocationBytes, relocationBytes, tag.relocationSize, relocationBytes, tag.end, 0],
  )
  const end = dynamicAt + dynamic.length
  const segments = [
    segment(segmentType.load, flag.read | flag.execute, 0, codeAt + lackingCode.length, pageBytes),
    segment(segmentType.load, flag.read | flag.write, slotAt, end - slotAt, pageBytes),
    segment(segmentType.dynamic, flag.read | flag.write, dynamicAt, dynamic.length, 8),
    segment(segmentType.stack, flag.read | flag.write, 0, 0, 16),
  ]
  const file = Buffer.alloc(end)
  for (const [bytes, at] of [
    [header(segments.length), 0],
    [Buffer.concat(segments), headerBytes],
    [hash, hashAt],
    [symbols, symbolsAt],
    // R_X86_64_GLOB_DAT of the first symbol.
    [numbers(slotAt, 1 * 2 ** 32 + 6, 0), relocationsAt],
    [strings, stringsAt],
    [lackingCode, codeAt],
    [dynamic, dynamicAt],
  ] as const) {
    bytes.copy(file, at)
  }
  return file
}

function align(at: number): number {
  return Math.ceil(at / 16) * 16
}

function words(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i)
  return bytes
}

function numbers(...values: number[]): Buffer {
  const bytes = Buffer.alloc(8 * values.length)
  for (const [i, value] of values.entries()) bytes.writeBigUInt64LE(BigInt(value), 8 * i)
  return bytes
}

/** @param section 0 for a symbol of another library. */
function symbol(nameAt: number, section: number, at: number): Buffer {
  const entry = Buffer.alloc(symbolBytes)
  entry.writeUInt32LE(nameAt, 0)
  entry.writeUInt8(0x12, 4) // STB_GLOBAL, STT_FUNC
  entry.writeUInt16LE(section, 6)
  entry.writeBigUInt64LE(BigInt(at), 8)
  return entry
}

function header(segments: number): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0)
  bytes.writeUInt16LE(3, 16) // ET_DYN
  bytes.writeUInt16LE(62, 18) // EM_X86_64
  bytes.writeUInt32LE(1, 20)
  bytes.writeBigUInt64LE(BigInt(headerBytes), 32)
  bytes.writeUInt16LE(headerBytes, 52)
  bytes.writeUInt16LE(programHeaderBytes, 54)
  bytes.writeUInt16LE(segments, 56)
  return bytes
}

function segment(type: number, flags: number, at: number, bytes: number, alignment: number): Buffer {
  const entry = Buffer.alloc(programHeaderBytes)
  entry.writeUInt32LE(type, 0)
  entry.writeUInt32LE(flags, 4)
  for (const offset of [8, 16, 24]) entry.writeBigUInt64LE(BigInt(at), offset)
  for (const offset of [32, 40]) entry.writeBigUInt64LE(BigInt(bytes), offset)
  entry.writeBigUInt64LE(BigInt(alignment), 48)
  return entry
}
