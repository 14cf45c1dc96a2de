import { crc32, inflateRawSync } from 'node:zlib'
import { systemCode, UfrError } from '../../../base/errors.ts'
import type { ByteSource } from '../../source.ts'

/** PKWARE APPNOTE.TXT 6.3.10, 4.3: the records that a reader needs. All numbers are little-endian. */
const endSignature = 0x06054b50
const end64Signature = 0x06064b50
const locator64Signature = 0x07064b50
const centralSignature = 0x02014b50
const localSignature = 0x04034b50
const endBytes = 22
const locator64Bytes = 20
const centralBytes = 46
const localBytes = 30
const maxCommentBytes = 65_535

const maxEntries = 300_000
const maxDirectoryBytes = 64 << 20
const maxPathBytes = 4096
const stored = 0
const deflated = 8

/** A file of an archive. */
export interface ZipEntry {
  /** As the archive has it, separated by `/`. It is only for looking up: nothing says that it leads nowhere else. */
  name: string
  size: number
  packedSize: number
  method: number
  crc: number
  /** Where its local header begins. */
  offset: number
  encrypted: boolean
}

/**
 * Reads the directory of a zip archive, as jars are; folders are left out. Of two files of one name the later counts.
 * @throws UfrError UFR-FORMAT for anything else, for archives in parts, and for unreasonable counts.
 */
export function readZip(source: ByteSource): Map<string, ZipEntry> {
  const { count, size, offset, shift } = findDirectory(source)
  if (count > maxEntries || size > maxDirectoryBytes) throw corrupt(`a directory of ${count} files`)
  const bytes = asBuffer(source.read(offset + shift, size))
  const entries = new Map<string, ZipEntry>()
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + centralBytes > size || bytes.readUInt32LE(at) !== centralSignature)
      throw corrupt('a damaged directory')
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => bytes.readUInt16LE(at + field))
    const nameAt = at + centralBytes
    const next = nameAt + nameBytes! + extraBytes! + commentBytes!
    if (next > size || nameBytes! > maxPathBytes) throw corrupt('a damaged directory')
    const name = bytes.toString('utf8', nameAt, nameAt + nameBytes!)
    const extra = bytes.subarray(nameAt + nameBytes!, nameAt + nameBytes! + extraBytes!)
    if (name !== '' && !name.endsWith('/')) entries.set(name, entryOf(bytes, at, name, extra, shift))
    at = next
  }
  return entries
}

function entryOf(bytes: Buffer, at: number, name: string, extra: Buffer, shift: number): ZipEntry {
  const wide = wideFields(extra)
  const field = (from: number) => {
    const value = bytes.readUInt32LE(at + from)
    return value === 0xffffffff ? (wide.shift() ?? value) : value
  }
  // In the order in which the extra field of ZIP64 holds them (4.5.3).
  const size = field(24)
  const packedSize = field(20)
  const offset = field(42) + shift
  return {
    ...{ name, size, packedSize, offset },
    method: bytes.readUInt16LE(at + 10),
    crc: bytes.readUInt32LE(at + 16),
    encrypted: (bytes.readUInt16LE(at + 8) & 1) !== 0,
  }
}

/** The 64-bit numbers of an entry that has them (header id 1). */
function wideFields(extra: Buffer): number[] {
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [extra.readUInt16LE(at), extra.readUInt16LE(at + 2)]
    if (id === 1) {
      const fields: number[] = []
      for (let i = at + 4; i + 8 <= Math.min(at + 4 + length, extra.length); i += 8)
        fields.push(wideNumber(extra, i))
      return fields
    }
    at += 4 + length
  }
  return []
}

function wideNumber(bytes: Buffer, at: number): number {
  const value = Number(bytes.readBigUInt64LE(at))
  if (!Number.isSafeInteger(value)) throw corrupt('a size beyond all measure')
  return value
}

interface Directory {
  count: number
  size: number
  offset: number
  /** What all offsets are to be raised by: a shell script may stand before an archive, as in an executable jar. */
  shift: number
}

function findDirectory(source: ByteSource): Directory {
  const length = Math.min(source.size, endBytes + maxCommentBytes)
  const tail = asBuffer(source.read(source.size - length, length))
  for (let at = length - endBytes; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endSignature) continue
    if (at + endBytes + tail.readUInt16LE(at + 20) > length) continue
    const end = source.size - length + at
    const [count, size, offset] = [
      tail.readUInt16LE(at + 10),
      tail.readUInt32LE(at + 12),
      tail.readUInt32LE(at + 16),
    ]
    const wide = count === 0xffff || size === 0xffffffff || offset === 0xffffffff
    const found = (wide && wideDirectory(source, end)) || { count, size, offset, shift: end - offset - size }
    if (found.shift < 0) throw corrupt('a directory beyond its end')
    return found
  }
  throw corrupt('no end of a directory')
}

function wideDirectory(source: ByteSource, end: number): Directory | undefined {
  if (end < locator64Bytes) return undefined
  const locator = asBuffer(source.read(end - locator64Bytes, locator64Bytes))
  if (locator.readUInt32LE(0) !== locator64Signature) return undefined
  const at = wideNumber(locator, 8)
  const record = asBuffer(source.read(at, 56))
  if (record.readUInt32LE(0) !== end64Signature) throw corrupt('a damaged end of a directory')
  return {
    count: wideNumber(record, 32),
    size: wideNumber(record, 40),
    offset: wideNumber(record, 48),
    shift: 0,
  }
}

/**
 * The bytes of a file in an archive.
 * @param maxBytes more than that is refused, whatever the archive says of its size.
 * @throws UfrError UFR-FORMAT where it is damaged, encrypted, or packed in a way that jars do not use.
 */
export function zipBytes(source: ByteSource, entry: ZipEntry, maxBytes: number): Buffer {
  const { name, size, packedSize, method } = entry
  if (entry.encrypted) throw corrupt(`${name} is encrypted`)
  if (size > maxBytes) throw corrupt(`${name} has ${size} bytes, of at most ${maxBytes}`)
  const head = asBuffer(source.read(entry.offset, localBytes))
  if (head.readUInt32LE(0) !== localSignature) throw corrupt(`${name} is not where the directory says`)
  const dataAt = entry.offset + localBytes + head.readUInt16LE(26) + head.readUInt16LE(28)
  const packed = source.read(dataAt, packedSize)
  const bytes = method === stored ? Buffer.from(packed) : inflated(packed, entry)
  if (bytes.length !== size || crc32(bytes) !== entry.crc) throw corrupt(`${name} is damaged`)
  return bytes
}

function inflated(packed: Uint8Array, { name, method, size }: ZipEntry): Buffer {
  if (method !== deflated) throw corrupt(`${name} is packed by method ${method}`)
  try {
    return inflateRawSync(packed, { maxOutputLength: Math.max(size, 1) })
  } catch (error) {
    if (systemCode(error) === undefined) throw error
    throw corrupt(`${name} cannot be unpacked`)
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a zip archive that can be read: ${what}`)
}
