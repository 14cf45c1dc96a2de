import { type ErrorCode, UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'
import { isX86_64, readElf } from './elf.ts'

export interface Section {
  name: string
  /** SHT_PROGBITS is 1, SHT_STRTAB 3, SHT_NOBITS 8. */
  type: number
  offset: number
  size: number
}

const headerBytes = 64
const entryBytes = 64
const maxSections = 65_280
const maxNameTable = 4 << 20
const noBits = 8

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function exact(value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER))
    throw new UfrError('UFR-FORMAT', `corrupt ELF file: offset ${value}`)
  return Number(value)
}

/**
 * The sections of a 64-bit little-endian ELF file (System V ABI, "Sections"); none where it has no section table.
 * @throws UfrError UFR-FORMAT where the table or the names lie outside the file.
 */
export function readSections(source: ByteSource): Section[] {
  const header = view(source.read(0, headerBytes))
  const offset = exact(header.getBigUint64(40, true))
  const count = header.getUint16(60, true)
  if (offset === 0 || count === 0) return []
  if (count > maxSections || header.getUint16(58, true) !== entryBytes) {
    throw new UfrError('UFR-FORMAT', 'corrupt ELF file: its section headers are of an unknown kind')
  }
  const table = view(source.read(offset, count * entryBytes))
  const entries = Array.from({ length: count }, (_, index) => {
    const at = index * entryBytes
    return {
      nameAt: table.getUint32(at, true),
      type: table.getUint32(at + 4, true),
      offset: exact(table.getBigUint64(at + 24, true)),
      size: exact(table.getBigUint64(at + 32, true)),
    }
  })
  const nameSection = entries[header.getUint16(62, true)]
  if (!nameSection || nameSection.size > maxNameTable) {
    throw new UfrError('UFR-FORMAT', 'corrupt ELF file: no table of section names')
  }
  const names = Buffer.from(source.read(nameSection.offset, nameSection.size))
  return entries.map(({ nameAt, ...rest }) => ({ name: nameFrom(names, nameAt), ...rest }))
}

function nameFrom(names: Buffer, at: number): string {
  const end = names.indexOf(0, at)
  return at < names.length && end >= at ? names.toString('latin1', at, end) : ''
}

/**
 * How many bytes a 64-bit ELF file must have at least, by its own headers: what a truncated one falls short of. Reads
 * nothing but the headers at the start, so it answers for truncated files too.
 */
function expectedBytes(source: ByteSource): number {
  const header = view(source.read(0, headerBytes))
  const programsAt = exact(header.getBigUint64(32, true))
  const programCount = header.getUint16(56, true)
  const sectionsAt = exact(header.getBigUint64(40, true))
  let end = Math.max(
    programsAt + programCount * header.getUint16(54, true),
    sectionsAt + header.getUint16(60, true) * header.getUint16(58, true),
  )
  if (programsAt + programCount * 56 > source.size || header.getUint16(54, true) !== 56) return end
  const programs = view(source.read(programsAt, programCount * 56))
  for (let at = 0; at < programs.byteLength; at += 56) {
    end = Math.max(
      end,
      exact(programs.getBigUint64(at + 8, true)) + exact(programs.getBigUint64(at + 32, true)),
    )
  }
  if (end <= source.size) {
    for (const section of readSections(source)) {
      if (section.type !== noBits) end = Math.max(end, section.offset + section.size)
    }
  }
  return end
}

/**
 * Checks that a file is a whole kernel for the guests' processors: a 64-bit x86 ELF program with everything inside
 * the file that its headers speak of, and something to load.
 * @param shown how the file is named in messages.
 * @throws UfrError UFR-KERNEL-FILE saying what it is instead, or how many bytes it should have and has.
 */
export function checkKernelElf(source: ByteSource, shown: string): void {
  checkWholeElf(source, shown, { code: 'UFR-KERNEL-FILE', what: 'kernel that can be booted' })
}

/**
 * As `checkKernelElf`, for any program of the host's kind.
 * @throws UfrError with the code given, saying that it is not `what`.
 */
export function checkWholeElf(
  source: ByteSource,
  shown: string,
  { code, what }: { code: ErrorCode; what: string },
): void {
  const wrong = (why: string, cause?: unknown) =>
    new UfrError(code, `${shown} is no ${what}: ${why}`, { cause })
  if (source.size < headerBytes) throw wrong(`it has only ${source.size} bytes`)
  const ident = source.read(0, 20)
  if (Buffer.from(ident.subarray(0, 4)).toString('latin1') !== '\x7fELF') throw wrong('not an ELF file')
  if (ident[4] !== 2 || ident[5] !== 1 || view(ident).getUint16(18, true) !== 62) {
    throw wrong('it is not for 64-bit x86 processors')
  }
  let expected: number
  try {
    expected = expectedBytes(source)
  } catch (error) {
    throw wrong((error as Error).message, error)
  }
  if (expected > source.size) {
    throw new UfrError(code, `${shown} is truncated: it has ${source.size} bytes of ${expected}`, {
      fix: 'Build or download it again.',
    })
  }
  try {
    const elf = readElf(source)
    const loads = elf.programHeaders.some((each) => each.type === 1 && each.fileSize > 0)
    if (!isX86_64(elf) || !loads) throw new Error('it has nothing to load')
  } catch (error) {
    throw wrong((error as Error).message, error)
  }
}
