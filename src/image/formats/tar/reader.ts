import { UfrError } from '../../../base/errors.ts'
import { extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { type FileEntry, maxTargetBytes, type Tree } from '../../tree.ts'
import { foreignTree } from '../foreign-tree.ts'
import { blockBytes, type Header, readHeader, roundedUp } from './header.ts'
import { parsePax } from './pax.ts'

export interface TarArchive {
  tree: Tree
  /** Paths of devices and pipes, which a tree does not hold. */
  skipped: string[]
}

/** Longest name, target or extended header that is read: a path has at most 4,096 bytes. */
const maxExtensionBytes = 65_536

/** What goes before an entry to say what its own header has no room for. */
interface Extension {
  path?: string
  target?: string
  size?: number
}

/**
 * Reads an archive of tar: POSIX.1-1988 (ustar) and -2001 (pax), and GNU's long names. Files are read when they are
 * asked for; owners and times are left out. Later entries replace earlier ones, and hard links become files of their
 * own. Whiteouts of container layers are files here.
 * @throws UfrError UFR-FORMAT for anything else, and for names and hard links that lead out of it.
 */
export function readTar(source: ByteSource): TarArchive {
  const { tree, skipped, add, skip, text } = foreignTree('a tar archive', source.size)
  let extension: Extension = {}
  for (let at = 0; ; ) {
    const header = readHeader(source, at)
    if (header === undefined) return { tree, skipped }
    const dataAt = at + blockBytes
    if (header.type === 'x' || header.type === 'L' || header.type === 'K') {
      extension = { ...extension, ...extensionOf(source, dataAt, header, text) }
      at = dataAt + roundedUp(header.size)
      continue
    }
    const size = header.type === 'file' ? (extension.size ?? header.size) : header.size
    const next = dataAt + roundedUp(size)
    if (next > source.size && dataAt + size > source.size)
      throw corrupt(`the entry at byte ${at} is truncated`)
    at = next
    const path = normalisedPath(extension.path ?? text(header.name))
    const target = extension.target ?? text(header.target)
    if (header.type !== 'g') extension = {}
    if (header.type === 'file') {
      const content = extentContent(source, [{ offset: dataAt, length: size }], size)
      add(required(path), { kind: 'file', mode: header.mode, content })
    } else if (header.type === 'directory') {
      if (path !== '') add(path, { kind: 'directory', mode: header.mode })
    } else if (header.type === 'link') {
      if (target.length > maxTargetBytes)
        throw corrupt(`the link ${path} has a target of ${target.length} characters`)
      add(required(path), { kind: 'link', target })
    } else if (header.type === 'hard link') {
      add(required(path), linked(tree, normalisedPath(target), path))
    } else if (header.type === 'other') skip(required(path))
  }
}

function extensionOf(
  source: ByteSource,
  at: number,
  header: Header,
  text: (bytes: Uint8Array) => string,
): Extension {
  if (header.size > maxExtensionBytes) throw corrupt(`an extended header of ${header.size} bytes`)
  const bytes = source.read(at, header.size)
  if (header.type === 'x') return fromPax(parsePax(bytes), text)
  const end = bytes.indexOf(0)
  const value = text(end < 0 ? bytes : bytes.subarray(0, end))
  return header.type === 'L' ? { path: value } : { target: value }
}

function fromPax(records: Map<string, Uint8Array>, text: (bytes: Uint8Array) => string): Extension {
  const [path, target, size] = ['path', 'linkpath', 'size'].map((key) => records.get(key))
  if ([...records.keys()].some((key) => key.startsWith('GNU.sparse'))) throw corrupt('a sparse file')
  const bytes = size && text(size)
  if (bytes !== undefined && !/^\d{1,15}$/.test(bytes)) throw corrupt('a size that is no number')
  return {
    ...(path && { path: text(path) }),
    ...(target && { target: text(target) }),
    ...(bytes !== undefined && { size: Number(bytes) }),
  }
}

function linked(tree: Tree, target: string, path: string): FileEntry {
  const entry = tree.get(target)
  if (entry?.kind !== 'file') throw corrupt(`${path} is a hard link to ${target}, which is no file before it`)
  return entry
}

/** The path without what stands for the root or for nothing. */
function normalisedPath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw corrupt(`the name ${JSON.stringify(name)} leads out of it`)
  return parts.join('/')
}

function required(path: string): string {
  if (path === '') throw corrupt('an entry that is no directory has no name')
  return path
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a tar archive that can be read: ${what}`)
}
