import { UfrError } from '../../../base/errors.ts'
import { type Content, contentBytes, extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { type FileEntry, maxTargetBytes, type Tree } from '../../tree.ts'
import { foreignTree } from '../foreign-tree.ts'
import { alignment, readHeader, trailerName, typeBits } from './header.ts'

const scanBytes = 65536

export interface CpioArchive {
  tree: Tree
  /** Paths of devices, pipes and sockets, which a tree does not hold. */
  skipped: string[]
}

/** A file with several names: all but one of them have no data with them, in most archives all but the last. */
interface LinkedFile {
  entry: FileEntry
  /** Names that came before the data. */
  waiting: string[]
}

/**
 * Reads an archive in cpio's newc format, with or without checksums, or several such with zeros between them, as an
 * initramfs may be; later entries replace earlier ones. Files are read when they are asked for; owners and times are
 * left out.
 * @throws UfrError UFR-FORMAT for anything else, and for names with `..` in them.
 */
export function readCpio(source: ByteSource): CpioArchive {
  const { tree, skipped, add, skip, text } = foreignTree('a cpio archive', source.size)
  const linked = new Map<string, LinkedFile>()
  for (let at = 0; ; ) {
    const header = readHeader(source, at)
    const name = text(header.name)
    at = header.next
    if (name === trailerName) {
      at = skipZeros(source, at)
      if (at >= source.size) return { tree, skipped }
      // Inode numbers mean something within one archive only.
      linked.clear()
      continue
    }
    const path = normalisedPath(name)
    const type = header.mode & 0o170000
    const mode = header.mode & 0o7777
    const content = extentContent(source, [{ offset: header.dataAt, length: header.size }], header.size)
    if (path === '') {
      if (type !== typeBits.directory) throw corrupt('its root is not a directory')
    } else if (type === typeBits.directory) {
      add(path, { kind: 'directory', mode })
    } else if (type === typeBits.link) {
      if (header.size > maxTargetBytes) throw corrupt(`the link ${name} has a target of ${header.size} bytes`)
      add(path, { kind: 'link', target: text(contentBytes(content)) })
    } else if (type === typeBits.file) {
      if (header.checksum !== undefined) checkSum(content, header.checksum, name)
      const entry: FileEntry = { kind: 'file', mode, content }
      if (header.links > 1) addLinked(linked, header.inode, path, entry, add)
      else add(path, entry)
    } else {
      skip(path)
    }
  }
}

function addLinked(
  linked: Map<string, LinkedFile>,
  inode: string,
  path: string,
  entry: FileEntry,
  add: (path: string, entry: FileEntry) => void,
): void {
  const file = linked.get(inode) ?? { entry, waiting: [] }
  linked.set(inode, file)
  if (entry.content.size > 0) {
    file.entry = entry
    for (const other of file.waiting) add(other, entry)
    file.waiting = []
  } else if (file.entry.content.size === 0) {
    file.waiting.push(path)
  }
  add(path, file.entry)
}

/** The path without what stands for the root or for nothing. */
function normalisedPath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw corrupt(`the name ${JSON.stringify(name)} leads out of it`)
  return parts.join('/')
}

function checkSum(content: Content, expected: number, name: string): void {
  // Names without the data have either sum.
  if (content.size === 0) return
  let sum = 0
  for (const chunk of content.chunks()) for (const byte of chunk) sum = (sum + byte) >>> 0
  if (sum !== expected) throw corrupt(`the checksum of ${name} is wrong`)
}

function skipZeros(source: ByteSource, from: number): number {
  for (let at = from; at < source.size; at += scanBytes) {
    const chunk = source.read(at, Math.min(scanBytes, source.size - at))
    const used = chunk.findIndex((byte) => byte !== 0)
    if (used >= 0) return at + used - ((at + used) % alignment)
  }
  return source.size
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a cpio archive that can be read: ${what}`)
}
