import { corrupt, type fileType, safeNumber } from './format.ts'

const direntBytes = 12
const maxNameBytes = 255

/** One name in a directory; what a writer gives. */
export interface Dirent {
  name: string
  /** Length of the name in UTF-8. */
  nameBytes: number
  nid: number
  kind: keyof typeof fileType
}

// FT_REG_FILE, FT_DIR, FT_SYMLINK of include/linux/fs_types.h.
const direntType = { file: 1, directory: 2, link: 7 } as const

/**
 * Directories are arrays of blocks, each of which starts with its entries and ends with their names. Gives the number
 * of entries in each block.
 */
export function packDirents(dirents: { nameBytes: number }[], blockBytes: number): number[] {
  const counts: number[] = []
  let count = 0
  let used = 0
  for (const dirent of dirents) {
    const need = direntBytes + dirent.nameBytes
    if (used + need > blockBytes) {
      counts.push(count)
      count = 0
      used = 0
    }
    count++
    used += need
  }
  counts.push(count)
  return counts
}

/** The size of a directory: whole blocks but for the last, which ends with its last name. */
export function directoryBytes(dirents: { nameBytes: number }[], blockBytes: number): number {
  const counts = packDirents(dirents, blockBytes)
  let size = (counts.length - 1) * blockBytes
  for (const dirent of dirents.slice(-counts.at(-1)!)) size += direntBytes + dirent.nameBytes
  return size
}

/**
 * A directory's data. Entries must be in byte order of their names, `.` and `..` included: the kernel searches by
 * halves, first among blocks and then within one (fs/erofs/namei.c).
 */
export function encodeDirectory(dirents: Dirent[], blockBytes: number): Buffer {
  const data = Buffer.alloc(directoryBytes(dirents, blockBytes))
  let next = 0
  let start = 0
  for (const count of packDirents(dirents, blockBytes)) {
    let nameOffset = count * direntBytes
    for (let i = 0; i < count; i++) {
      const dirent = dirents[next++]!
      const at = start + i * direntBytes
      data.writeUInt32LE(dirent.nid % 2 ** 32, at)
      data.writeUInt32LE(Math.floor(dirent.nid / 2 ** 32), at + 4)
      data.writeUInt16LE(nameOffset, at + 8)
      data.writeUInt8(direntType[dirent.kind], at + 10)
      data.write(dirent.name, start + nameOffset, 'utf8')
      nameOffset += dirent.nameBytes
    }
    start += blockBytes
  }
  return data
}

/**
 * The entries of one block of a directory (shorter than a block only where the directory ends).
 * @throws UfrError UFR-FORMAT
 */
export function decodeDirectoryBlock(bytes: Uint8Array): { name: Buffer; nid: number }[] {
  const block = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
  if (block.length <= direntBytes) throw corrupt('a directory block is too short')
  const namesAt = block.readUInt16LE(8)
  const count = namesAt / direntBytes
  if (count < 1 || !Number.isInteger(count) || namesAt >= block.length) {
    throw corrupt(`the names of a directory start at byte ${namesAt}`)
  }
  const dirents: { name: Buffer; nid: number }[] = []
  for (let i = 0; i < count; i++) {
    const at = i * direntBytes
    const start = block.readUInt16LE(at + 8)
    const end = i + 1 < count ? block.readUInt16LE(at + direntBytes + 8) : endOfName(block, start)
    if (start < namesAt || end <= start || end > block.length || end - start > maxNameBytes) {
      throw corrupt(`a name in a directory reaches from byte ${start} to ${end}`)
    }
    if (block.subarray(start, end).includes(0x2f)) throw corrupt('a name in a directory has a slash in it')
    dirents.push({
      name: block.subarray(start, end),
      nid: safeNumber(block.readBigUInt64LE(at), 'an inode number'),
    })
  }
  return dirents
}

// The last name of a block ends with the block or before the zeros that fill it up.
function endOfName(block: Buffer, start: number): number {
  const zero = block.indexOf(0, start)
  return zero < 0 ? block.length : zero
}
