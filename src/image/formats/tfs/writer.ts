import { UfrError } from '../../../base/errors.ts'
import { bytesContent } from '../../content.ts'
import type { Layout, Piece } from '../../layout.ts'
import { type Entry, maxTargetBytes, type Tree } from '../../tree.ts'
import {
  type Encoder,
  encoded,
  encodeInteger,
  encodeString,
  encodeSymbol,
  encodeTuple,
  encodeValue,
  newEncoder,
  varint,
} from './encode.ts'
import {
  alignUp,
  frame,
  frameHeaderBytes,
  linkBytes,
  logExtensionBytes,
  magic,
  maxLabelBytes,
  maxPathBytes,
  sectorBytes,
  type Tuple,
  uuidBytes,
  version,
} from './format.ts'
import { type Manifest, manifestTuple } from './manifest.ts'

/** Files of a page or more begin on a page boundary, smaller ones on a sector: images stay small and reads whole. */
const pageBytes = 4096

/** The kernel refuses to write tuples beyond this (TFS_LOG_MAX_TUPLE_STAGING_BYTES), so it could never tidy the log. */
const maxRecordBytes = 32 * 2 ** 20

/**
 * The kernel walks through directories by recursion on a stack of 32 KiB: with 110 of them in each other it no longer
 * starts, with 100 it did (b9c3671d).
 */
const maxDirectoryDepth = 64

export interface TfsOptions {
  /** The volume's name in `mounts` of another image: at most 31 bytes. */
  label?: string
  /** 16 bytes. Give equal images equal ones: the same input is to give the same bytes. */
  uuid: Uint8Array
  /** Attributes of the root tuple: program, arguments, environment, mounts … */
  manifest?: Manifest | Tuple
  /** Bytes that the file system has at least. A guest that writes needs room for its data and 1 MiB for its log. */
  minimumSize?: number
}

function limit(message: string, fix?: string): UfrError {
  return new UfrError('UFR-IMAGE-LIMIT', message, fix === undefined ? {} : { fix })
}

function checkEntry(path: string, entry: Entry): void {
  if (!path.isWellFormed()) throw limit(`${JSON.stringify(path)} has half a character in its name`)
  if (path.length > maxPathBytes / 3 && Buffer.byteLength(path) > maxPathBytes)
    throw limit(`${path} is longer than the ${maxPathBytes} bytes that Nanos takes`)
  const depth = path.split('/').length - (entry.kind === 'directory' ? 0 : 1)
  if (depth > maxDirectoryDepth)
    throw limit(
      `${path} is ${depth} directories deep; beyond ${maxDirectoryDepth} the Nanos kernel does not start`,
    )
  if (entry.kind !== 'link') return
  const target = entry.target
  if (target === '' || target.includes('\0') || !target.isWellFormed())
    throw limit(`the symbolic link ${path} has the target ${JSON.stringify(target)}`)
  if (Buffer.byteLength(target) > maxTargetBytes)
    throw limit(`the target of the symbolic link ${path} is longer than ${maxTargetBytes} bytes`)
}

/** How many entries each directory has: a tuple says so before it lists them. */
function countChildren(entries: readonly [string, Entry][]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const [path] of entries) {
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')))
    counts.set(parent, (counts.get(parent) ?? 0) + 1)
  }
  return counts
}

interface Placed {
  /** Byte offset of each entry's data, as many as there are entries; 0 where there is none. */
  offsets: number[]
  pieces: Piece[]
  end: number
}

/** Lays out the files' data: large files first, then the small ones close together. */
function placeFiles(entries: readonly [string, Entry][]): Placed {
  const offsets = new Array<number>(entries.length).fill(0)
  const pieces: Piece[] = []
  let end = pageBytes
  function place(large: boolean): void {
    for (const [i, [, entry]] of entries.entries()) {
      if (entry.kind !== 'file' || entry.content.size === 0 || entry.content.size >= pageBytes !== large)
        continue
      const offset = alignUp(end, large ? pageBytes : sectorBytes)
      offsets[i] = offset
      pieces.push({ offset, content: entry.content })
      end = offset + entry.content.size
    }
  }
  place(true)
  place(false)
  return { offsets, pieces, end }
}

function encodeFile(to: Encoder, size: number, offset: number): void {
  encodeTuple(to, 2)
  encodeSymbol(to, 'extents')
  encodeTuple(to, size > 0 ? 1 : 0)
  if (size > 0) {
    const sectors = Math.ceil(size / sectorBytes)
    encodeSymbol(to, '0')
    encodeTuple(to, 3)
    encodeSymbol(to, 'offset')
    encodeInteger(to, offset / sectorBytes)
    encodeSymbol(to, 'length')
    encodeInteger(to, sectors)
    encodeSymbol(to, 'allocated')
    encodeInteger(to, sectors)
  }
  encodeSymbol(to, 'filelength')
  encodeInteger(to, size)
}

function encodeRoot(entries: readonly [string, Entry][], offsets: number[], manifest: Tuple): Buffer {
  const to = newEncoder()
  const counts = countChildren(entries)
  encodeTuple(to, 1 + manifest.size)
  encodeSymbol(to, 'children')
  encodeTuple(to, counts.get('') ?? 0)
  // Entries come in the order of a walk through the tree, and tuples have no end marks: writing them one after the
  // other nests them rightly.
  for (const [i, [path, entry]] of entries.entries()) {
    encodeSymbol(to, path.slice(path.lastIndexOf('/') + 1))
    if (entry.kind === 'directory') {
      encodeTuple(to, 1)
      encodeSymbol(to, 'children')
      encodeTuple(to, counts.get(path) ?? 0)
    } else if (entry.kind === 'link') {
      encodeTuple(to, 1)
      encodeSymbol(to, 'linktarget')
      encodeString(to, entry.target)
    } else {
      encodeFile(to, entry.content.size, offsets[i]!)
    }
  }
  for (const [name, value] of manifest) {
    encodeSymbol(to, name)
    encodeValue(to, value)
  }
  return encoded(to)
}

/** The part of the log at the start, which says what the file system is and where its log goes on. */
function firstPart(uuid: Uint8Array, label: string, next: number): Buffer {
  return Buffer.concat([
    magic,
    Buffer.from([...varint(version), ...varint(1)]),
    uuid,
    Buffer.from(`${label}\0`),
    Buffer.from([...link(next), frame.endOfLog]),
  ])
}

function link(next: number): number[] {
  return [frame.extensionLink, ...varint(next / sectorBytes), ...varint(logExtensionBytes / sectorBytes)]
}

/** Puts one record into as many parts of the log as it needs, one behind the other from `start` on. */
function logParts(record: Buffer, start: number): Piece[] {
  const pieces: Piece[] = []
  const header = Buffer.from([...magic, ...varint(version), ...varint(logExtensionBytes / sectorBytes)])
  const room = logExtensionBytes - header.length - frameHeaderBytes - linkBytes
  for (let at = 0; at < record.length; at += room) {
    const here = record.subarray(at, at + room)
    const offset = start + pieces.length * logExtensionBytes
    const begin = at === 0 ? [frame.tupleAvailable, ...varint(record.length)] : [frame.tupleExtended]
    const end = at + room < record.length ? link(offset + logExtensionBytes) : []
    const bytes = Buffer.concat([
      header,
      Buffer.from([...begin, ...varint(here.length)]),
      here,
      Buffer.from([...end, frame.endOfLog]),
    ])
    pieces.push({ offset, content: bytesContent(bytes) })
  }
  return pieces
}

/**
 * Plans a TFS file system (Nanos, format version 5): the same tree and options give the same bytes. Data comes first
 * and the log behind it, so that where a file lies does not depend on the manifest. Modes are not kept, because
 * Nanos has none; times are left out, and files read as of 1970.
 * @throws UfrError UFR-IMAGE-LIMIT for names, targets, depths and sizes that the format or the kernel cannot take
 */
export function planTfs(tree: Tree, options: TfsOptions): Layout {
  const { label = '', uuid, minimumSize = 0 } = options
  if (uuid.length !== uuidBytes) throw limit(`a TFS volume's UUID has ${uuidBytes} bytes, not ${uuid.length}`)
  if (Buffer.byteLength(label) >= maxLabelBytes || label.includes('\0') || !label.isWellFormed())
    throw limit(`${JSON.stringify(label)} cannot be a volume's label`, 'Use at most 31 bytes without a NUL.')
  if (!Number.isSafeInteger(minimumSize) || minimumSize < 0)
    throw limit(`${minimumSize} is not a size in bytes`)
  const manifest = manifestTuple(options.manifest ?? {})
  if (manifest.has('children')) throw limit('the manifest has children, which the tree makes')

  const entries = tree.sorted()
  for (const [path, entry] of entries) checkEntry(path, entry)
  const files = placeFiles(entries)
  const record = encodeRoot(entries, files.offsets, manifest)
  if (record.length > maxRecordBytes)
    throw limit(`names and places of ${entries.length} files take more than ${maxRecordBytes} bytes`)

  const start = alignUp(files.end, pageBytes)
  const log = logParts(record, start)
  const end = start + log.length * logExtensionBytes
  const first = { offset: 0, content: bytesContent(firstPart(uuid, label, start)) }
  return {
    size: alignUp(Math.max(end, minimumSize), pageBytes),
    pieces: [first, ...files.pieces, ...log],
  }
}
