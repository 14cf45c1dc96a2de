import { UfrError } from '../../base/errors.ts'
import { type ElfFile, readElf } from '../../image/formats/elf/elf.ts'
import { readSections } from '../../image/formats/elf/elf-sections.ts'
import { bytesSource } from '../../image/source.ts'
import { type Reader, readerOf } from './reader.ts'
import { definedVersions, neededVersions } from './versions.ts'

export interface Segment {
  address: number
  offset: number
  size: number
  /** Whether it is code. */
  executable: boolean
  writable: boolean
}

export interface FileSymbol {
  name: string
  address: number
  size: number
  /** Whether it is a function that the file itself has. */
  defined: boolean
  isFunction: boolean
  /** Whether it may be missing. */
  weak: boolean
  /** Whether it is an older version of a symbol that has a newer one. */
  hidden: boolean
}

/** What an ELF file says about linking it, beside what `readElf` tells. */
export interface Linking {
  elf: ElfFile
  bytes: Uint8Array
  segments: Segment[]
  /** Symbols for the dynamic linker. */
  dynamic: FileSymbol[]
  /** Symbols for people and debuggers, where they were not taken out. */
  local: FileSymbol[]
  /** Slots that are filled with the address of a symbol of another file, by the slot's address. */
  imports: Map<number, string>
  /** What words of data point to, by their addresses. */
  pointers: Map<number, number>
  /** Functions that run when the file is loaded. */
  initial: number[]
  /** Versions that it needs of libraries, as `GLIBC_2.34`, by the library's name. */
  needsVersions: Map<string, string[]>
  definesVersions: string[]
  /** Whether all symbols are looked for when the file is loaded (DF_BIND_NOW, DF_1_NOW). */
  bindsNow: boolean
}

const maxSymbols = 1_000_000
const maxRelocations = 2_000_000
const maxNameBytes = 128 << 20

const tag = {
  pltRelSize: 2,
  strtab: 5,
  symtab: 6,
  rela: 7,
  relaSize: 8,
  strSize: 10,
  init: 12,
  jmpRel: 23,
  bindNow: 24,
  initArray: 25,
  initArraySize: 27,
  flags: 30,
  relrSize: 35,
  relr: 36,
  versym: 0x6ffffff0,
  verdef: 0x6ffffffc,
  verdefNum: 0x6ffffffd,
  verneed: 0x6ffffffe,
  verneedNum: 0x6fffffff,
}

/** System V ABI, AMD64 supplement, "Relocation Types". */
const relocation = { word: 1, copy: 5, slot: 6, jump: 7, relative: 8, indirect: 37 }

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `corrupt ELF file: ${what}`)
}

/** Where an address of the loaded file is in the file; -1 where it is not in there. */
export function offsetOf(segments: readonly Segment[], address: number): number {
  for (const segment of segments) {
    if (address >= segment.address && address < segment.address + segment.size)
      return segment.offset + (address - segment.address)
  }
  return -1
}

/**
 * Reads what links a 64-bit little-endian ELF file.
 * @throws UfrError UFR-FORMAT where it is none, truncated, corrupt or beyond the limits.
 */
export function readLinking(bytes: Uint8Array): Linking {
  const source = bytesSource(bytes)
  const elf = readElf(source)
  if (elf.class !== 64 || !elf.littleEndian) throw corrupt('not for 64-bit little-endian machines')
  const read = readerOf(bytes)
  const segments = segmentsOf(elf, bytes.length)
  const values = dynamicValues(elf, read)
  const at = (key: number) => {
    const address = values.get(key)
    return address === undefined ? -1 : offsetOf(segments, address)
  }
  const size = (key: number) => values.get(key) ?? 0
  const strings = { at: at(tag.strtab), size: size(tag.strSize) }
  const sections = sectionsOf(bytes)
  const dynamicTable = sections.find(({ type }) => type === 11)
  const count = dynamicTable
    ? Math.floor(dynamicTable.size / symbolBytes)
    : Math.max(0, Math.floor(((values.get(tag.strtab) ?? 0) - (values.get(tag.symtab) ?? 0)) / symbolBytes))
  const dynamic = at(tag.symtab) < 0 ? [] : symbols(read, at(tag.symtab), count, strings, at(tag.versym))
  const linking: Linking = {
    ...{ elf, bytes, segments, dynamic },
    local: localSymbols(read, sections),
    imports: new Map(),
    pointers: new Map(),
    initial: [],
    needsVersions: neededVersions(read, at(tag.verneed), size(tag.verneedNum), strings),
    bindsNow: values.has(tag.bindNow) || (size(tag.flags) & 8) !== 0 || (elf.flags1 & 1) !== 0,
    definesVersions: definedVersions(read, at(tag.verdef), size(tag.verdefNum), strings),
  }
  relocate(linking, read, at(tag.rela), size(tag.relaSize))
  relocate(linking, read, at(tag.jmpRel), size(tag.pltRelSize))
  relativeRelocate(linking, read, at(tag.relr), size(tag.relrSize))
  if (values.has(tag.init)) linking.initial.push(size(tag.init))
  const array = values.get(tag.initArray)
  for (let i = 0; array !== undefined && i < Math.min(size(tag.initArraySize) / 8, 65_536); i++) {
    const slot = array + 8 * i
    const to = linking.pointers.get(slot) ?? read.word(offsetOf(segments, slot))
    if (to > 0) linking.initial.push(to)
  }
  return linking
}

function segmentsOf(elf: ElfFile, fileBytes: number): Segment[] {
  return elf.programHeaders
    .filter(({ type, fileSize, offset }) => type === 1 && fileSize > 0 && offset < fileBytes)
    .map(({ address, offset, fileSize, flags }) => ({
      address: Number(address),
      offset,
      size: Math.min(fileSize, fileBytes - offset),
      executable: (flags & 1) !== 0,
      writable: (flags & 2) !== 0,
    }))
    .filter(({ address }) => Number.isSafeInteger(address))
}

function dynamicValues(elf: ElfFile, read: Reader): Map<number, number> {
  const values = new Map<number, number>()
  const header = elf.programHeaders.find(({ type }) => type === 2)
  if (!header) return values
  const end = header.offset + Math.min(header.fileSize, 8192 * 16)
  for (let at = header.offset; at + 16 <= end; at += 16) {
    const key = read.word(at)
    if (key === 0) break
    values.set(key, read.word(at + 8))
  }
  return values
}

interface SectionFacts {
  type: number
  offset: number
  size: number
  name: string
  link: number
}

/** A file need not have sections, and what is wrong with them is of no concern to whoever loads it. */
function sectionsOf(bytes: Uint8Array): SectionFacts[] {
  try {
    const read = readerOf(bytes)
    const table = read.word(40)
    return readSections(bytesSource(bytes)).map((section, index) => ({
      ...section,
      link: read.int(table + 64 * index + 40),
    }))
  } catch (error) {
    if (error instanceof UfrError) return []
    throw error
  }
}

const symbolBytes = 24

function symbols(
  read: Reader,
  at: number,
  count: number,
  strings: { at: number; size: number },
  versions: number,
): FileSymbol[] {
  if (count > maxSymbols) throw corrupt(`${count} symbols`)
  const found: FileSymbol[] = []
  let nameBytes = 0
  for (let i = 0; i < count; i++) {
    const entry = at + symbolBytes * i
    const nameAt = read.int(entry)
    const info = read.int(entry + 4)
    const kind = info & 15
    const name = nameAt > 0 && nameAt < strings.size ? read.text(strings.at + nameAt) : ''
    nameBytes += name.length
    // Many names may stand in one place.
    if (nameBytes > maxNameBytes) throw corrupt('names of symbols beyond all measure')
    found.push({
      name,
      address: read.word(entry + 8),
      size: read.word(entry + 16),
      defined: info >>> 16 !== 0,
      // STT_FUNC, and STT_GNU_IFUNC: a function that chooses a function.
      isFunction: kind === 2 || kind === 10,
      weak: ((info >> 4) & 15) === 2,
      hidden: versions >= 0 && (read.half(versions + 2 * i) & 0x8000) !== 0,
    })
  }
  return found
}

function localSymbols(read: Reader, sections: SectionFacts[]): FileSymbol[] {
  const table = sections.find(({ type }) => type === 2)
  const strings = table && sections[table.link]
  if (!table || !strings) return []
  const count = Math.min(Math.floor(table.size / symbolBytes), maxSymbols)
  return symbols(read, table.offset, count, { at: strings.offset, size: strings.size }, -1)
}

function relocate(linking: Linking, read: Reader, at: number, size: number): void {
  if (at < 0) return
  const count = Math.floor(size / 24)
  if (count > maxRelocations) throw corrupt(`${count} relocations`)
  for (let entry = at; entry < at + count * 24; entry += 24) {
    const slot = read.word(entry)
    const kind = read.int(entry + 8)
    const symbol = linking.dynamic[read.int(entry + 12)]
    if (kind === relocation.relative || kind === relocation.indirect) {
      linking.pointers.set(slot, read.word(entry + 16))
    } else if (kind === relocation.slot || kind === relocation.jump || kind === relocation.word) {
      if (!symbol || symbol.name === '') continue
      // One that the file has itself goes by name, too: another file may come before it.
      if (symbol.defined)
        linking.pointers.set(slot, symbol.address + (kind === 1 ? read.word(entry + 16) : 0))
      linking.imports.set(slot, symbol.name)
    }
  }
}

/** Packed relative relocations (generic ABI, "SHT_RELR"): the word that is relocated holds the address. */
function relativeRelocate({ pointers, segments }: Linking, read: Reader, at: number, size: number): void {
  if (at < 0) return
  const count = Math.floor(size / 8)
  if (count > maxRelocations / 16) throw corrupt(`${count} packed relocations`)
  const point = (slot: number) => pointers.set(slot, read.word(offsetOf(segments, slot)))
  let base = 0
  for (let i = 0; i < count; i++) {
    const low = read.int(at + 8 * i)
    const high = read.int(at + 8 * i + 4)
    if ((low & 1) === 0) {
      const slot = high * 2 ** 32 + low
      point(slot)
      base = slot + 8
      continue
    }
    for (let bit = 1; bit < 64; bit++) {
      const set = bit < 32 ? (low >>> bit) & 1 : (high >>> (bit - 32)) & 1
      if (set) point(base + 8 * (bit - 1))
    }
    base += 63 * 8
  }
}
