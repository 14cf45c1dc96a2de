import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'
import type { ProgramHeader } from './elf.ts'

/** What ufr reads from the dynamic section (System V ABI, "Dynamic Section"). */
export interface ElfDynamic {
  /** DT_NEEDED, in the file's order. */
  needed: string[]
  soname?: string
  rpath?: string
  runpath?: string
  /** DT_FLAGS_1, 0 where there is none. */
  flags1: number
  /** Where the strings of the dynamic section are in the file. */
  strings?: { offset: number; size: number }
}

const maxDynamicEntries = 8192
const maxNeeded = 1024
const maxStringBytes = 4096

const tag = {
  null: 0,
  needed: 1,
  strtab: 5,
  strsz: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  flags1: 0x6ffffffb,
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `corrupt ELF file: ${what}`)
}

/** Where an address of the loaded program is in the file, or undefined where no segment brings it from there. */
function fileOffset(segments: ProgramHeader[], address: bigint): number | undefined {
  for (const s of segments) {
    if (s.type !== 1 || address < s.address || address >= s.address + BigInt(s.fileSize)) continue
    return s.offset + Number(address - s.address)
  }
  return undefined
}

function readString(source: ByteSource, table: { offset: number; size: number }, at: bigint): string {
  if (at >= BigInt(table.size)) throw corrupt('a name lies outside the string table')
  const start = Number(at)
  const bytes = Buffer.from(
    source.read(table.offset + start, Math.min(maxStringBytes + 1, table.size - start)),
  )
  const end = bytes.indexOf(0)
  if (end < 0) throw corrupt(`a name has no end within ${maxStringBytes} bytes`)
  return bytes.toString('utf8', 0, end)
}

/**
 * Reads the dynamic section that a PT_DYNAMIC header points to.
 * @throws UfrError UFR-FORMAT where it is truncated, corrupt, or beyond the limits.
 */
export function readDynamic(
  source: ByteSource,
  header: ProgramHeader,
  segments: ProgramHeader[],
  wide: boolean,
  little: boolean,
): ElfDynamic {
  const entrySize = wide ? 16 : 8
  const count = Math.floor(header.fileSize / entrySize)
  if (count > maxDynamicEntries) throw corrupt(`a dynamic section of ${count} entries`)
  const bytes = source.read(header.offset, count * entrySize)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const values = new Map<number, bigint>()
  const neededAt: bigint[] = []
  for (let at = 0; at < bytes.length; at += entrySize) {
    const key = wide ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little))
    const value = wide ? view.getBigUint64(at + 8, little) : BigInt(view.getUint32(at + 4, little))
    if (key === BigInt(tag.null)) break
    if (key === BigInt(tag.needed)) neededAt.push(value)
    else if (key <= 0xffffffffn) values.set(Number(key), value)
  }
  if (neededAt.length > maxNeeded) throw corrupt(`${neededAt.length} needed libraries`)

  const table = stringTable(source, segments, values)
  const text = (at: bigint): string => {
    if (!table) throw corrupt('names but no string table')
    return readString(source, table, at)
  }
  const optional = (key: number): string | undefined => {
    const at = values.get(key)
    return at === undefined ? undefined : text(at)
  }
  const soname = optional(tag.soname)
  const rpath = optional(tag.rpath)
  const runpath = optional(tag.runpath)
  return {
    needed: neededAt.map(text),
    ...(soname === undefined ? {} : { soname }),
    ...(rpath === undefined ? {} : { rpath }),
    ...(runpath === undefined ? {} : { runpath }),
    flags1: Number((values.get(tag.flags1) ?? 0n) & 0xffffffffn),
    ...(table ? { strings: table } : {}),
  }
}

function stringTable(
  source: ByteSource,
  segments: ProgramHeader[],
  values: Map<number, bigint>,
): { offset: number; size: number } | undefined {
  const address = values.get(tag.strtab)
  const size = values.get(tag.strsz)
  if (address === undefined || size === undefined) return undefined
  const offset = fileOffset(segments, address)
  if (offset === undefined || BigInt(offset) + size > BigInt(source.size)) {
    throw corrupt('its string table lies outside the file')
  }
  return { offset, size: Number(size) }
}
