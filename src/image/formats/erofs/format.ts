import { UfrError } from '../../../base/errors.ts'
import { crc32c } from './crc32c.ts'

// The records of EROFS as fs/erofs/erofs_fs.h of Linux 6.1 has them; all numbers are little-endian.

/** The size of a block in what is written here, and in nearly all there is: the page size of x86. */
export const blockBytes = 4096
const magic = 0xe0f5e1e2
export const superOffset = 1024
export const superBytes = 128
/** An inode number (nid) counts slots of this size from the start of the metadata area. */
export const slotBytes = 32
const compactBytes = 32
const extendedBytes = 64

/** How an inode's data lies; compressed and chunk-based ones are not handled here. */
export const dataLayout = { plain: 0, compressedFull: 1, inline: 2, compressedCompact: 3, chunk: 4 } as const

export const fileType = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const
export const typeMask = 0o170000

const checksumFeature = 1
// Zero padding, compression settings, chunks, devices, tail packing, fragments and name prefixes say what some
// inode may use; bits above these change the records themselves.
const knownIncompatible = 0x7f

export interface Superblock {
  blockBytes: number
  rootNid: number
  inodes: number
  blocks: number
  metaBlock: number
  uuid: Uint8Array
  label: string
}

export interface Inode {
  /** File type and permission bits. */
  mode: number
  links: number
  size: number
  layout: number
  /** Address of the first block of data that is not inline. */
  block: number
  /** Only for 32-bit `stat`. */
  number: number
}

/** The size that an inode needs on disk. */
export function inodeBytes(inode: { links: number; size: number }): number {
  return inode.size > 0xffffffff || inode.links > 0xffff ? extendedBytes : compactBytes
}

/** Writes an inode of `inodeBytes` at `at`; the bytes there must be zeros. Owner and times stay 0. */
export function encodeInode(into: Buffer, at: number, inode: Inode): void {
  const extended = inodeBytes(inode) === extendedBytes
  into.writeUInt16LE((extended ? 1 : 0) | (inode.layout << 1), at)
  into.writeUInt16LE(inode.mode, at + 4)
  into.writeUInt32LE(inode.block, at + 16)
  into.writeUInt32LE(inode.number, at + 20)
  if (extended) {
    into.writeUInt32LE(inode.size % 2 ** 32, at + 8)
    into.writeUInt32LE(Math.floor(inode.size / 2 ** 32), at + 12)
    into.writeUInt32LE(inode.links, at + 44)
  } else {
    into.writeUInt16LE(inode.links, at + 6)
    into.writeUInt32LE(inode.size, at + 8)
  }
}

/**
 * Reads an inode from its first 64 bytes (32 are enough for a compact one). `bodyBytes` is what stands before inline
 * data: the inode and its extended attributes.
 * @throws UfrError UFR-FORMAT
 */
export function decodeInode(bytes: Uint8Array, nid: number): Inode & { bodyBytes: number } {
  const view = viewOf(bytes)
  const format = view.getUint16(0, true)
  if (format > 0xf) throw corrupt(`inode ${nid} has an unknown format (0x${format.toString(16)})`)
  const extended = (format & 1) === 1
  if (extended && bytes.length < extendedBytes) throw corrupt(`inode ${nid} is truncated`)
  const attributes = view.getUint16(2, true)
  return {
    mode: view.getUint16(4, true),
    links: extended ? view.getUint32(44, true) : view.getUint16(6, true),
    size: extended ? safeNumber(view.getBigUint64(8, true), 'a file size') : view.getUint32(8, true),
    layout: format >> 1,
    block: view.getUint32(16, true),
    number: view.getUint32(20, true),
    // A header of 12 bytes and four for each attribute word beyond the first.
    bodyBytes: (extended ? extendedBytes : compactBytes) + (attributes > 0 ? 12 + 4 * (attributes - 1) : 0),
  }
}

/** Writes the superblock into the image's first block, which must hold all else that goes there already. */
export function encodeSuperblock(block: Buffer, fields: Superblock): void {
  const at = superOffset
  block.writeUInt32LE(magic, at)
  block.writeUInt32LE(0, at + 4)
  block.writeUInt32LE(checksumFeature, at + 8)
  block.writeUInt8(Math.log2(fields.blockBytes), at + 12)
  block.writeUInt16LE(fields.rootNid, at + 14)
  block.writeUInt32LE(fields.inodes, at + 16)
  block.writeUInt32LE(fields.blocks, at + 36)
  block.writeUInt32LE(fields.metaBlock, at + 40)
  block.set(fields.uuid, at + 48)
  block.write(fields.label, at + 64, 'utf8')
  block.writeUInt32LE(crc32c(0xffffffff, block.subarray(superOffset, fields.blockBytes)), at + 4)
}

/**
 * Reads the superblock; `first` is the source's beginning, at least up to the end of the block that it is in.
 * @throws UfrError UFR-FORMAT where this is no EROFS, is damaged, or needs what only newer kernels know.
 */
export function decodeSuperblock(first: Uint8Array): Superblock {
  if (first.length < superOffset + superBytes) throw corrupt('the superblock is missing')
  const bytes = Buffer.from(first.subarray(superOffset))
  if (bytes.readUInt32LE(0) !== magic) throw corrupt('the superblock has no EROFS magic number')
  const blockBits = bytes.readUInt8(12)
  if (blockBits < 9 || blockBits > 16 || bytes.readUInt8(90) !== 0) {
    throw corrupt(`a block size of 2^${blockBits} bytes`)
  }
  const incompatible = bytes.readUInt32LE(80)
  if ((incompatible & ~knownIncompatible) !== 0) {
    throw corrupt(`it needs features that are not known here (0x${incompatible.toString(16)})`)
  }
  if (bytes.readUInt32LE(8) & checksumFeature) checkSum(bytes, 1 << blockBits)
  return {
    blockBytes: 1 << blockBits,
    rootNid: bytes.readUInt16LE(14),
    inodes: safeNumber(bytes.readBigUInt64LE(16), 'the number of inodes'),
    blocks: bytes.readUInt32LE(36),
    metaBlock: bytes.readUInt32LE(40),
    uuid: new Uint8Array(bytes.subarray(48, 64)),
    label: bytes.toString('utf8', 64, 80).split('\0', 1)[0]!,
  }
}

// The sum covers the rest of the superblock's block with the field itself taken as 0.
function checkSum(fromSuper: Buffer, blockBytes: number): void {
  const length = blockBytes > superOffset ? blockBytes - superOffset : blockBytes
  if (fromSuper.length < length) throw corrupt('the first block is truncated')
  const stored = fromSuper.readUInt32LE(4)
  const copy = Buffer.from(fromSuper.subarray(0, length))
  copy.writeUInt32LE(0, 4)
  if (crc32c(0xffffffff, copy) !== stored) throw corrupt('the checksum of the superblock is wrong')
}

export function safeNumber(value: bigint, what: string): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw corrupt(`${what} of ${value}`)
  return Number(value)
}

export function corrupt(what: string, fix?: string): UfrError {
  const options = fix === undefined ? {} : { fix }
  return new UfrError('UFR-FORMAT', `not an EROFS image that can be read: ${what}`, options)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
