import { UfrError } from '../../../base/errors.ts'
import { bytesContent, type Content } from '../../content.ts'
import type { Entry, Tree } from '../../tree.ts'
import { targetContent } from '../link-target.ts'
import type { fileType } from './format.ts'

/** Paths are strings of PATH_MAX (4096) bytes in OSv, with a slash before and a NUL behind (fs/vfs/vfs_lookup.cc). */
const maxPathBytes = 4094

/** One inode of an image to be written. */
export interface Node {
  kind: keyof typeof fileType
  name: string
  /** Length of the name in UTF-8. */
  nameBytes: number
  /** A file's data or a link's target. */
  content: Content
  /** A directory's, in the order in which they are to stand. */
  children: Node[]
}

/**
 * The root of a tree with all below it, in the tree's order.
 * @throws UfrError UFR-TREE for names and link targets that cannot be stored, UFR-IMAGE-LIMIT for paths too long.
 */
export function collectNodes(tree: Tree): Node {
  const root = newNode('', { kind: 'directory', mode: 0 }, '')
  const directories = new Map([['', root]])
  for (const [path, entry] of tree.sorted()) {
    const slash = path.lastIndexOf('/')
    const node = newNode(path.slice(slash + 1), entry, path)
    directories.get(path.slice(0, Math.max(slash, 0)))!.children.push(node)
    if (entry.kind === 'directory') directories.set(path, node)
  }
  return root
}

const nothing = bytesContent(new Uint8Array())

function newNode(name: string, entry: Entry, path: string): Node {
  if (!name.isWellFormed()) throw new UfrError('UFR-TREE', `${JSON.stringify(path)} is not a name in Unicode`)
  if (path.length > maxPathBytes / 3 && Buffer.byteLength(path) > maxPathBytes) {
    throw new UfrError('UFR-IMAGE-LIMIT', `${path} is longer than the ${maxPathBytes} bytes that OSv takes`)
  }
  const { kind } = entry
  const content =
    kind === 'file' ? entry.content : kind === 'link' ? targetContent(entry.target, path) : nothing
  return { kind, name, nameBytes: Buffer.byteLength(name), content, children: [] }
}

/** All nodes, each directory before what is in it. */
export function inOrder(root: Node): Node[] {
  const nodes: Node[] = []
  const open = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    nodes.push(node)
    for (let i = node.children.length - 1; i >= 0; i--) open.push(node.children[i]!)
  }
  return nodes
}

/** The directories, each after those in it. */
export function directoriesInwardsFirst(root: Node): Node[] {
  const outwards: Node[] = []
  const open = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    outwards.push(node)
    for (const child of node.children) if (child.kind === 'directory') open.push(child)
  }
  return outwards.reverse()
}
