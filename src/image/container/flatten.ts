import { extentContent } from '../content.ts'
import { foreignText } from '../formats/foreign-tree.ts'
import { type TarEntry, tarEntries } from '../formats/tar/entries.ts'
import { type ByteSource, windowSource } from '../source.ts'
import { maxTargetBytes, Tree } from '../tree.ts'
import {
  broken,
  checkName,
  cleanName,
  type DirectoryNode,
  directoryAt,
  maxPathLength,
  type Node,
  newDirectory,
  newRoot,
  type Root,
  shown,
} from './nodes.ts'
import { isWhiteout, whiteOut } from './whiteout.ts'

export interface Flattened {
  tree: Tree
  /** Paths of devices, pipes and sockets, which a tree does not hold. */
  skipped: string[]
}

export interface FlattenLimits {
  /** Entries of all layers together, those that later layers hide included. */
  entries: number
  /** Characters of all paths together. */
  pathLength: number
  /** Steps from place to place, to find what names and whiteouts are about. */
  steps: number
  /** Bytes of all files of the result; hard links count each time. */
  bytes: number
}

export const flattenLimits: FlattenLimits = {
  entries: 1_000_000,
  pathLength: 128 * 2 ** 20,
  steps: 50_000_000,
  bytes: 16 * 2 ** 30,
}

const maxSkipped = 1000

/**
 * Puts the layers of a container image together to the root file system that they stand for (OCI image-spec,
 * layer.md; containerd: pkg/archive/tar.go; moby: pkg/archive, UnpackLayer). Files are read when they are asked for, so
 * the sources must stay open. Nothing is written anywhere, so nothing can be written outside:
 * - names are cleaned lexically and begin at the image's root; one that leads out of it by `..` is refused, as by moby;
 * - symbolic links on the way to a place are followed inside the root, as in a chroot; the last part is never followed;
 * - a hard link's target is read like a name: outside of the root or missing, it is refused;
 * - whiteouts hide what lower layers have, and nothing of their own layer, wherever they stand in it (layer.md);
 * - later entries replace earlier ones of whatever kind, a directory over a directory only changes its mode;
 * - devices, pipes and sockets are left out and told of; owners, times and extended attributes are left out.
 * @param layers uncompressed archives of tar, the lowest first.
 * @throws UfrError UFR-FORMAT for bytes that are no such layers, or beyond the limits.
 */
export function flattenLayers(
  layers: readonly ByteSource[],
  limits: FlattenLimits = flattenLimits,
): Flattened {
  const root = newRoot(limits.steps)
  const skipped: string[] = []
  let entries = 0
  const count = () => {
    if (++entries > limits.entries) throw broken(`there are more than ${limits.entries} entries`)
  }
  for (const [layer, source] of layers.entries()) {
    const make = (parent: DirectoryNode, name: string) => {
      count()
      checkName(name)
      const made = newDirectory(layer)
      parent.children.set(name, made)
      return made
    }
    for (const entry of tarEntries(windowSource(source), foreignText('a layer of a container image'))) {
      count()
      if (entry.name.length > maxPathLength) throw broken(`a name of ${entry.name.length} characters`)
      const parts = cleanName(entry.name)
      if (!parts) throw broken(`the name ${shown([entry.name])} leads out of the root`)
      const name = parts.pop()
      if (name === undefined) {
        if (entry.type !== 'directory') throw broken(`the root is a ${entry.type}`)
        root.top.mode = entry.mode
        continue
      }
      if (isWhiteout(name)) {
        whiteOut(root, parts, name, layer)
        continue
      }
      checkName(name)
      const parent = directoryAt(root, parts, make)!
      if (entry.type === 'other') {
        parent.children.delete(name)
        if (skipped.length < maxSkipped) skipped.push([...parts, name].join('/'))
      } else put(parent, name, nodeOf(root, entry, source, layer))
    }
  }
  return { tree: treeOf(root.top, limits), skipped }
}

/** A directory over a directory keeps what is in it; anything else takes the place of what was there. */
function put(parent: DirectoryNode, name: string, node: Node): void {
  const there = parent.children.get(name)
  if (there?.kind === 'directory' && node.kind === 'directory') {
    there.mode = node.mode
    there.layer = node.layer
  } else parent.children.set(name, node)
}

function nodeOf(root: Root, entry: TarEntry, source: ByteSource, layer: number): Node {
  const { type, mode, target, dataAt, size } = entry
  if (type === 'directory') return newDirectory(layer, mode)
  if (type === 'hard link') return { ...linked(root, entry), layer }
  if (type === 'link') {
    if (target === '' || target.includes('\0') || Buffer.byteLength(target) > maxTargetBytes)
      throw broken(`${shown([entry.name])} is a link to nothing possible`)
    return { kind: 'link', target, layer }
  }
  return {
    kind: 'file',
    mode,
    content: extentContent(source, [{ offset: dataAt, length: size }], size),
    layer,
  }
}

/** What a hard link is another name of: a file, or a symbolic link, which is not followed (link(2)). */
function linked(root: Root, { name, target }: TarEntry): Exclude<Node, DirectoryNode> {
  const what = `${shown([name])} is a hard link to ${shown([target])}`
  if (target.length > maxPathLength) throw broken(what)
  const parts = cleanName(target)
  if (!parts) throw broken(`${what}, which leads out of the root`)
  const last = parts.pop()
  const node = last === undefined ? undefined : directoryAt(root, parts)?.children.get(last)
  if (node === undefined) throw broken(`${what}, which is not there`)
  if (node.kind === 'directory') throw broken(`${what}, which is a directory`)
  return node
}

function treeOf(root: DirectoryNode, limits: FlattenLimits): Tree {
  const tree = new Tree()
  let pathLength = 0
  let bytes = 0
  const todo: [string, DirectoryNode][] = [['', root]]
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    const [prefix, { children }] = next
    for (const [name, node] of children) {
      const path = `${prefix}${name}`
      pathLength += path.length
      if (path.length > maxPathLength || pathLength > limits.pathLength)
        throw broken('its paths are too long, or too many')
      if (node.kind === 'file') {
        bytes += node.content.size
        if (bytes > limits.bytes) throw broken(`its files have more than ${limits.bytes} bytes`)
        tree.set(path, { kind: 'file', mode: node.mode, content: node.content })
      } else if (node.kind === 'link') tree.set(path, { kind: 'link', target: node.target })
      else {
        tree.set(path, { kind: 'directory', mode: node.mode })
        todo.push([`${path}/`, node])
      }
    }
  }
  return tree
}
