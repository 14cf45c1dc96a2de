import fs from 'node:fs'
import path from 'node:path'
import { systemCode } from '../../base/errors.ts'
import { type Content, fileContent } from '../content.ts'
import { type FileSource, fileSource, outOfRange } from '../source.ts'
import { maxTargetBytes, type Tree } from '../tree.ts'

export interface ViewFile {
  kind: 'file'
  mode: number
  content: Content
  /** Where the file is on the host; undefined for one out of a tree. */
  hostPath?: string
  /** Random access; dispose of it (`using`). */
  open(): FileSource
}

export type ViewEntry =
  | ViewFile
  | { kind: 'directory' }
  | { kind: 'link'; target: string }
  | { kind: 'other' }

/**
 * Files as a guest would see them, without being one: guest paths stand for files of a sysroot on the host and of
 * trees mounted over it. Symbolic links are resolved by `resolvePath`, in guest paths, so none leads out of the view.
 */
export interface FileView {
  /** What is at an absolute path whose parents are directories, not links; links are not followed. */
  entry(guestPath: string): ViewEntry | undefined
}

/** Bytes of a content at any offset, holding no more than one chunk of it. */
function contentSource(content: Content): FileSource {
  const direct = content.source?.()
  if (direct) return { size: direct.size, read: direct.read, [Symbol.dispose]() {} }
  let windowAt = 0
  let window: Uint8Array = new Uint8Array(0)
  return {
    size: content.size,
    read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > content.size)
        throw outOfRange(offset, length, content.size)
      if (length === 0) return new Uint8Array(0)
      if (offset >= windowAt && offset + length <= windowAt + window.length) {
        return window.subarray(offset - windowAt, offset - windowAt + length)
      }
      const bytes = new Uint8Array(length)
      let at = 0
      for (const chunk of content.chunks()) {
        const end = at + chunk.length
        if (end > offset) {
          const from = Math.max(offset, at)
          bytes.set(chunk.subarray(from - at, Math.min(offset + length, end) - at), from - offset)
          if (end >= offset + length) {
            window = Uint8Array.from(chunk)
            windowAt = at
            return bytes
          }
        }
        at = end
      }
      throw outOfRange(offset, length, at)
    },
    [Symbol.dispose]() {},
  }
}

const unreachable = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG'])

/** The files below a folder of the host, as if it were the root; read only when asked for. */
export function hostView(root: string): FileView {
  return {
    entry(guestPath) {
      if (guestPath.includes('\0')) return undefined
      const hostPath = path.join(root, guestPath)
      let stat: fs.Stats | undefined
      try {
        stat = fs.lstatSync(hostPath, { throwIfNoEntry: false })
        if (stat?.isSymbolicLink()) return { kind: 'link', target: fs.readlinkSync(hostPath) }
      } catch (error) {
        // As for the dynamic linker: what cannot be looked at is not there.
        if (unreachable.has(systemCode(error) ?? '')) return undefined
        throw error
      }
      if (stat === undefined) return undefined
      if (stat.isDirectory()) return { kind: 'directory' }
      if (!stat.isFile()) return { kind: 'other' }
      return {
        kind: 'file',
        mode: stat.mode & 0o7777,
        content: fileContent(hostPath, stat.size),
        hostPath,
        open: () => fileSource(hostPath),
      }
    },
  }
}

/** The files of a tree, the tree's root being the view's. */
export function treeView(tree: Tree): FileView {
  return {
    entry(guestPath) {
      const entry = tree.get(guestPath.slice(1))
      if (entry?.kind !== 'file') return entry
      const { mode, content } = entry
      return { kind: 'file', mode, content, open: () => contentSource(content) }
    },
  }
}

/** Another view's files at an absolute path, hiding what is below that path in the first view. */
export function mountView(below: FileView, at: string, mounted: FileView): FileView {
  return {
    entry(guestPath) {
      if (guestPath === at) return { kind: 'directory' }
      if (guestPath.startsWith(`${at}/`)) return mounted.entry(guestPath.slice(at.length))
      const entry = below.entry(guestPath)
      return at.startsWith(`${guestPath}/`) && entry?.kind !== 'directory' ? { kind: 'directory' } : entry
    },
  }
}

/** Another view's files over those of the first, folder by folder. */
export function overlayView(below: FileView, above: FileView): FileView {
  return { entry: (guestPath) => above.entry(guestPath) ?? below.entry(guestPath) }
}

export interface Resolved {
  /** The path with no links left in it. */
  path: string
  entry: Exclude<ViewEntry, { kind: 'link' }>
  /** The whole path after each link that was followed, `..` taken out: where the link says that the file is. */
  through: string[]
}

// Linux's own bound on links in one path (MAXSYMLINKS); the other keeps links that multiply components in check.
const maxLinks = 40
const maxComponents = 4096

/** Follows an absolute path, links included, inside a view; undefined where there is nothing, or links in a loop. */
export function resolvePath(view: FileView, guestPath: string): Resolved | undefined {
  const todo = guestPath.split('/').reverse()
  const through: string[] = []
  let at = ''
  let entry: Resolved['entry'] = { kind: 'directory' }
  while (todo.length > 0) {
    const part = todo.pop()
    if (part === '' || part === '.' || part === undefined) continue
    if (entry.kind !== 'directory') return undefined
    if (part === '..') {
      at = at.slice(0, Math.max(0, at.lastIndexOf('/')))
      continue
    }
    const next: ViewEntry | undefined = view.entry(`${at}/${part}`)
    if (next === undefined) return undefined
    if (next.kind === 'link') {
      if (next.target.length > maxTargetBytes) return undefined
      if (next.target.startsWith('/')) at = ''
      todo.push(...next.target.split('/').reverse())
      if (through.length >= maxLinks || todo.length > maxComponents) return undefined
      through.push(path.posix.normalize(`${at}/${todo.toReversed().join('/')}`))
    } else {
      at = `${at}/${part}`
      entry = next
    }
  }
  return { path: at || '/', entry, through }
}

/** Like resolvePath, for regular files only: a device or a pipe is never opened, it might never answer. */
export function resolveFile(view: FileView, guestPath: string): (Resolved & { entry: ViewFile }) | undefined {
  const resolved = resolvePath(view, guestPath)
  return resolved?.entry.kind === 'file' ? { ...resolved, entry: resolved.entry } : undefined
}
