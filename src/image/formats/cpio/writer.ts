import { UfrError } from '../../../base/errors.ts'
import { bytesContent, type Content } from '../../content.ts'
import type { Layout, Piece } from '../../layout.ts'
import { type Entry, maxTargetBytes, type Tree } from '../../tree.ts'
import { targetContent } from '../link-target.ts'
import { align, encodeHeader, trailerName, typeBits } from './header.ts'

const maxFileBytes = 0xffffffff
const nothing = bytesContent(new Uint8Array())

/**
 * Plans an archive in cpio's newc format, as Linux takes it for an initramfs: owners and times are 0, inode numbers
 * count from 1, the order is the tree's. The size is a multiple of 4, so that another archive can follow.
 * @throws UfrError UFR-TREE for a file of 4 GiB or more, and for names and link targets that cannot be stored.
 */
export function planCpio(tree: Tree): Layout {
  const pieces: Piece[] = []
  let at = 0
  const add = (header: Buffer, content: Content) => {
    pieces.push({ offset: at, content: bytesContent(header) })
    at = align(at + header.length)
    if (content.size > 0) pieces.push({ offset: at, content })
    at = align(at + content.size)
  }
  let ino = 1
  for (const [path, entry] of tree.sorted()) {
    const content = contentOf(entry, path)
    const mode = typeBits[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode & 0o7777)
    const links = entry.kind === 'directory' ? 2 : 1
    add(encodeHeader(path, { ino: ino++, mode, links, size: content.size }), content)
  }
  add(encodeHeader(trailerName, { ino: 0, mode: 0, links: 1, size: 0 }), nothing)
  return { size: at, pieces }
}

function contentOf(entry: Entry, path: string): Content {
  // Linux takes no path of more than PATH_MAX, 4096 with its NUL.
  if (!path.isWellFormed() || Buffer.byteLength(path) > maxTargetBytes || path === trailerName) {
    throw new UfrError('UFR-TREE', `${JSON.stringify(path)} is not a name that a cpio archive can hold`)
  }
  if (entry.kind === 'directory') return nothing
  if (entry.kind === 'file') {
    if (entry.content.size <= maxFileBytes) return entry.content
    throw new UfrError('UFR-TREE', `${path} has ${entry.content.size} bytes, too many for a cpio archive`)
  }
  return targetContent(entry.target, path)
}
