import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'
import { type ElfDynamic, readDynamic } from './elf-dynamic.ts'
import { elfType, isElf, machineName, machineX86_64 } from './elf-names.ts'

export { elfType, isElf, machineName, machineX86_64 } from './elf-names.ts'

export interface ProgramHeader {
  /** PT_LOAD is 1, PT_DYNAMIC 2, PT_INTERP 3, PT_NOTE 4. */
  type: number
  /** PF_X 1, PF_W 2, PF_R 4. */
  flags: number
  /** Bytes from the start of the file. */
  offset: number
  /** Virtual address. */
  address: bigint
  physicalAddress: bigint
  fileSize: number
  memorySize: bigint
  align: bigint
}

/** What an ELF file says about itself, as far as loading it goes. */
export interface ElfFile extends ElfDynamic {
  class: 32 | 64
  littleEndian: boolean
  osAbi: number
  /** `e_type`: see elfType. */
  type: number
  /** `e_machine`: see machineName. */
  machine: number
  /** Virtual address of the first instruction. */
  entry: bigint
  programHeaders: ProgramHeader[]
  /** PT_INTERP: the program that loads this one, as the file names it. */
  interpreter?: string
  /** A position-independent program (DF_1_PIE, or ET_DYN with an interpreter). */
  pie: boolean
  /** Needs no dynamic linker: neither PT_INTERP nor DT_NEEDED. */
  static: boolean
  /** Whose dynamic linker it asks for, by the interpreter's name; undefined where that does not tell. */
  libc?: 'glibc' | 'musl'
}

const maxProgramHeaders = 1024
const maxInterpreterBytes = 4096

const loader = { dynamic: 2, interpreter: 3 }
const flag1Pie = 0x08000000

function corrupt(what: string, cause?: unknown): UfrError {
  return new UfrError('UFR-FORMAT', `corrupt ELF file: ${what}`, cause === undefined ? {} : { cause })
}

function exact(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`an offset or size of ${value} bytes`)
  return Number(value)
}

/** Reads integers in a file's own byte order and word size. */
function fields(bytes: Uint8Array, wide: boolean, little: boolean) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    half: (at: number) => view.getUint16(at, little),
    int: (at: number) => view.getUint32(at, little),
    word: (at: number) => (wide ? view.getBigUint64(at, little) : BigInt(view.getUint32(at, little))),
  }
}

type Fields = ReturnType<typeof fields>

function programHeader(f: Fields, at: number, wide: boolean): ProgramHeader {
  return {
    type: f.int(at),
    flags: f.int(at + (wide ? 4 : 24)),
    offset: exact(f.word(at + (wide ? 8 : 4))),
    address: f.word(at + (wide ? 16 : 8)),
    physicalAddress: f.word(at + (wide ? 24 : 12)),
    fileSize: exact(f.word(at + (wide ? 32 : 16))),
    memorySize: f.word(at + (wide ? 40 : 20)),
    align: f.word(at + (wide ? 48 : 28)),
  }
}

function readProgramHeaders(
  source: ByteSource,
  header: Fields,
  wide: boolean,
  little: boolean,
): ProgramHeader[] {
  const count = header.half(wide ? 56 : 44)
  if (count === 0) return []
  if (count > maxProgramHeaders) throw corrupt(`${count} program headers`)
  const size = wide ? 56 : 32
  if (header.half(wide ? 54 : 42) !== size) throw corrupt('program headers of an unknown size')
  const table = fields(source.read(exact(header.word(wide ? 32 : 28)), count * size), wide, little)
  return Array.from({ length: count }, (_, i) => programHeader(table, i * size, wide))
}

function readInterpreter(source: ByteSource, header: ProgramHeader): string {
  if (header.fileSize > maxInterpreterBytes)
    throw corrupt(`an interpreter's name of ${header.fileSize} bytes`)
  const bytes = Buffer.from(source.read(header.offset, header.fileSize))
  const end = bytes.indexOf(0)
  if (end <= 0) throw corrupt("its interpreter's name is empty or has no end")
  return bytes.toString('utf8', 0, end)
}

function libcOf(interpreter: string | undefined): 'glibc' | 'musl' | undefined {
  const name = interpreter?.slice(interpreter.lastIndexOf('/') + 1) ?? ''
  if (name.startsWith('ld-musl-')) return 'musl'
  return /^ld(-linux.*|64)?\.so\.\d+$/.test(name) ? 'glibc' : undefined
}

/**
 * Reads an ELF file of any class, byte order and machine (System V ABI, "Object Files" and "Program Loading").
 * @throws UfrError UFR-FORMAT where it is not an ELF file, truncated, corrupt, or beyond the limits.
 */
export function readElf(source: ByteSource): ElfFile {
  if (source.size < 4 || !isElf(source.read(0, 4))) throw new UfrError('UFR-FORMAT', 'not an ELF file')
  const ident = source.read(0, 16)
  const [classByte, order] = [ident[4], ident[5]]
  if (classByte !== 1 && classByte !== 2) throw corrupt(`class ${classByte}`)
  if (order !== 1 && order !== 2) throw corrupt(`byte order ${order}`)
  const wide = classByte === 2
  const little = order === 1
  const header = fields(source.read(0, wide ? 64 : 52), wide, little)
  const programHeaders = readProgramHeaders(source, header, wide, little)

  const interpreterHeader = programHeaders.find((h) => h.type === loader.interpreter)
  const dynamicHeader = programHeaders.find((h) => h.type === loader.dynamic)
  const interpreter = interpreterHeader && readInterpreter(source, interpreterHeader)
  const dynamic: ElfDynamic = dynamicHeader
    ? readDynamic(source, dynamicHeader, programHeaders, wide, little)
    : { needed: [], flags1: 0 }
  const type = header.half(16)
  const libc = libcOf(interpreter)
  return {
    class: wide ? 64 : 32,
    littleEndian: little,
    osAbi: ident[7] ?? 0,
    type,
    machine: header.half(18),
    entry: header.word(24),
    programHeaders,
    ...dynamic,
    ...(interpreter === undefined ? {} : { interpreter }),
    pie: type === elfType.shared && (interpreter !== undefined || (dynamic.flags1 & flag1Pie) !== 0),
    static: interpreter === undefined && dynamic.needed.length === 0,
    ...(libc ? { libc } : {}),
  }
}

/** Whether the guests' processors run this file's code: 64-bit little-endian x86. */
export function isX86_64(elf: ElfFile): boolean {
  return elf.class === 64 && elf.littleEndian && elf.machine === machineX86_64
}

/** The architecture in words: `x86-64`, `aarch64`, `x86-64 in 32-bit mode (x32)`, `mips (32-bit, big-endian)`. */
export function architectureOf(elf: ElfFile): string {
  const name = machineName(elf.machine)
  if (elf.machine === machineX86_64 && elf.class === 32) return `${name} in 32-bit mode (x32)`
  const details = [
    elf.class === 32 && elf.machine !== 3 && elf.machine !== 40 ? '32-bit' : '',
    elf.littleEndian ? '' : 'big-endian',
  ].filter((text) => text !== '')
  return details.length > 0 ? `${name} (${details.join(', ')})` : name
}
