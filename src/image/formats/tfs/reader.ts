import { type Content, type Extent, extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { maxNameBytes, maxTargetBytes, Tree } from '../../tree.ts'
import { corrupt, maxDirectoryDepth, maxPathBytes, sectorBytes, type Tuple, type Value } from './format.ts'
import { readLog } from './log.ts'

/**
 * Files may together be larger than the image: holes take no room, hard links share it. Without a bound a few bytes
 * could stand for an endless tree.
 */
const maxExcessBytes = 16 * 2 ** 30
const maxPathCharacters = 2 ** 28
const maxManifestValues = 100_000
const maxManifestDepth = 64

/** Nanos keeps no modes: it reports all files and directories as readable, writable and executable for everybody. */
const mode = 0o755

export interface TfsImage {
  label: string
  uuid: Uint8Array
  tree: Tree
  /** The root tuple without the files: program, arguments, environment, mounts and so on. */
  root: Tuple
}

function count(value: Value | undefined, what: string): number {
  // mkfs writes integers, ops and older versions write them as decimal strings.
  const number = typeof value === 'string' && /^\d{1,16}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number * sectorBytes) || number < 0)
    throw corrupt(`${what} is not a number of bytes or sectors`)
  return number
}

/** Extents are in sectors, keyed by their place in the file; what lies between and behind them are zeros. */
function fileContent(source: ByteSource, file: Tuple, path: string): Content {
  const length = file.get('filelength')
  const size = length === undefined ? 0 : count(length, `the length of ${path}`)
  const listed = file.get('extents')
  const extents: Extent[] = []
  let end = 0
  if (listed instanceof Map) {
    const sorted = [...listed].map(([key, extent]) => {
      if (!(extent instanceof Map)) throw corrupt(`an extent of ${path} is not a tuple`)
      return { at: count(key, `an extent of ${path}`) * sectorBytes, extent }
    })
    sorted.sort((a, b) => a.at - b.at)
    for (const { at, extent } of sorted) {
      const length = count(extent.get('length'), `an extent of ${path}`) * sectorBytes
      const offset = count(extent.get('offset'), `an extent of ${path}`) * sectorBytes
      if (at < end) throw corrupt(`extents of ${path} overlap`)
      if (at >= size || length === 0) continue
      // The last sector need not be there as a whole.
      const used = Math.min(length, size - at)
      if (at > end) extents.push({ offset: -1, length: at - end })
      if (extent.has('uninited')) {
        extents.push({ offset: -1, length: used })
      } else {
        if (offset + used > source.size) throw corrupt(`an extent of ${path} lies behind the end`)
        extents.push({ offset, length: used })
      }
      end = at + length
    }
  }
  if (end < size) extents.push({ offset: -1, length: size - end })
  return extentContent(source, extents, size)
}

function checkName(name: string, directory: string): void {
  if (
    name === '' ||
    name === '.' ||
    name === '..' ||
    /[/\0]/.test(name) ||
    Buffer.byteLength(name) > maxNameBytes
  )
    throw corrupt(`${JSON.stringify(name.slice(0, 300))} in /${directory} cannot be the name of a file`)
}

function checkTarget(target: string, path: string): string {
  if (target === '' || target.includes('\0') || Buffer.byteLength(target) > maxTargetBytes)
    throw corrupt(`the target of the link ${path} is empty, too long, or has a NUL in it`)
  return target
}

/** Collects a tree from the root's `children`, each of which is a tuple with children, a link's target, or extents. */
function readTree(source: ByteSource, root: Tuple): Tree {
  const tree = new Tree()
  const contents = new Map<Tuple, Content>()
  const directories = new Set<Tuple>([root])
  const open: { tuple: Tuple; path: string; depth: number }[] = [{ tuple: root, path: '', depth: 0 }]
  let bytes = 0
  let characters = 0

  for (let directory = open.pop(); directory; directory = open.pop()) {
    const children = directory.tuple.get('children')
    if (!(children instanceof Map)) continue
    for (const [name, child] of children) {
      // Versions of upstream have had these among the children, leading back to the directories.
      if (name === '.' || name === '..') continue
      checkName(name, directory.path)
      const path = directory.path ? `${directory.path}/${name}` : name
      characters += path.length
      if (path.length > maxPathBytes || characters > maxPathCharacters) throw corrupt('paths are too long')
      if (!(child instanceof Map)) throw corrupt(`${path} is not a tuple`)

      const target = child.get('linktarget')
      if (child.get('children') instanceof Map) {
        if (directories.has(child)) throw corrupt(`the directory ${path} is in two places`)
        directories.add(child)
        if (directory.depth >= maxDirectoryDepth) throw corrupt('directories are nested too deep')
        tree.directory(path, mode)
        open.push({ tuple: child, path, depth: directory.depth + 1 })
      } else if (typeof target === 'string') {
        tree.link(path, checkTarget(target, path))
      } else if (!child.has('socket') && !child.has('special')) {
        const content = contents.get(child) ?? fileContent(source, child, path)
        contents.set(child, content)
        bytes += content.size
        if (bytes > source.size + maxExcessBytes) throw corrupt('files are larger than the image by far')
        tree.file(path, content, mode)
      }
    }
  }
  return tree
}

/** A copy in which nothing is shared and nothing leads back into itself, so that it can be printed. */
function unshared(value: Value, budget: { values: number }, depth = 0): Value {
  if (depth > maxManifestDepth || --budget.values < 0) throw corrupt('the manifest is too large or too deep')
  if (Array.isArray(value)) return value.map((element) => unshared(element, budget, depth + 1))
  if (!(value instanceof Map)) return value
  return new Map([...value].map(([name, inner]) => [name, unshared(inner, budget, depth + 1)]))
}

/**
 * Reads a TFS file system (Nanos), of format version 5 or 4; `source` begins at the file system, not at the disk.
 * Deletions and changes in the log are applied; hard links become files of their own that share their content;
 * sockets and device nodes are left out. All files have the mode 0755, because Nanos has no modes.
 * @throws UfrError UFR-FORMAT, here or from a file's content
 */
export function readTfs(source: ByteSource): TfsImage {
  const log = readLog(source)
  const manifest = new Map([...log.root].filter(([name]) => name !== 'children'))
  const root = unshared(manifest, { values: maxManifestValues }) as Tuple
  return { label: log.label, uuid: log.uuid, tree: readTree(source, log.root), root }
}
