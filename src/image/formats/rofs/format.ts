import { UfrError } from '../../../base/errors.ts'

// The records of ROFS as fs/rofs/rofs.hh of OSv has them; all numbers are little-endian. An image is a block with the
// superblock, the files, each from the start of a block, and then three tables one right after the other: directory
// entries, targets of links, inodes.

/** The only size there is: the superblock has a field for it, but the kernel reads blocks of 512 bytes whatever it says. */
export const blockBytes = 512
export const superBytes = 64
export const inodeBytes = 32
/** What stands before a name: the number of an inode (8 bytes) and the name's length (2 bytes). */
export const entryHeadBytes = 10
/** What stands before a link's target: its length. */
export const linkHeadBytes = 2

/** Our own limits: the kernel holds all tables in memory, in one piece while it mounts. */
export const maxEntries = 1_000_000
export const maxTablesBytes = 256 * 2 ** 20

const magic = 0xdeadbead
const version = 1

/** The first eight bytes of an image. */
export const rofsMagic = Buffer.from([0xad, 0xbe, 0xad, 0xde, 0, 0, 0, 0])

// Only the type: there are no permissions, the kernel gives all the mode 0555 (rofs_getattr).
export const fileType = { directory: 0x4000, file: 0x8000, link: 0xa000 } as const
const typeMask = 0xf000

export interface Superblock {
  /** Where the tables begin, and how many blocks they take. */
  tablesBlock: number
  tablesBlocks: number
  entries: number
  links: number
  inodes: number
}

export interface Inode {
  /** Undefined for what is none of the three. */
  kind: keyof typeof fileType | undefined
  /** First block of a file's data, or index of a directory's first entry, or of a link's target. */
  start: number
  /** Bytes of a file, entries of a directory, 1 for a link. */
  count: number
}

export function encodeSuperblock(fields: Superblock): Buffer {
  const bytes = Buffer.alloc(superBytes)
  const { tablesBlock, tablesBlocks, entries, links, inodes } = fields
  const numbers = [magic, version, blockBytes, tablesBlock, tablesBlocks, entries, links, inodes]
  for (const [i, number] of numbers.entries()) writeNumber(bytes, number, 8 * i)
  return bytes
}

/**
 * Reads the superblock from an image's first 64 bytes.
 * @throws UfrError UFR-FORMAT where this is no ROFS, of another version, or with counts beyond all limits.
 */
export function decodeSuperblock(first: Uint8Array): Superblock {
  const bytes = bufferOf(first)
  if (!bytes.subarray(0, 8).equals(rofsMagic)) throw corrupt('the superblock has no ROFS magic number')
  const field = (index: number, what: string) => readNumber(bytes, 8 * index, what)
  const foundVersion = field(1, 'a version')
  if (foundVersion !== version) throw corrupt(`it has version ${foundVersion}, not ${version}`)
  const size = field(2, 'a block size')
  if (size !== blockBytes) throw corrupt(`it has blocks of ${size} bytes, not ${blockBytes}`)
  const superblock = {
    tablesBlock: field(3, 'a block number'),
    tablesBlocks: field(4, 'a number of blocks'),
    entries: field(5, 'a number of directory entries'),
    links: field(6, 'a number of links'),
    inodes: field(7, 'a number of inodes'),
  }
  checkCounts(superblock)
  return superblock
}

function checkCounts({ tablesBlocks, entries, links, inodes }: Superblock): void {
  const bytes = tablesBlocks * blockBytes
  if (bytes > maxTablesBytes) throw corrupt(`its tables have ${bytes} bytes`)
  if (inodes < 1) throw corrupt('it has no root')
  // The root has an inode, but no entry.
  if (entries > maxEntries || links > maxEntries || inodes > maxEntries + 1) throw corrupt('too many entries')
  if (entries * entryHeadBytes + links * linkHeadBytes + inodes * inodeBytes > bytes) {
    throw corrupt('its tables are smaller than what should be in them')
  }
}

/** Writes the inode of a number, counted from 1, which is its place in the table as well. */
export function encodeInode(
  into: Buffer,
  at: number,
  number: number,
  inode: Inode & { kind: keyof typeof fileType },
): void {
  into.writeUInt32LE(fileType[inode.kind], at)
  writeNumber(into, number, at + 8)
  writeNumber(into, inode.start, at + 16)
  writeNumber(into, inode.count, at + 24)
}

/** @throws UfrError UFR-FORMAT for a place or size beyond what JavaScript counts exactly (2^53). */
export function decodeInode(bytes: Buffer, at: number): Inode {
  // The type of the field has 32 bits in the kernel; upstream's generator writes 64.
  const type = bytes.readUInt32LE(at) & typeMask
  const kinds = Object.keys(fileType) as (keyof typeof fileType)[]
  return {
    kind: kinds.find((kind) => fileType[kind] === type),
    start: readNumber(bytes, at + 16, 'a place'),
    count: readNumber(bytes, at + 24, 'a size'),
  }
}

/** Writes a whole number of up to 53 bits into 64. */
export function writeNumber(into: Buffer, number: number, at: number): void {
  into.writeUInt32LE(number % 2 ** 32, at)
  into.writeUInt32LE(Math.floor(number / 2 ** 32), at + 4)
}

/** @throws UfrError UFR-FORMAT where it has more than 53 bits. */
export function readNumber(bytes: Buffer, at: number, what: string): number {
  const number = bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
  if (!Number.isSafeInteger(number)) throw corrupt(`${what} of ${bytes.readBigUInt64LE(at)}`)
  return number
}

export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

export function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a ROFS image that can be read: ${what}`)
}
