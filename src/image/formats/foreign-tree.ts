import { isUtf8 } from 'node:buffer'
import { UfrError } from '../../base/errors.ts'
import { type Entry, maxTargetBytes, Tree } from '../tree.ts'

const maxEntries = 1_000_000
const maxPathLength = 4096
const maxLength = 128 * 2 ** 20
/** Files may together be larger than the image, where several share data; to extract them must stay possible. */
const maxExcessBytes = 16 * 2 ** 30

/**
 * A tree filled from bytes of unknown origin: any conflict in it is the image's fault (UFR-FORMAT), and the number and
 * the length of its paths and targets have limits, so that a small image cannot ask for all of the memory.
 */
export function foreignTree(
  format: string,
  imageBytes: number,
): {
  tree: Tree
  /** Paths of what a tree does not hold: devices, pipes, sockets. */
  skipped: string[]
  add(path: string, entry: Entry): void
  skip(path: string): void
  /** A name or target; the bytes must be UTF-8, for that is what trees hold. */
  text(bytes: Uint8Array): string
} {
  const tree = new Tree()
  const skipped: string[] = []
  let length = 0
  let fileBytes = 0

  function refuse(what: string, cause?: unknown): UfrError {
    return new UfrError('UFR-FORMAT', `not ${format} that can be read: ${what}`, { cause })
  }

  function count(path: string, entries: number, targetLength: number): void {
    if (path.length > maxPathLength) throw refuse(`a path of ${path.length} characters`)
    length += path.length * entries + targetLength
    if (tree.size + skipped.length + entries > maxEntries || length > maxLength)
      throw refuse('too many entries')
  }

  return {
    tree,
    skipped,
    skip(path) {
      count(path, 1, 0)
      skipped.push(path)
    },
    add(path, entry) {
      const parent = path.slice(0, Math.max(path.lastIndexOf('/'), 0))
      // Each missing parent becomes an entry with a path of its own.
      const entries = parent === '' || tree.has(parent) ? 1 : path.split('/').length
      count(path, entries, entry.kind === 'link' ? entry.target.length : 0)
      if (entry.kind === 'file') fileBytes += entry.content.size
      if (fileBytes > imageBytes + maxExcessBytes) throw refuse('files that are far larger than the image')
      if (tree.get(path)?.kind === 'directory' && entry.kind !== 'directory') {
        throw refuse(`${path} is a directory and a ${entry.kind} at once`)
      }
      if (entry.kind === 'link' && !isTarget(entry.target))
        throw refuse(`${path} is a link to nothing possible`)
      try {
        tree.set(path, entry)
      } catch (error) {
        throw refuse(error instanceof Error ? error.message : String(error), error)
      }
    },
    text: foreignText(format),
  }
}

/** Makes strings of names and targets. @throws UfrError UFR-FORMAT for bytes that are not UTF-8. */
export function foreignText(format: string): (bytes: Uint8Array) => string {
  return (bytes) => {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    if (isUtf8(buffer)) return buffer.toString('utf8')
    const name = JSON.stringify(buffer.toString('latin1'))
    throw new UfrError('UFR-FORMAT', `not ${format} that can be read: the name ${name} is not UTF-8`)
  }
}

function isTarget(target: string): boolean {
  return target !== '' && !target.includes('\0') && Buffer.byteLength(target) <= maxTargetBytes
}
