import { UfrError } from '../../base/errors.ts'
import type { Content } from '../content.ts'
import { maxNameBytes } from '../tree.ts'

export interface FileNode {
  kind: 'file'
  mode: number
  content: Content
  layer: number
}

export interface LinkNode {
  kind: 'link'
  target: string
  layer: number
}

export interface DirectoryNode {
  kind: 'directory'
  mode: number
  children: Map<string, Node>
  layer: number
}

/** What is at a place of the root that layers are put together to; `layer` is the number of the one that it is from. */
export type Node = FileNode | LinkNode | DirectoryNode

/** The root that layers are put together to, and how much more work may be done for it. */
export interface Root {
  top: DirectoryNode
  /** Counts a step. @throws UfrError UFR-FORMAT where there are more than any real image needs. */
  step(): void
}

/** A real image needs some ten for each entry; links and whiteouts can be laid so that each costs millions. */
export function newRoot(maxSteps: number): Root {
  let left = maxSteps
  return {
    top: newDirectory(0),
    step() {
      if (--left < 0) throw broken('its links and whiteouts lead to more work than any real image does')
    },
  }
}

/** Linux's own bound on links in one path (MAXSYMLINKS). */
const maxLinks = 40
export const maxPathLength = 4096

export function newDirectory(layer: number, mode = 0o755): DirectoryNode {
  return { kind: 'directory', mode, children: new Map(), layer }
}

/**
 * The parts of a name after lexical cleaning, as Go's filepath.Clean does, by which all container runtimes read layers
 * (containerd: pkg/archive/tar.go; moby: daemon/internal and pkg/archive, UnpackLayer): an absolute name begins at the
 * root of the image.
 * @returns undefined for a name that leads out of it, which moby refuses ("breakout") and so does ufr.
 */
export function cleanName(name: string): string[] | undefined {
  const parts: string[] = []
  const absolute = name.startsWith('/')
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue
    if (part !== '..') parts.push(part)
    else if (parts.length > 0) parts.pop()
    // Above the root is the root; a relative name has none.
    else if (!absolute) return undefined
  }
  return parts
}

/**
 * The directory that a path's parts lead to, symbolic links in it followed inside the root as in a chroot; what is
 * missing is made where `make` says so, as runtimes do.
 * @returns undefined where it is not there.
 * @throws UfrError UFR-FORMAT where a file is in the way, or links lead in a circle.
 */
export function directoryAt(
  root: Root,
  parts: readonly string[],
  make?: (parent: DirectoryNode, name: string) => DirectoryNode,
): DirectoryNode | undefined {
  const todo = parts.toReversed()
  const way: DirectoryNode[] = [root.top]
  let links = 0
  for (let part = todo.pop(); part !== undefined; part = todo.pop()) {
    root.step()
    if (part === '' || part === '.') continue
    if (part === '..') {
      if (way.length > 1) way.pop()
      continue
    }
    const here = way.at(-1)!
    const next = here.children.get(part) ?? make?.(here, part)
    if (next === undefined) return undefined
    if (next.kind === 'directory') way.push(next)
    else if (next.kind === 'file') throw broken(`${shown(parts)} leads through the file ${shown([part])}`)
    else {
      links++
      if (next.target.startsWith('/')) way.length = 1
      todo.push(...next.target.split('/').reverse())
      if (links > maxLinks || todo.length > maxPathLength)
        throw broken(`symbolic links on the way to ${shown(parts)} have no end`)
    }
    if (way.length > maxPathLength / 2) throw broken(`${shown(parts)} leads too deep`)
  }
  return way.at(-1)
}

/** @throws UfrError UFR-FORMAT for a name that no file system of a guest can hold. */
export function checkName(name: string): void {
  if (name.includes('\0') || (name.length > maxNameBytes / 3 && Buffer.byteLength(name) > maxNameBytes)) {
    throw broken(`the name ${shown([name])} has a NUL, or more than ${maxNameBytes} bytes`)
  }
}

export function shown(parts: readonly string[]): string {
  const text = parts.join('/')
  return JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text)
}

export function broken(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a layer of a container image that can be read: ${what}`, {
    fix: 'Build or download the image again; container runtimes refuse such a layer, too.',
  })
}
