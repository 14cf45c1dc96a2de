import { type Content, contentBytes, type Extent, extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { type Entry, maxTargetBytes, type Tree } from '../../tree.ts'
import { foreignTree } from '../foreign-tree.ts'
import { decodeDirectoryBlock } from './directory.ts'
import {
  corrupt,
  dataLayout,
  decodeInode,
  decodeSuperblock,
  fileType,
  type Inode,
  type Superblock,
  slotBytes,
  typeMask,
} from './format.ts'

const maxDirectoriesBytes = 256 * 2 ** 20
const maxFirstBytes = 65536

export interface ErofsImage {
  label: string
  /** 16 bytes. */
  uuid: Uint8Array
  tree: Tree
  /** Paths of devices, pipes and sockets, which a tree does not hold. */
  skipped: string[]
}

interface Found {
  entry: Entry | undefined
  content: Content
}

/**
 * Reads an EROFS image as mkfs.erofs writes it without compression. Files are read when they are asked for; owners,
 * times and extended attributes are left out, files with several names become several files.
 * @throws UfrError UFR-FORMAT for what is damaged, compressed or made of chunks.
 */
export function readErofs(source: ByteSource): ErofsImage {
  const superblock = decodeSuperblock(source.read(0, Math.min(source.size, maxFirstBytes)))
  const { tree, skipped, add, skip, text } = foreignTree('an EROFS image', source.size)
  let directoriesBytes = 0
  const found = new Map<number, Found>()
  const find = (nid: number, path: string): Found => {
    const before = found.get(nid)
    // Two names for one directory would be a loop, or one in the making.
    if (before?.entry?.kind === 'directory') throw corrupt(`the directory ${path || '/'} is there twice`)
    const now = before ?? readNode(source, superblock, nid, path, text)
    found.set(nid, now)
    return now
  }
  const root = find(superblock.rootNid, '')
  if (root.entry?.kind !== 'directory') throw corrupt('the root is not a directory')
  const open = [{ path: '', content: root.content }]
  for (let next = open.pop(); next; next = open.pop()) {
    // Directories may share their data, and a small image may so have large ones.
    directoriesBytes += next.content.size
    if (directoriesBytes > maxDirectoriesBytes) throw corrupt('its directories are too large')
    for (const { name, nid } of direntsIn(next.content, superblock.blockBytes)) {
      const path = next.path ? `${next.path}/${text(name)}` : text(name)
      const { entry, content } = find(nid, path)
      if (entry) add(path, entry)
      else skip(path)
      if (entry?.kind === 'directory') open.push({ path, content })
    }
  }
  return { label: superblock.label, uuid: superblock.uuid, tree, skipped }
}

function readNode(
  source: ByteSource,
  superblock: Superblock,
  nid: number,
  path: string,
  text: (bytes: Uint8Array) => string,
): Found {
  const at = superblock.metaBlock * superblock.blockBytes + nid * slotBytes
  const inode = decodeInode(source.read(at, at + 64 <= source.size ? 64 : slotBytes), nid)
  const type = inode.mode & typeMask
  const mode = inode.mode & 0o7777
  if (type !== fileType.file && type !== fileType.directory && type !== fileType.link) {
    return { entry: undefined, content: extentContent(source, [], 0) }
  }
  const content = extentContent(
    source,
    extentsOf(inode, at + inode.bodyBytes, superblock.blockBytes, source.size, path),
    inode.size,
  )
  if (type === fileType.file) return { entry: { kind: 'file', mode, content }, content }
  if (type === fileType.directory) return { entry: { kind: 'directory', mode }, content }
  if (inode.size > maxTargetBytes) throw corrupt(`the target of the link ${path} has ${inode.size} bytes`)
  return { entry: { kind: 'link', target: text(contentBytes(content)) }, content }
}

/** Where an inode's data is: whole blocks in one run, and with the inline layout the rest at `inlineAt`. */
function extentsOf(
  inode: Inode,
  inlineAt: number,
  blockBytes: number,
  sourceBytes: number,
  path: string,
): Extent[] {
  if (inode.layout !== dataLayout.plain && inode.layout !== dataLayout.inline) {
    const fix = 'Make the image with mkfs.erofs without -z and --chunksize, or extract it with fsck.erofs.'
    throw corrupt(`${path || '/'} ${layoutName(inode.layout)}, which ufr does not read`, fix)
  }
  if (inode.size === 0) return []
  const inline = inode.layout === dataLayout.inline
  const tail = inline ? ((inode.size - 1) % blockBytes) + 1 : 0
  const extents = [
    { offset: inode.block * blockBytes, length: inode.size - tail },
    { offset: inlineAt, length: tail },
  ].filter((extent) => extent.length > 0)
  if (inline && (inlineAt % blockBytes) + tail > blockBytes) {
    throw corrupt(`the inline data of ${path || '/'} crosses the end of a block`)
  }
  if (extents.some(({ offset, length }) => offset + length > sourceBytes)) {
    throw corrupt(`the data of ${path || '/'} reaches beyond the end of the image`)
  }
  return extents
}

function layoutName(layout: number): string {
  if (layout === dataLayout.compressedFull || layout === dataLayout.compressedCompact) return 'is compressed'
  return layout === dataLayout.chunk ? 'is made of chunks' : `has the unknown layout ${layout}`
}

/** A directory's entries but `.` and `..`; their order is checked, which rules out names that are there twice. */
function* direntsIn(content: Content, blockBytes: number): Iterable<{ name: Buffer; nid: number }> {
  let last: Buffer | undefined
  for (const chunk of content.chunks()) {
    for (let at = 0; at < chunk.length; at += blockBytes) {
      for (const dirent of decodeDirectoryBlock(chunk.subarray(at, at + blockBytes))) {
        if (last && Buffer.compare(last, dirent.name) >= 0) throw corrupt('a directory is not in order')
        last = dirent.name
        const dots = dirent.name.length <= 2 && dirent.name.every((byte) => byte === 0x2e)
        if (!dots) yield dirent
      }
    }
    last = last && Buffer.from(last)
  }
}
