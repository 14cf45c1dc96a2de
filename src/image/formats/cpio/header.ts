import { UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'

// The newc format: Documentation/driver-api/early-userspace/buffer-format.rst of Linux.

export const alignment = 4
const headerBytes = 110
export const trailerName = 'TRAILER!!!'
export const typeBits = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const

const plainMagic = '070701'
const checksumMagic = '070702'
/** Linux takes no longer name (PATH_MAX); some archives pad names so that data is aligned to blocks. */
const maxNameBytes = 2 * 4096

export interface Header {
  /** Identifies the inode that several names of a file share. */
  inode: string
  mode: number
  links: number
  size: number
  /** Without the NUL at its end. */
  name: Uint8Array
  /** The sum of all bytes of the data; undefined where the archive has none. */
  checksum: number | undefined
  dataAt: number
  /** Where the next header is. */
  next: number
}

/** A header with its name. Owner, group, time, devices and checksum are 0. */
export function encodeHeader(
  path: string,
  fields: { ino: number; mode: number; links: number; size: number },
): Buffer {
  const nameBytes = Buffer.byteLength(path) + 1
  const { ino, mode, links, size } = fields
  const numbers = [ino, mode, 0, 0, links, 0, size, 0, 0, 0, 0, nameBytes, 0]
  const header = Buffer.alloc(headerBytes + nameBytes)
  header.write(plainMagic + numbers.map((number) => number.toString(16).padStart(8, '0')).join(''), 'latin1')
  header.write(path, headerBytes, 'utf8')
  return header
}

/** @throws UfrError UFR-FORMAT where there is no header, or what it describes is not all there. */
export function readHeader(source: ByteSource, at: number): Header {
  if (source.size - at < headerBytes) throw corrupt(`it ends at byte ${source.size} without its trailer`)
  const text = Buffer.from(source.read(at, headerBytes)).toString('latin1')
  const magic = text.slice(0, 6)
  if (magic !== plainMagic && magic !== checksumMagic) {
    throw corrupt(`${packedName(text) ?? 'something else'} follows at byte ${at}`)
  }
  if (!/^[0-9a-f]+$/i.test(text)) throw corrupt(`the header at byte ${at} has other characters than digits`)
  const field = (index: number) => Number.parseInt(text.slice(6 + 8 * index, 14 + 8 * index), 16)
  const size = field(6)
  const nameBytes = field(11)
  if (nameBytes < 2 || nameBytes > maxNameBytes)
    throw corrupt(`the name at byte ${at} has ${nameBytes} bytes`)
  const nameAt = at + headerBytes
  const dataAt = align(nameAt + nameBytes)
  if (dataAt + size > source.size) throw corrupt(`the entry at byte ${at} is truncated`)
  const name = source.read(nameAt, nameBytes)
  const end = name.indexOf(0)
  if (end < 1) throw corrupt(`the name at byte ${at} is empty or does not end`)
  return {
    inode: `${field(7)}:${field(8)}:${field(0)}`,
    mode: field(1),
    links: field(4),
    size,
    name: name.subarray(0, end),
    checksum: magic === checksumMagic ? field(12) : undefined,
    dataAt,
    next: align(dataAt + size),
  }
}

export function align(offset: number): number {
  return Math.ceil(offset / alignment) * alignment
}

/** What an initramfs often has behind an uncompressed first archive, or instead of it. */
function packedName(start: string): string | undefined {
  const magics: [string, string][] = [
    ['\x1f\x8b', 'gzip'],
    ['\x28\xb5\x2f\xfd', 'zstd'],
    ['\xfd7zXZ', 'xz'],
    ['\x02\x21\x4c\x18', 'LZ4'],
    ['\x5d\0\0', 'LZMA'],
    ['BZh', 'bzip2'],
  ]
  const found = magics.find(([magic]) => start.startsWith(magic))
  return found && `an archive compressed with ${found[1]}, to be unpacked first,`
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a cpio archive that can be read: ${what}`)
}
