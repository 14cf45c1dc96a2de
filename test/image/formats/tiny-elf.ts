/** What a test wants an ELF file to say; everything else is as small as can be. */
export interface TinyElf {
  class?: 32 | 64
  bigEndian?: boolean
  machine?: number
  /** 2 executable, 3 shared (default). */
  type?: number
  entry?: number
  interpreter?: string
  needed?: string[]
  soname?: string
  rpath?: string
  runpath?: string
  flags1?: number
  /** Further strings for the string table. */
  strings?: string[]
  /** Bytes behind everything else. */
  tail?: string
}

const base = 0x10000
const align = (n: number) => Math.ceil(n / 16) * 16

/** Writes a whole ELF file: header, PT_LOAD over all of it, PT_INTERP and PT_DYNAMIC where there is something to say. */
export function tinyElf(want: TinyElf = {}): Buffer {
  const wide = (want.class ?? 64) === 64
  const little = !want.bigEndian
  const wordBytes = wide ? 8 : 4
  const headerBytes = wide ? 64 : 52
  const segmentBytes = wide ? 56 : 32

  const table: string[] = ['']
  const at = (text: string): number => {
    table.push(text)
    return table.slice(0, -1).reduce((sum, s) => sum + Buffer.byteLength(s) + 1, 0)
  }
  const entries: [number, number][] = (want.needed ?? []).map((name) => [1, at(name)])
  if (want.soname !== undefined) entries.push([14, at(want.soname)])
  if (want.rpath !== undefined) entries.push([15, at(want.rpath)])
  if (want.runpath !== undefined) entries.push([29, at(want.runpath)])
  if (want.flags1 !== undefined) entries.push([0x6ffffffb, want.flags1])
  for (const text of want.strings ?? []) at(text)
  const strings = Buffer.from(`${table.join('\0')}\0`)
  const interpreter = want.interpreter === undefined ? undefined : Buffer.from(`${want.interpreter}\0`)
  const dynamic = entries.length > 0 || (want.strings ?? []).length > 0

  const segments = 1 + (interpreter ? 1 : 0) + (dynamic ? 1 : 0)
  const interpreterAt = headerBytes + segments * segmentBytes
  const stringsAt = align(interpreterAt + (interpreter?.length ?? 0))
  const dynamicAt = align(stringsAt + strings.length)
  if (dynamic) entries.push([5, base + stringsAt], [10, strings.length], [0, 0])
  const dynamicBytes = dynamic ? entries.length * wordBytes * 2 : 0
  const tailAt = align(dynamicAt + dynamicBytes)
  const tail = Buffer.from(want.tail ?? '', 'latin1')
  const bytes = Buffer.alloc(tailAt + tail.length)

  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const half = (o: number, v: number) => view.setUint16(o, v, little)
  const int = (o: number, v: number) => view.setUint32(o, v, little)
  const word = (o: number, v: number) => (wide ? view.setBigUint64(o, BigInt(v), little) : int(o, v))
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1])
  half(16, want.type ?? 3)
  half(18, want.machine ?? 62)
  int(20, 1)
  word(24, want.entry ?? 0x1000)
  word(24 + wordBytes, headerBytes)
  const sizes = wide ? 52 : 40
  half(sizes, headerBytes)
  half(sizes + 2, segmentBytes)
  half(sizes + 4, segments)

  const segment = (i: number, type: number, offset: number, size: number) => {
    const o = headerBytes + i * segmentBytes
    int(o, type)
    int(o + (wide ? 4 : 24), 4)
    word(o + (wide ? 8 : 4), offset)
    word(o + (wide ? 16 : 8), base + offset)
    word(o + (wide ? 24 : 12), base + offset)
    word(o + (wide ? 32 : 16), size)
    word(o + (wide ? 40 : 20), size)
    word(o + (wide ? 48 : 28), 16)
  }
  segment(0, 1, 0, bytes.length)
  let next = 1
  if (interpreter) segment(next++, 3, interpreterAt, interpreter.length)
  if (dynamic) segment(next, 2, dynamicAt, dynamicBytes)
  if (interpreter) bytes.set(interpreter, interpreterAt)
  bytes.set(strings, stringsAt)
  if (dynamic) {
    entries.forEach(([tag, value], i) => {
      word(dynamicAt + i * 2 * wordBytes, tag)
      word(dynamicAt + i * 2 * wordBytes + wordBytes, value)
    })
  }
  bytes.set(tail, tailAt)
  return bytes
}
