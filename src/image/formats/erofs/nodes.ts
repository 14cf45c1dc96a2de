import { UfrError } from '../../../base/errors.ts'
import { bytesContent, type Content } from '../../content.ts'
import type { Entry, Tree } from '../../tree.ts'
import { targetContent } from '../link-target.ts'
import { type Dirent, directoryBytes } from './directory.ts'
import { blockBytes, fileType, inodeBytes } from './format.ts'

/** One inode of an image to be written. */
export interface Node extends Dirent {
  mode: number
  links: number
  /** All its data; a directory's size is known before its content. */
  size: number
  /** How much of the data lies right after the inode. */
  inline: number
  /** A file's or a link's data. */
  content: Content
  /** A directory's, in byte order. */
  children: Node[]
  parent: Node | undefined
}

/**
 * The inodes of a tree: the root first, each directory before what is in it.
 * @throws UfrError UFR-TREE for names and link targets that cannot be stored.
 */
export function collectNodes(tree: Tree): Node[] {
  const root = newNode('', { kind: 'directory', mode: 0o755 }, '', undefined)
  const nodes = [root]
  const directories = new Map([['', root]])
  for (const [path, entry] of tree.sorted()) {
    const slash = path.lastIndexOf('/')
    const parent = directories.get(path.slice(0, Math.max(slash, 0)))!
    const node = newNode(path.slice(slash + 1), entry, path, parent)
    parent.children.push(node)
    if (entry.kind === 'directory') {
      parent.links++
      directories.set(path, node)
    }
    nodes.push(node)
  }
  for (const node of directories.values()) node.size = directoryBytes(direntsOf(node), blockBytes)
  for (const node of nodes) node.inline = inlineBytes(node)
  return nodes
}

/** A directory's children with `.` and `..` where byte order wants them: a name such as `+x` comes before. */
export function direntsOf(node: Node): Dirent[] {
  const dirents: Dirent[] = node.children.slice()
  const add = (name: string, nid: number) => {
    const after = dirents.findIndex((dirent) => dirent.name > name)
    const at = after < 0 ? dirents.length : after
    dirents.splice(at, 0, { name, nameBytes: name.length, nid, kind: 'directory' })
  }
  add('.', node.nid)
  add('..', (node.parent ?? node).nid)
  return dirents
}

const nothing = bytesContent(new Uint8Array())

function newNode(name: string, entry: Entry, path: string, parent: Node | undefined): Node {
  if (!name.isWellFormed()) throw new UfrError('UFR-TREE', `${JSON.stringify(path)} is not a name in Unicode`)
  const content =
    entry.kind === 'file'
      ? entry.content
      : entry.kind === 'link'
        ? targetContent(entry.target, path)
        : nothing
  return {
    name,
    nameBytes: Buffer.byteLength(name),
    nid: 0,
    kind: entry.kind,
    mode: fileType[entry.kind] | (entry.kind === 'link' ? 0o777 : entry.mode & 0o7777),
    links: entry.kind === 'directory' ? 2 : 1,
    size: content.size,
    inline: 0,
    content,
    children: [],
    parent,
  }
}

// Small files and links are inline as a whole, directories with what they have beyond whole blocks. A larger file's
// last bytes stay with the rest: apart, the file would have to be read twice.
function inlineBytes(node: Node): number {
  if (node.kind === 'file' && node.size >= blockBytes) return 0
  const tail = node.size % blockBytes
  return inodeBytes(node) + tail <= blockBytes ? tail : 0
}
