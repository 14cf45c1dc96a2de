import { createHash } from 'node:crypto'
import { bytesContent, contentBytes } from './content.ts'
import { Tree } from './tree.ts'

/** Files up to this size are held in memory while an image is built from them. */
const heldBytes = 256 * 1024

/** sha256 of any number of strings, so that no two different lists of strings have the same one. */
export function digestOf(...parts: string[]): string {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`)
  return hash.digest('hex')
}

export interface FrozenTree {
  tree: Tree
  /** sha256 over all paths, kinds, modes, link targets and contents. */
  digest: string
}

/**
 * Takes a tree's digest, and a tree that holds what the digest was made from: small files in memory, so that each is
 * read only once and a file that changes in between cannot make an image that its digest does not describe.
 */
export function freezeTree(tree: Tree): FrozenTree {
  const frozen = new Tree()
  const hash = createHash('sha256')
  for (const [path, entry] of tree.sorted()) {
    if (entry.kind === 'file' && entry.content.size <= heldBytes) {
      const bytes = contentBytes(entry.content)
      const { file } = entry.content
      frozen.set(path, { ...entry, content: { ...bytesContent(bytes), ...(file !== undefined && { file }) } })
      hash.update(`f${entry.mode} ${bytes.length} ${path}\0`).update(bytes)
    } else if (entry.kind === 'file') {
      frozen.set(path, entry)
      hash.update(`f${entry.mode} ${entry.content.size} ${path}\0`)
      for (const chunk of entry.content.chunks()) hash.update(chunk)
    } else {
      frozen.set(path, entry)
      hash.update(entry.kind === 'link' ? `l${entry.target}\0${path}\0` : `d${entry.mode} ${path}\0`)
    }
  }
  return { tree: frozen, digest: hash.digest('hex') }
}

/** A UUID made from a digest (RFC 9562, version 8): file systems want one, and the same inputs must give the same. */
export function digestUuid(digest: string): Buffer {
  const uuid = Buffer.from(digest.slice(0, 32), 'hex')
  uuid[6] = (uuid[6]! & 0x0f) | 0x80
  uuid[8] = (uuid[8]! & 0x3f) | 0x80
  return uuid
}
