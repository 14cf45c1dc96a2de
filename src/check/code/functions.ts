import { type Linking, offsetOf, type Segment } from './linking.ts'
import { type Reader, readerOf } from './reader.ts'

/** Where functions begin in a file, and what they are called where the file says so. */
export interface FunctionStarts {
  /** In order, each once. */
  starts: number[]
  names: Map<number, string>
  /** Whether the program was made by Go's own compiler. */
  go: boolean
}

const unwindSegment = 0x6474e550
const maxFunctions = 1_000_000

/**
 * Collects where functions begin: from the table for unwinding that compilers write for nearly all code, from symbols,
 * and from Go's own table.
 */
export function functionStarts(linking: Linking): FunctionStarts {
  const { elf, segments, dynamic, local, initial } = linking
  const read = readerOf(linking.bytes)
  const names = new Map<number, string>()
  const found = new Set<number>()
  const add = (address: number) => {
    if (found.size < maxFunctions && isCode(segments, address)) found.add(address)
  }
  for (const address of unwindStarts(linking, read)) add(address)
  const go = goFunctions(linking, read)
  for (const [address, name] of go ?? []) {
    add(address)
    if (isCode(segments, address)) names.set(address, name)
  }
  for (const { name, address, defined, isFunction } of [...local, ...dynamic]) {
    if (!defined || !isFunction) continue
    add(address)
    const before = names.get(address)
    if (name !== '' && (before === undefined || plainer(name, before))) names.set(address, name)
  }
  if (elf.entry > 0n) add(Number(elf.entry))
  for (const address of initial) add(address)
  return { starts: [...found].sort((a, b) => a - b), names, go: go !== undefined }
}

/** Of two names for the same function, the one that people use: `fork` rather than `__libc_fork`. */
function plainer(name: string, than: string): boolean {
  const score = (each: string) => /^_*/.exec(each)![0].length * 100 + each.length
  return score(name) < score(than)
}

export function isCode(segments: readonly Segment[], address: number): boolean {
  return segments.some(
    (each) => each.executable && address >= each.address && address < each.address + each.size,
  )
}

/** The binary search table of .eh_frame_hdr (Linux Standard Base, "DWARF Extensions"). */
function unwindStarts({ elf, segments }: Linking, read: Reader): number[] {
  const header = elf.programHeaders.find(({ type }) => type === unwindSegment)
  if (!header) return []
  const base = Number(header.address)
  const at = offsetOf(segments, base)
  // Version 1, pointer of 32 bits relative to itself, count of 32 bits, table of 32 bits relative to the header.
  if (at < 0 || read.int(at) >>> 24 !== 0x3b || (read.int(at) & 0xff) !== 1) return []
  const count = Math.min(read.int(at + 8), maxFunctions, Math.floor(header.fileSize / 8))
  return Array.from({ length: count }, (_, i) => base + read.signed(at + 12 + 8 * i))
}

const goMagic = [0xfffffff0, 0xfffffff1]

/**
 * The functions of a Go program, from the table by which its runtime unwinds (src/internal/abi, src/debug/gosym;
 * Go 1.18 and later); undefined for programs of other languages.
 */
function goFunctions(linking: Linking, read: Reader): Map<number, string> | undefined {
  const { bytes, segments } = linking
  const at = goTable(bytes, segments)
  if (at === undefined) return undefined
  const found = new Map<number, string>()
  const count = Math.min(read.word(at + 8), maxFunctions)
  const text = read.word(at + 24) || goText(linking, read, at)
  const names = at + read.word(at + 32)
  const table = at + read.word(at + 64)
  for (let i = 0; i < count; i++) {
    const entry = table + 8 * i
    if (entry + 8 > bytes.length) break
    const nameAt = read.signed(table + read.int(entry + 4) + 4)
    found.set(text + read.int(entry), nameAt > 0 ? read.text(names + nameAt) : '')
  }
  return found
}

/** Where runtime.moduledata has the address of the code (src/runtime/symtab.go): words behind that of the table. */
const textWord = 22

/** From Go 1.26 on, the table no longer says where the code begins. */
function goText({ bytes, segments, pointers }: Linking, read: Reader, at: number): number {
  const segment = segments.find(({ offset, size }) => at >= offset && at < offset + size)!
  const address = segment.address + (at - segment.offset)
  const isText = (text: number | undefined): text is number => text !== undefined && isCode(segments, text)
  for (const [slot, target] of pointers) {
    const text = target === address ? pointers.get(slot + 8 * textWord) : undefined
    if (isText(text)) return text
  }
  const wanted = Buffer.alloc(8)
  wanted.writeBigUInt64LE(BigInt(address))
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let found = buffer.indexOf(wanted); found >= 0; found = buffer.indexOf(wanted, found + 8)) {
    const text = read.word(found + 8 * textWord)
    if (isText(text)) return text
  }
  return 0
}

/** Go's linker puts the table into a segment of its own or at a multiple of 32 bytes in one that cannot be written. */
function goTable(bytes: Uint8Array, segments: readonly Segment[]): number | undefined {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const magic of goMagic) {
    const wanted = Buffer.alloc(8)
    wanted.writeUInt32LE(magic)
    // Instructions are multiples of one byte, pointers have eight.
    wanted.set([1, 8], 6)
    for (let at = buffer.indexOf(wanted); at >= 0; at = buffer.indexOf(wanted, at + 1)) {
      const isData = segments.some(
        ({ executable, offset, size }) => !executable && at >= offset && at < offset + size,
      )
      if (isData && at % 8 === 0) return at
    }
  }
  return undefined
}
