import { UfrError } from '../../../base/errors.ts'
import { bytesContent, contentBytes } from '../../content.ts'
import type { Layout, Piece } from '../../layout.ts'
import type { Tree } from '../../tree.ts'
import {
  blockBytes,
  encodeInode,
  encodeSuperblock,
  entryHeadBytes,
  inodeBytes,
  linkHeadBytes,
  maxEntries,
  maxTablesBytes,
  writeNumber,
} from './format.ts'
import { collectNodes, directoriesInwardsFirst, inOrder, type Node } from './nodes.ts'

/** What goes into the tables, each list in its order. */
interface Contents {
  /** Inodes; their numbers are their places here, from 1. */
  nodes: Node[]
  entries: Node[]
  links: Node[]
  /** First block of a file, first entry of a directory, index of a link's target. */
  starts: Map<Node, number>
}

/**
 * Plans a ROFS image for OSv. Modes are left out, for it has none. Byte for byte it is what upstream's
 * scripts/gen-rofs-img.py makes of a manifest with the same entries in the tree's order, but where a name or target is
 * not ASCII: there upstream writes lengths that OSv misreads.
 * @throws UfrError UFR-TREE for names and link targets that cannot be stored, UFR-IMAGE-LIMIT for paths that are too
 * long for OSv and for trees that are too large.
 */
export function planRofs(tree: Tree): Layout {
  return planNodes(collectNodes(tree))
}

/** The same for nodes whose order is not a tree's, as in images made from upstream's manifests. */
export function planNodes(root: Node): Layout {
  const nodes = inOrder(root)
  if (nodes.length > maxEntries + 1) {
    throw limit(
      `${nodes.length - 1} files and folders are more than the ${maxEntries} that an image may have`,
    )
  }
  const { starts, pieces, end } = placeFiles(nodes)
  const contents: Contents = { nodes, starts, entries: placeEntries(root, starts), links: [] }
  for (const node of nodes) {
    if (node.kind === 'link') starts.set(node, contents.links.push(node) - 1)
  }
  const tables = encodeTables(contents)
  const superblock = encodeSuperblock({
    tablesBlock: end,
    tablesBlocks: Math.ceil(tables.length / blockBytes),
    entries: contents.entries.length,
    links: contents.links.length,
    inodes: nodes.length,
  })
  pieces.unshift({ offset: 0, content: bytesContent(superblock) })
  pieces.push({ offset: end * blockBytes, content: bytesContent(tables) })
  // As upstream's generator does it: a block more than needed where the last one is full.
  return { size: (end + 1 + Math.floor(tables.length / blockBytes)) * blockBytes, pieces }
}

/** Places files one after the other behind the superblock, each from the start of a block. */
function placeFiles(nodes: Node[]): { starts: Map<Node, number>; pieces: Piece[]; end: number } {
  const starts = new Map<Node, number>()
  const pieces: Piece[] = []
  let end = 1
  for (const node of nodes) {
    if (node.kind !== 'file') continue
    starts.set(node, end)
    if (node.content.size === 0) continue
    pieces.push({ offset: end * blockBytes, content: node.content })
    end += Math.ceil(node.content.size / blockBytes)
  }
  if (!Number.isSafeInteger(end * blockBytes + maxTablesBytes)) {
    throw limit(`the files together are larger than ${Number.MAX_SAFE_INTEGER} bytes`)
  }
  return { starts, pieces, end }
}

/** Gives each directory a run of the entries. */
function placeEntries(root: Node, starts: Map<Node, number>): Node[] {
  const entries: Node[] = []
  for (const directory of directoriesInwardsFirst(root)) {
    starts.set(directory, entries.length)
    for (const child of directory.children) entries.push(child)
  }
  return entries
}

function encodeTables({ nodes, entries, links, starts }: Contents): Buffer {
  let size = nodes.length * inodeBytes
  for (const { nameBytes } of entries) size += entryHeadBytes + nameBytes
  for (const { content } of links) size += linkHeadBytes + content.size
  if (size > maxTablesBytes - blockBytes) {
    throw limit(`the names and links take ${size} bytes, of at most ${maxTablesBytes - blockBytes}`)
  }
  const tables = Buffer.alloc(size)
  const numbers = new Map(nodes.map((node, index) => [node, index + 1]))
  let at = 0
  for (const node of entries) {
    writeNumber(tables, numbers.get(node)!, at)
    tables.writeUInt16LE(node.nameBytes, at + 8)
    tables.write(node.name, at + entryHeadBytes, 'utf8')
    at += entryHeadBytes + node.nameBytes
  }
  for (const { content } of links) {
    tables.writeUInt16LE(content.size, at)
    tables.set(contentBytes(content), at + linkHeadBytes)
    at += linkHeadBytes + content.size
  }
  for (const [index, node] of nodes.entries()) {
    const start = starts.get(node)!
    encodeInode(tables, at, index + 1, { kind: node.kind, start, count: countOf(node) })
    at += inodeBytes
  }
  return tables
}

function countOf(node: Node): number {
  if (node.kind === 'directory') return node.children.length
  return node.kind === 'file' ? node.content.size : 1
}

function limit(message: string): UfrError {
  return new UfrError('UFR-IMAGE-LIMIT', message)
}
