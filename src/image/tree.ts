import { UfrError } from '../base/errors.ts'
import type { Content } from './content.ts'
import type { Origin } from './origin.ts'

interface Explained {
  /** Why it is there, where somebody knows; see `origin.ts`. */
  origin?: Origin
}

export interface FileEntry extends Explained {
  kind: 'file'
  /** Permission bits, such as 0o755. */
  mode: number
  content: Content
}

export interface DirectoryEntry extends Explained {
  kind: 'directory'
  mode: number
}

export interface LinkEntry extends Explained {
  kind: 'link'
  target: string
}

export type Entry = FileEntry | DirectoryEntry | LinkEntry

/** Longest name of one path component and longest symbolic link target that every format here can hold. */
export const maxNameBytes = 255
export const maxTargetBytes = 4095

/**
 * A file tree: what goes into an image and what comes out of one. Paths are relative to the root, separated by `/`,
 * without a leading or trailing slash; the root itself has no entry. Parents come into being with their children.
 */
export class Tree {
  readonly #entries = new Map<string, Entry>()

  /** Sets an entry, replacing one of the same path, and adds the directories above it. */
  set(path: string, entry: Entry): this {
    checkPath(path)
    const slash = path.lastIndexOf('/')
    if (slash > 0) this.#addParents(path.slice(0, slash))
    const before = this.#entries.get(path)
    if (before?.kind === 'directory' && entry.kind !== 'directory' && this.#hasChildren(path)) {
      throw new UfrError('UFR-TREE', `${path} is a directory with files in it and a ${entry.kind} at once`)
    }
    this.#entries.set(path, entry)
    return this
  }

  file(path: string, content: Content, mode = 0o644): this {
    return this.set(path, { kind: 'file', mode, content })
  }

  directory(path: string, mode = 0o755): this {
    return this.set(path, { kind: 'directory', mode })
  }

  link(path: string, target: string): this {
    return this.set(path, { kind: 'link', target })
  }

  get(path: string): Entry | undefined {
    return this.#entries.get(path)
  }

  /** Says why entries are there, of those of which nobody has said it yet. */
  explain(originOf: (path: string, entry: Entry) => Origin | undefined): this {
    for (const [path, entry] of this.#entries) {
      const origin = entry.origin ?? originOf(path, entry)
      if (origin !== entry.origin) this.#entries.set(path, { ...entry, ...(origin && { origin }) })
    }
    return this
  }

  has(path: string): boolean {
    return this.#entries.has(path)
  }

  get size(): number {
    return this.#entries.size
  }

  /** Entries ordered by path, component by component in byte order, so a directory comes right before what is in it. */
  sorted(): [string, Entry][] {
    const order = pathOrder(this.#entries.keys())
    const keyed = [...this.#entries].map((pair) => ({ key: sortKey(pair[0]), pair }))
    return keyed.sort((a, b) => order.compare(a.key, b.key)).map(({ pair }) => pair)
  }

  /** Names of what lies directly in the root, in order. */
  topLevel(): string[] {
    return this.sorted().flatMap(([path]) => (path.includes('/') ? [] : [path]))
  }

  /** Adds all entries of another tree under a prefix ('' for the root); the other tree's entries win. */
  merge(other: Tree, prefix = ''): this {
    // Unsorted will do: directories are always there before what is in them.
    for (const [path, entry] of [...other.#entries]) this.set(prefix ? `${prefix}/${path}` : path, entry)
    return this
  }

  /** Bytes of all files together. */
  bytes(): number {
    let sum = 0
    for (const entry of this.#entries.values()) if (entry.kind === 'file') sum += entry.content.size
    return sum
  }

  #addParents(path: string): void {
    const there = this.#entries.get(path)
    if (there?.kind === 'directory') return
    if (there) throw new UfrError('UFR-TREE', `${path} is a ${there.kind}, so nothing can be put below it`)
    const slash = path.lastIndexOf('/')
    if (slash > 0) this.#addParents(path.slice(0, slash))
    this.#entries.set(path, { kind: 'directory', mode: 0o755 })
  }

  #hasChildren(path: string): boolean {
    for (const other of this.#entries.keys()) if (other.startsWith(`${path}/`)) return true
    return false
  }
}

/**
 * Orders paths so that `a`, `a/b`, `a.txt` stand in that order: `/` sorts before every other character, the rest in
 * byte order.
 */
export function comparePaths(a: string, b: string): number {
  return pathOrder([a, b]).compare(sortKey(a), sortKey(b))
}

function sortKey(path: string): string {
  return path.replaceAll('/', '\0')
}

/** UTF-16 order differs from byte order only where there are surrogates: only then are bytes made to be compared. */
function pathOrder(paths: Iterable<string>): { compare(a: string, b: string): number } {
  for (const path of paths) {
    if (!/[\ud800-\udfff]/.test(path)) continue
    return { compare: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) }
  }
  return { compare: (a, b) => (a < b ? -1 : a > b ? 1 : 0) }
}

/** @throws UfrError UFR-TREE for a path that is absolute, empty, or has empty, `.` or `..` parts or a NUL. */
export function checkPath(path: string): void {
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..' || part.includes('\0')) {
      throw new UfrError('UFR-TREE', `${JSON.stringify(path)} is not a path inside a tree`)
    }
    if (part.length > maxNameBytes / 3 && Buffer.byteLength(part) > maxNameBytes) {
      throw new UfrError('UFR-TREE', `${JSON.stringify(part)} is longer than ${maxNameBytes} bytes`)
    }
  }
}
