import { crc32 } from 'node:zlib'
import { UfrError } from '../../../base/errors.ts'

/** PKWARE APPNOTE.TXT 6.3.10: 4.3.7, 4.3.12, 4.3.16. */
const localSignature = 0x04034b50
const centralSignature = 0x02014b50
const endSignature = 0x06054b50
/** MS-DOS has no earlier date: January 1, 1980. */
const date = 0x0021
const version = 10
/** Names are UTF-8 (general purpose bit 11). */
const utf8Flag = 1 << 11
const maxEntries = 65_534
const maxBytes = 2 ** 32 - 2

/**
 * A zip archive of files as they are, unpacked: what a virtual machine reads with the least work, and what has the same
 * bytes for the same files, wherever and whenever it is made.
 * @param files in the order in which they are to stand.
 * @throws UfrError UFR-IMAGE-LIMIT where there are too many, or they are too large for the format.
 */
export function writeZip(files: Iterable<readonly [name: string, bytes: Uint8Array]>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (const [name, bytes] of files) {
    const nameBytes = Buffer.from(name)
    // What both headers have in common, from the version that is needed to the length of the extra field.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(version, 0)
    common.writeUInt16LE(utf8Flag, 2)
    common.writeUInt16LE(date, 8)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(bytes.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(nameBytes.length, 22)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(at, 10)
    parts.push(number32(localSignature), common, nameBytes, asBuffer(bytes))
    directory.push(number32(centralSignature), number16(version), common, rest, nameBytes)
    at += 30 + nameBytes.length + bytes.length
    if (at > maxBytes || directory.length / 5 > maxEntries)
      throw new UfrError('UFR-IMAGE-LIMIT', 'there is too much for one zip archive')
  }
  const count = directory.length / 5
  const size = directory.reduce((sum, { length }) => sum + length, 0)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(endSignature, 0)
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(size, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, ...directory, end])
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16LE(value)
  return bytes
}

function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
