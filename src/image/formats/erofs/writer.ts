import { UfrError } from '../../../base/errors.ts'
import { bytesContent, type Content } from '../../content.ts'
import type { Layout, Piece } from '../../layout.ts'
import type { Tree } from '../../tree.ts'
import { encodeDirectory } from './directory.ts'
import {
  blockBytes,
  dataLayout,
  encodeInode,
  encodeSuperblock,
  inodeBytes,
  slotBytes,
  superBytes,
  superOffset,
} from './format.ts'
import { collectNodes, direntsOf, type Node } from './nodes.ts'
import { slotPlacer } from './slots.ts'

const blocksPerChunk = 256
/** The kernel wants a NUL at the end of the 16 bytes (fs/erofs/super.c). */
const maxLabelBytes = 15

export interface ErofsOptions {
  /** 16 bytes; derive them from what goes in, so that the same inputs give the same image. */
  uuid: Uint8Array
  /** At most 15 bytes of UTF-8. */
  label?: string
}

/** An inode with the places of its data. */
interface PlacedNode {
  node: Node
  /** Address of the first block of what is not inline. */
  block: number
  /** The inline data. */
  tail: Content
}

/**
 * Plans an EROFS image that Linux 5.4 and later mount: no compression, no optional feature but the superblock's
 * checksum. Small files, directories and links lie beside their inodes, larger files in whole blocks of 4096 bytes.
 * Owners and times are 0.
 * @throws UfrError UFR-TREE for names and link targets that cannot be stored.
 * @throws RangeError for a UUID or label of the wrong length.
 */
export function planErofs(tree: Tree, options: ErofsOptions): Layout {
  const label = options.label ?? ''
  if (options.uuid.length !== 16) throw new RangeError(`a UUID has 16 bytes, not ${options.uuid.length}`)
  if (Buffer.byteLength(label) > maxLabelBytes || label.includes('\0')) {
    throw new RangeError(`${JSON.stringify(label)} is no label of at most ${maxLabelBytes} bytes`)
  }
  const nodes = collectNodes(tree)
  const metaBlocks = placeInodes(nodes)
  const { placed, pieces, blocks } = placeData(nodes, metaBlocks)
  const addSuperblock = (first: Buffer) => {
    const counts = { rootNid: nodes[0]!.nid, inodes: nodes.length, blocks, metaBlock: 0 }
    encodeSuperblock(first, { blockBytes, ...counts, uuid: options.uuid, label })
  }
  const metadata = metadataContent(placed, metaBlocks, addSuperblock)
  return { size: blocks * blockBytes, pieces: [{ offset: 0, content: metadata }, ...pieces] }
}

/** Gives each inode its number, which is its place; returns how many blocks the metadata area has. */
function placeInodes(nodes: Node[]): number {
  const placer = slotPlacer(blockBytes / slotBytes, (superOffset + superBytes) / slotBytes)
  // The root comes first: the superblock has only 16 bits for its number.
  for (const node of nodes) node.nid = placer.place(Math.ceil((inodeBytes(node) + node.inline) / slotBytes))
  return placer.blocks()
}

/** Places what is not inline: directories' blocks first, close to the inodes, then files in the tree's order. */
function placeData(
  nodes: Node[],
  metaBlocks: number,
): { placed: PlacedNode[]; pieces: Piece[]; blocks: number } {
  const placed: PlacedNode[] = []
  const pieces: Piece[] = []
  let blocks = metaBlocks
  const place = (node: Node, body: Content, tail: Content) => {
    placed.push({ node, block: body.size > 0 ? blocks : 0, tail })
    if (body.size === 0) return
    pieces.push({ offset: blocks * blockBytes, content: body })
    blocks += Math.ceil(body.size / blockBytes)
  }
  for (const node of nodes) {
    if (node.kind !== 'directory') continue
    const data = encodeDirectory(direntsOf(node), blockBytes)
    const whole = data.length - node.inline
    place(node, bytesContent(data.subarray(0, whole)), bytesContent(data.subarray(whole)))
  }
  const nothing = bytesContent(new Uint8Array())
  for (const node of nodes) {
    if (node.kind === 'directory') continue
    if (node.inline > 0) place(node, nothing, node.content)
    else place(node, node.content, nothing)
  }
  if (blocks > 0xffffffff) throw new UfrError('UFR-TREE', 'the files do not fit into one image (16 TiB)')
  return { placed, pieces, blocks }
}

/** The metadata area, from block 0: made when it is asked for, because small files lie in it. */
function metadataContent(
  placed: PlacedNode[],
  metaBlocks: number,
  addSuperblock: (first: Buffer) => void,
): Content {
  const byPlace = placed.sort((a, b) => a.node.nid - b.node.nid)
  return {
    size: metaBlocks * blockBytes,
    *chunks() {
      const buffer = Buffer.allocUnsafe(Math.min(metaBlocks, blocksPerChunk) * blockBytes)
      let next = 0
      for (let first = 0; first < metaBlocks; first += blocksPerChunk) {
        const start = first * blockBytes
        const chunk = buffer.subarray(0, (metaBlocks - first) * blockBytes).fill(0)
        // No inode with its inline data crosses the end of a block, so none crosses the end of a chunk.
        for (; next < byPlace.length; next++) {
          const at = byPlace[next]!.node.nid * slotBytes - start
          if (at >= chunk.length) break
          writeNode(chunk, at, byPlace[next]!)
        }
        if (first === 0) addSuperblock(chunk)
        yield chunk
      }
    },
  }
}

function writeNode(into: Buffer, at: number, { node, block, tail }: PlacedNode): void {
  const layout = node.inline > 0 ? dataLayout.inline : dataLayout.plain
  const { mode, links, size, nid } = node
  encodeInode(into, at, { mode, links, size, layout, block, number: nid })
  let to = at + inodeBytes(node)
  for (const chunk of tail.chunks()) {
    into.set(chunk, to)
    to += chunk.length
  }
}
