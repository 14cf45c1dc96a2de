import {
  bufferOf,
  corrupt,
  decodeInode,
  entryHeadBytes,
  type Inode,
  inodeBytes,
  linkHeadBytes,
  readNumber,
  type Superblock,
} from './format.ts'

/**
 * What the lengths of names and targets count. The kernel takes them for bytes, and so they are in what is written
 * here. Upstream's generator (scripts/gen-rofs-img.py) counts characters, though it writes UTF-8: with a name that is
 * not ASCII in it, such an image is whole, but OSv misreads all that follows the name.
 */
export type LengthUnit = 'bytes' | 'characters'

/** The tables of an image, read as they are asked for. */
export interface Tables {
  lengths: LengthUnit
  entry(index: number): { name: Uint8Array; inode: number }
  target(index: number): Uint8Array
  /** By number, from 1. */
  inode(number: number): Inode
}

interface Places {
  /** Where each record begins; one more for the end of the last. */
  entries: Uint32Array
  links: Uint32Array
  inodes: number
}

/**
 * Finds the records in the bytes of the tables. Nothing but the lengths says where a table ends; that inodes have
 * their own numbers in them tells whether the lengths were understood.
 * @throws UfrError UFR-FORMAT where they fit with neither unit.
 */
export function decodeTables(tables: Uint8Array, superblock: Superblock): Tables {
  const bytes = bufferOf(tables)
  let lengths: LengthUnit = 'bytes'
  let found = locate(bytes, superblock, afterBytes)
  if (typeof found === 'string') {
    const again = locate(bytes, superblock, afterCharacters)
    if (typeof again === 'string') throw corrupt(found)
    lengths = 'characters'
    found = again
  }
  const { entries, links, inodes } = found
  return {
    lengths,
    entry: (index) => ({
      inode: readNumber(bytes, entries[index]!, 'an inode number'),
      name: bytes.subarray(entries[index]! + entryHeadBytes, entries[index + 1]),
    }),
    target: (index) => bytes.subarray(links[index]! + linkHeadBytes, links[index + 1]),
    inode: (number) => decodeInode(bytes, inodes + (number - 1) * inodeBytes),
  }
}

/** The end of a text of `length` units from `at`; beyond the end of the bytes where it is not all there. */
type After = (bytes: Uint8Array, at: number, length: number) => number

/** @returns the places, or what is wrong. */
function locate(bytes: Buffer, counts: Superblock, after: After): Places | string {
  const entries = walk(bytes, 0, counts.entries, entryHeadBytes, after)
  if (!entries) return 'its directory entries are truncated'
  const links = walk(bytes, entries.at(-1)!, counts.links, linkHeadBytes, after)
  if (!links) return 'the targets of its links are truncated'
  const inodes = links.at(-1)!
  if (inodes + counts.inodes * inodeBytes > bytes.length) return 'its inodes are truncated'
  for (let i = 0; i < counts.inodes; i++) {
    const at = inodes + i * inodeBytes + 8
    if (bytes.readUInt32LE(at) !== i + 1 || bytes.readUInt32LE(at + 4) !== 0) {
      return `inode ${i + 1} has the number ${bytes.readBigUInt64LE(at)}`
    }
  }
  return { entries, links, inodes }
}

/** Steps over records that end with a text, whose length (16 bits) stands right before it. */
function walk(
  bytes: Buffer,
  from: number,
  count: number,
  headBytes: number,
  after: After,
): Uint32Array | undefined {
  const starts = new Uint32Array(count + 1)
  let at = from
  for (let i = 0; i < count; i++) {
    starts[i] = at
    const text = at + headBytes
    if (text > bytes.length) return undefined
    at = after(bytes, text, bytes.readUInt16LE(text - 2))
    if (at > bytes.length) return undefined
  }
  starts[count] = at
  return starts
}

const afterBytes: After = (_bytes, at, length) => at + length

// Goes by the first byte of each character; whether the rest is UTF-8 is seen when the text is taken.
const afterCharacters: After = (bytes, at, length) => {
  let end = at
  for (let left = length; left > 0; left--) {
    const lead = bytes[end]
    if (lead === undefined) return bytes.length + 1
    end += lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  }
  return end
}
