import { UfrError } from '../base/errors.ts'
import { readCpio } from './formats/cpio/reader.ts'
import { readErofs } from './formats/erofs/reader.ts'
import { readMbr, sectorBytes } from './formats/mbr.ts'
import { rofsMagic } from './formats/rofs/format.ts'
import { readRofs } from './formats/rofs/reader.ts'
import { tupleToJson } from './formats/tfs/manifest.ts'
import { readTfs } from './formats/tfs/reader.ts'
import { type ByteSource, sliceSource } from './source.ts'
import { Tree } from './tree.ts'

/** A file system or archive found in a file. */
export interface ImagePart {
  format: 'tfs' | 'erofs' | 'rofs' | 'cpio'
  /** Number of the partition, from 1; undefined where the file is the file system itself. */
  partition?: number
  /** Byte offset in the file. */
  offset: number
  label?: string
  uuid?: string
  /** What a TFS says besides its files: program, arguments, environment and so on. */
  manifest?: Record<string, unknown>
  tree: Tree
}

interface Reader {
  format: ImagePart['format']
  at: number
  magic: Buffer
  read(source: ByteSource): Omit<ImagePart, 'format' | 'offset'>
}

const readers: Reader[] = [
  { format: 'tfs', at: 0, magic: Buffer.from('NVMTFS'), read: tfs },
  { format: 'erofs', at: 1024, magic: Buffer.from([0xe2, 0xe1, 0xf5, 0xe0]), read: erofs },
  { format: 'rofs', at: 0, magic: rofsMagic, read: (source) => ({ tree: readRofs(source).tree }) },
  { format: 'cpio', at: 0, magic: Buffer.from('07070'), read: (source) => ({ tree: readCpio(source).tree }) },
]

/**
 * Finds out what a file holds by its first bytes: a file system, an archive, or a disk with partitions. Partitions
 * whose content is of no known format are left out.
 * @throws UfrError UFR-FORMAT where it is none of these, or damaged.
 */
export function openImage(source: ByteSource): ImagePart[] {
  const whole = openPart(source)
  if (whole) return [{ ...whole, offset: 0 }]
  const parts: ImagePart[] = []
  for (const { index, start, sectors } of readMbr(source) ?? []) {
    const offset = start * sectorBytes
    const part = openPart(sliceSource(source, offset, sectors * sectorBytes))
    if (part) parts.push({ ...part, partition: index + 1, offset })
  }
  if (parts.length > 0) return parts
  throw new UfrError(
    'UFR-FORMAT',
    'this is no TFS, EROFS, ROFS or cpio, nor a disk with one of them in a partition',
  )
}

function openPart(source: ByteSource): Omit<ImagePart, 'offset'> | undefined {
  for (const { format, at, magic, read } of readers) {
    if (source.size < at + magic.length || !magic.equals(source.read(at, magic.length))) continue
    return { format, ...read(source) }
  }
  return undefined
}

function tfs(source: ByteSource) {
  const { label, uuid, tree, root } = readTfs(source)
  return { label, uuid: uuidText(uuid), manifest: tupleToJson(root), tree }
}

function erofs(source: ByteSource) {
  const { label, uuid, tree } = readErofs(source)
  return { label, uuid: uuidText(uuid), tree }
}

function uuidText(uuid: Uint8Array): string {
  return Buffer.from(uuid)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}

/** All files of an image in one tree; of several parts each in a folder of its own. */
export function wholeImageTree(parts: ImagePart[]): Tree {
  if (parts.length === 1) return parts[0]!.tree
  const named = new Tree()
  for (const part of parts) named.directory(partName(part)).merge(part.tree, partName(part))
  return named
}

/** How a part's files are told apart from those of other parts. */
function partName(part: ImagePart): string {
  return part.partition === undefined ? (part.label ?? part.format) : `partition${part.partition}`
}
