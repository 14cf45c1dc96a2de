import type { ByteSource } from '../../source.ts'
import { type ElfFile, elfType, isX86_64, type ProgramHeader, readElf } from './elf.ts'
import { readSections } from './elf-sections.ts'
import { entryStubCode, stubFields } from './entry-stub-code.ts'

/** Bytes of a file to be replaced, or added at its end. */
export interface FilePatch {
  offset: number
  bytes: Buffer
}

/** What makes a file tell that it begins. */
export interface EntryStub {
  /** In ascending order of offset, not overlapping. */
  patches: FilePatch[]
  /** The file's size then. */
  size: number
  /** Where the code is: in the unused end of a page of code, or in a segment of its own behind all others. */
  place: 'padding' | 'segment'
}

const pageBytes = 4096
const codeAlign = 16
const headerBytes = 64
const programHeaderBytes = 56
const entryAt = 24
const tableAt = 32
const sectionTableAt = 40
const sectionCountAt = 60
const sectionHeaderBytes = 64
const noBits = 8
const segmentType = { load: 1, note: 4 }
const flag = { execute: 1, write: 2, read: 4 }
const most32 = 2 ** 31 - 1
/** Beyond this, addresses are no longer exact numbers; no program is linked to any. */
const mostAddress = BigInt(Number.MAX_SAFE_INTEGER)
/** As much as a linker may leave behind the last thing it knows of. */
const tailBytes = 16

/** A segment's place in memory as plain numbers. */
interface Segment extends ProgramHeader {
  index: number
  start: number
  end: number
}

/**
 * Puts a few instructions before a program's first one, which write the entry mark (link/marks.ts) to a descriptor:
 * into the zeros behind its code, which are in the last page of it anyway, or where there are too few of them into a
 * segment of their own, in the place of a note's. Nothing else of the file changes or moves.
 * @param descriptor where to write; any but 1 is closed then.
 * @returns nothing where there is no room, and for what is no program for x86-64.
 * @throws UfrError UFR-FORMAT for what is no ELF file, or a broken one.
 */
export function entryStub(source: ByteSource, descriptor: number): EntryStub | undefined {
  const elf = readElf(source)
  if (!isX86_64(elf) || (elf.type !== elfType.executable && elf.type !== elfType.shared)) return undefined
  const segments = segmentsOf(elf)
  if (!segments || elf.entry > mostAddress) return undefined
  const entry = Number(elf.entry)
  // A table within the file's own header would be written over.
  if (readTable(source).offset < headerBytes) return undefined
  const holds = segments.some((one) => isCode(one) && entry >= one.start && entry < one.start + one.fileSize)
  if (!holds) return undefined
  return inPadding(source, segments, entry, descriptor) ?? inSegment(source, elf, segments, entry, descriptor)
}

/** What is loaded, in the file's order; undefined where that cannot be. */
function segmentsOf({ programHeaders }: ElfFile): Segment[] | undefined {
  const segments: Segment[] = []
  for (const [index, header] of programHeaders.entries()) {
    if (header.type !== segmentType.load) continue
    const end = header.address + header.memorySize
    if (end > mostAddress || BigInt(header.fileSize) > header.memorySize) return undefined
    segments.push({ ...header, index, start: Number(header.address), end: Number(end) })
  }
  return segments
}

function isCode({ flags }: ProgramHeader): boolean {
  return (flags & (flag.execute | flag.write | flag.read)) === (flag.execute | flag.read)
}

function inPadding(
  source: ByteSource,
  segments: readonly Segment[],
  entry: number,
  descriptor: number,
): EntryStub | undefined {
  const used = usedRanges(source, segments)
  for (const segment of segments.filter(isCode)) {
    const { start, end, offset, fileSize } = segment
    const at = roundUp(end, codeAlign)
    const newEnd = at + entryStubCode.length
    // What lies behind the code in its last page is there in memory, whatever the header says.
    const fits = fileSize > 0 && end === start + fileSize && newEnd <= roundUp(end, pageBytes)
    const code = fits ? stubAt(at, entry, descriptor) : undefined
    if (!code) continue
    const place = { from: offset + fileSize, to: offset + newEnd - start }
    if (place.to > source.size || used.some((range) => range.from < place.to && place.from < range.to))
      continue
    // Segments are mapped by pages: another one's first or last page would hide what is here.
    const taken = segments.some(
      (other) =>
        other !== segment &&
        roundDown(other.start, pageBytes) < newEnd &&
        end < roundUp(other.end, pageBytes),
    )
    if (taken || !isZero(source.read(place.from, place.to - place.from))) continue
    const header = readHeader(source, segment.index)
    header.bytes.writeBigUInt64LE(BigInt(newEnd - start), 32)
    header.bytes.writeBigUInt64LE(BigInt(newEnd - start), 40)
    return {
      patches: inOrder([entryPatch(at), header, { offset: place.to - code.length, bytes: code }]),
      size: source.size,
      place: 'padding',
    }
  }
  return undefined
}

interface Range {
  from: number
  to: number
}

/** Which bytes of the file stand for something. */
function usedRanges(source: ByteSource, segments: readonly Segment[]): Range[] {
  const header = Buffer.from(source.read(0, headerBytes))
  const table = Number(header.readBigUInt64LE(tableAt))
  const sectionTable = Number(header.readBigUInt64LE(sectionTableAt))
  const sections = readSections(source).filter(({ type }) => type !== noBits && type !== 0)
  return [
    range(0, headerBytes),
    range(table, header.readUInt16LE(56) * programHeaderBytes),
    ...(sections.length > 0
      ? [range(sectionTable, header.readUInt16LE(sectionCountAt) * sectionHeaderBytes)]
      : []),
    ...sections.map(({ offset, size }) => range(offset, size)),
    ...segments.map(({ offset, fileSize }) => range(offset, fileSize)),
  ]
}

function range(from: number, size: number): Range {
  return { from, to: from + size }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

/**
 * The note's header becomes that of one more segment, behind all others in memory and in the file. The table stays where
 * it is: Nanos and OSv look for it behind the file's beginning in memory.
 */
function inSegment(
  source: ByteSource,
  { programHeaders }: ElfFile,
  segments: readonly Segment[],
  entry: number,
  descriptor: number,
): EntryStub | undefined {
  const note = programHeaders.findLastIndex(({ type }) => type === segmentType.note)
  const lastLoad = segments.at(-1)?.index ?? -1
  const offset = roundUp(source.size, codeAlign)
  if (note < 0 || !endsAsKnown(source, segments)) return undefined
  const top = segments.reduce((most, { end }) => Math.max(most, end), 0)
  const at = roundUp(top, pageBytes) + (offset % pageBytes)
  const code = stubAt(at, entry, descriptor)
  if (!code) return undefined
  const table = readTable(source)
  // Segments are to be in the order of their addresses.
  const headers = programHeaders.map((_, index) => table.header(index))
  const fresh = loadHeader(offset, at, code.length)
  headers.splice(lastLoad + 1, 0, fresh)
  headers.splice(note > lastLoad ? note + 1 : note, 1)
  const padding = Buffer.alloc(offset - source.size)
  return {
    patches: [
      entryPatch(at),
      { offset: table.offset, bytes: Buffer.concat(headers) },
      { offset: source.size, bytes: Buffer.concat([padding, code]) },
    ],
    size: offset + code.length,
    place: 'segment',
  }
}

/**
 * Whether nothing follows the last thing that the file's own tables know of: a program may look for something of its own
 * at its file's end, such as an archive.
 */
function endsAsKnown(source: ByteSource, segments: readonly Segment[]): boolean {
  const ranges = usedRanges(source, segments)
  const end = ranges.reduce((most, { to }) => Math.max(most, to), 0)
  // Without a table of sections (two ranges are those of the headers), nobody knows what else there is.
  return ranges.length > segments.length + 2 && source.size - end <= tailBytes
}

function loadHeader(offset: number, address: number, bytes: number): Buffer {
  const header = Buffer.alloc(programHeaderBytes)
  header.writeUInt32LE(segmentType.load, 0)
  header.writeUInt32LE(flag.read | flag.execute, 4)
  header.writeBigUInt64LE(BigInt(offset), 8)
  for (const field of [16, 24]) header.writeBigUInt64LE(BigInt(address), field)
  for (const field of [32, 40]) header.writeBigUInt64LE(BigInt(bytes), field)
  header.writeBigUInt64LE(BigInt(pageBytes), 48)
  return header
}

/** The code for an address; undefined where the program is too far away for a jump. */
function stubAt(address: number, entry: number, descriptor: number): Buffer | undefined {
  const code = Buffer.from(entryStubCode)
  for (const field of [stubFields.original, stubFields.onward]) {
    const distance = entry - (address + field + 4)
    if (Math.abs(distance) > most32) return undefined
    code.writeInt32LE(distance, field)
  }
  code.writeInt32LE(descriptor, stubFields.descriptor)
  return code
}

function entryPatch(address: number): FilePatch {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(address))
  return { offset: entryAt, bytes }
}

function readTable(source: ByteSource): { offset: number; header(index: number): Buffer } {
  const offset = Number(Buffer.from(source.read(tableAt, 8)).readBigUInt64LE())
  const header = (index: number) =>
    Buffer.from(source.read(offset + index * programHeaderBytes, programHeaderBytes))
  return { offset, header }
}

function readHeader(source: ByteSource, index: number): FilePatch {
  const { offset, header } = readTable(source)
  return { offset: offset + index * programHeaderBytes, bytes: header(index) }
}

function inOrder(patches: FilePatch[]): FilePatch[] {
  return patches.sort((one, other) => one.offset - other.offset)
}

function roundDown(value: number, to: number): number {
  return Math.floor(value / to) * to
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
