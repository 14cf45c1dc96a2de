import { type Content, extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { type Entry, maxNameBytes, type Tree } from '../../tree.ts'
import { foreignTree } from '../foreign-tree.ts'
import { blockBytes, corrupt, decodeSuperblock, type Inode, type Superblock, superBytes } from './format.ts'
import { decodeTables, type LengthUnit, type Tables } from './tables.ts'

/** ROFS keeps no modes: OSv reports this one for everything (rofs_getattr). */
const mode = 0o555
const slash = 0x2f

export interface RofsImage {
  tree: Tree
  /** Paths of what a tree cannot hold: see `readRofs`. */
  skipped: string[]
  lengths: LengthUnit
}

/**
 * Reads a ROFS file system (OSv), of version 1; `source` begins at the file system, not at the disk. Files are read
 * when they are asked for; a file with several names becomes several files. A directory without a name, which
 * upstream's generator makes of `//` in a manifest and OSv never finds, is skipped with all that is in it.
 * @throws UfrError UFR-FORMAT, here or from a file's content.
 */
export function readRofs(source: ByteSource): RofsImage {
  const superblock = decodeSuperblock(source.read(0, superBytes))
  const { tablesBlock, tablesBlocks } = superblock
  const tables = decodeTables(source.read(tablesBlock * blockBytes, tablesBlocks * blockBytes), superblock)
  const { tree, skipped, add, skip, text } = foreignTree('a ROFS image', source.size)
  const directories = new Set([1])
  const root = tables.inode(1)
  if (root.kind !== 'directory') throw corrupt('the root is not a directory')
  const open = [{ path: '', directory: root }]
  let entriesLeft = superblock.entries
  for (let next = open.pop(); next; next = open.pop()) {
    // Directories that share entries would be a small image of a large tree.
    entriesLeft -= next.directory.count
    if (entriesLeft < 0) throw corrupt('its directories have more entries than there are')
    for (const { name, inode } of entriesOf(next.directory, next.path, tables, superblock)) {
      const path = next.path ? `${next.path}/${text(name)}` : text(name)
      if (name.length === 0) {
        skip(`${next.path}/`)
        continue
      }
      checkName(name, path)
      // In a directory of OSv the first of two would be found, in a tree the second.
      if (tree.has(path)) throw corrupt(`${path} is there twice`)
      const node = tables.inode(inode)
      add(path, entryOf(source, node, path, tables, superblock, text))
      if (node.kind !== 'directory') continue
      // Two names for one directory would be a loop, or one in the making.
      if (directories.has(inode)) throw corrupt(`the directory ${path} is in two places`)
      directories.add(inode)
      open.push({ path, directory: node })
    }
  }
  return { tree, skipped, lengths: tables.lengths }
}

function* entriesOf(
  { start, count }: Inode,
  path: string,
  tables: Tables,
  { entries, inodes }: Superblock,
): Iterable<{ name: Uint8Array; inode: number }> {
  if (start + count > entries) throw corrupt(`the entries of /${path} are not all there`)
  for (let index = start; index < start + count; index++) {
    const entry = tables.entry(index)
    if (entry.inode < 1 || entry.inode > inodes) {
      throw corrupt(`an entry of /${path} is for inode ${entry.inode}, which is not there`)
    }
    yield entry
  }
}

function checkName(name: Uint8Array, path: string): void {
  if (name.length > maxNameBytes) throw corrupt(`a name of ${name.length} bytes`)
  if (name.includes(slash)) throw corrupt(`the last part of ${path} has a slash in its name`)
}

function entryOf(
  source: ByteSource,
  inode: Inode,
  path: string,
  tables: Tables,
  { links }: Superblock,
  text: (bytes: Uint8Array) => string,
): Entry {
  if (inode.kind === 'directory') return { kind: 'directory', mode }
  if (inode.kind === 'file') return { kind: 'file', mode, content: fileContent(source, inode, path) }
  if (inode.kind !== 'link') throw corrupt(`${path} is neither file nor directory nor link`)
  if (inode.start >= links) throw corrupt(`the target of the link ${path} is not there`)
  return { kind: 'link', target: text(tables.target(inode.start)) }
}

/** A file lies in one run of blocks, of which the last need not be there as a whole. */
function fileContent(source: ByteSource, { start, count }: Inode, path: string): Content {
  // Where an empty file begins means nothing.
  if (count === 0) return extentContent(source, [], 0)
  const offset = start * blockBytes
  if (offset + count > source.size) throw corrupt(`the data of ${path} reaches beyond the end of the image`)
  return extentContent(source, [{ offset, length: count }], count)
}
