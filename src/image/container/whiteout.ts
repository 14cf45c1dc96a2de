import { broken, type DirectoryNode, directoryAt, type Node, type Root, shown } from './nodes.ts'

// OCI image-spec, layer.md, "Whiteouts"; the names are those of aufs.
const prefix = '.wh.'
const metaPrefix = '.wh..wh.'
const opaque = '.wh..wh..opq'

/** Whether a name in a layer is no file's but says what to hide. */
export function isWhiteout(name: string): boolean {
  return name.startsWith(prefix)
}

/**
 * Hides what lower layers have at a place: one entry, or for the opaque whiteout all of a directory. What the layer
 * itself has there stays, and what is above that.
 */
export function whiteOut(root: Root, parts: readonly string[], name: string, layer: number): void {
  const hidden = name.slice(prefix.length)
  if (name !== opaque) {
    // What aufs kept its own notes in, .wh..wh.plnk and such, is left out by all.
    if (name.startsWith(metaPrefix)) return
    if (hidden === '' || hidden === '.' || hidden === '..')
      throw broken(`${shown([...parts, name])} hides nothing that could be`)
  }
  const directory = directoryAt(root, parts)
  if (!directory) return
  if (name === opaque) hideBelow(root, directory, layer)
  else hide(root, directory, hidden, layer)
}

function hide(root: Root, parent: DirectoryNode, name: string, layer: number): void {
  const node = parent.children.get(name)
  if (node === undefined || keeps(root, node, layer)) return
  parent.children.delete(name)
}

function hideBelow(root: Root, directory: DirectoryNode, layer: number): void {
  // A map may be taken from while it is gone through.
  for (const name of directory.children.keys()) hide(root, directory, name, layer)
}

/** Whether there is anything of this layer; what is not is taken out of it. */
function keeps(root: Root, node: Node, layer: number): boolean {
  root.step()
  if (node.kind !== 'directory') return node.layer === layer
  hideBelow(root, node, layer)
  return node.layer === layer || node.children.size > 0
}
