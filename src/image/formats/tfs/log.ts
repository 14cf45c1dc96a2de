import type { ByteSource } from '../../source.ts'
import { type Cursor, cursor, newDecoder, popByte, popBytes, popValue, popVarint } from './decode.ts'
import {
  corrupt,
  firstLogBytes,
  frame,
  magic,
  maxLabelBytes,
  oldVersion,
  sectorBytes,
  type Tuple,
  uuidBytes,
  version,
} from './format.ts'

/** Far beyond what upstream writes (512 KiB a part; it takes no tuple of more than 32 MiB). */
const maxPartBytes = 64 * 2 ** 20
const maxLogBytes = 256 * 2 ** 20

export interface Log {
  label: string
  uuid: Uint8Array
  root: Tuple
}

interface Part {
  cursor: Cursor
  old: boolean
}

function openPart(source: ByteSource, offset: number, length: number): Part {
  const from = cursor(source.read(offset, length))
  if (!popBytes(from, magic.length).equals(magic)) throw corrupt(`no signature at byte ${offset}`)
  const found = popVarint(from)
  if (found !== version && found !== oldVersion) throw corrupt(`version ${found} is not known`)
  popVarint(from) // its own length: the link to it said so too, and that is what the kernel goes by
  return { cursor: from, old: found === oldVersion }
}

function popLabel(from: Cursor): string {
  const end = from.bytes.indexOf(0, from.at)
  if (end < 0 || end - from.at >= maxLabelBytes) throw corrupt('the label does not end')
  return popBytes(from, end - from.at + 1)
    .subarray(0, -1)
    .toString()
}

/** Whether a TFS file system starts here: what the kernel looks for on a disk without a partition table. */
export function isTfs(source: ByteSource): boolean {
  return source.size >= firstLogBytes && magic.equals(source.read(0, magic.length))
}

/**
 * Replays a file system's log (log_read_complete in src/fs/tlog.c): frames carry encoded values, whole or in
 * instalments; a link leads to the next part; the first tuple is the root, which later records change.
 * @throws UfrError UFR-FORMAT
 */
export function readLog(source: ByteSource): Log {
  if (source.size < firstLogBytes) throw corrupt('shorter than a sector')
  let part = openPart(source, 0, firstLogBytes)
  const uuid = Uint8Array.from(popBytes(part.cursor, uuidBytes))
  const label = popLabel(part.cursor)

  const decoder = newDecoder()
  const seen = new Set([0])
  let logBytes = firstLogBytes
  let staging = Buffer.alloc(0)
  let staged = 0
  let missing = 0

  function stage(bytes: Buffer): void {
    if (staged + bytes.length > staging.length) {
      const larger = Buffer.allocUnsafe(Math.max(2 * staging.length, staged + bytes.length))
      staging.copy(larger, 0, 0, staged)
      staging = larger
    }
    bytes.copy(staging, staged)
    staged += bytes.length
    missing -= bytes.length
  }

  function decode(bytes: Buffer): void {
    const from = cursor(bytes)
    popValue(from, decoder, part.old)
    if (from.at !== bytes.length) throw corrupt('a record is longer than what is in it')
  }

  for (;;) {
    const kind = popByte(part.cursor)
    if (kind === frame.endOfLog) break
    switch (kind) {
      case frame.endOfSegment:
        break
      case frame.tupleAvailable: {
        if (missing > 0) throw corrupt('a record begins before the one before it is whole')
        const total = popVarint(part.cursor)
        const here = popBytes(part.cursor, popVarint(part.cursor))
        if (here.length > total) throw corrupt('a record is shorter than its first part')
        if (here.length === total) {
          decode(here)
        } else {
          staged = 0
          missing = total
          stage(here)
        }
        break
      }
      case frame.tupleExtended: {
        const here = popBytes(part.cursor, popVarint(part.cursor))
        if (missing === 0 || here.length > missing) throw corrupt('a record goes on behind its end')
        stage(here)
        if (missing === 0) decode(staging.subarray(0, staged))
        break
      }
      case frame.extensionLink: {
        const start = popVarint(part.cursor) * sectorBytes
        const length = popVarint(part.cursor) * sectorBytes
        if (seen.has(start)) throw corrupt('the log leads back into itself')
        seen.add(start)
        logBytes += length
        if (length === 0 || length > maxPartBytes || logBytes > Math.min(maxLogBytes, source.size))
          throw corrupt(`the log is ${logBytes} bytes long`)
        part = openPart(source, start, length)
        break
      }
      default:
        throw corrupt(`unknown frame ${kind} in the log`)
    }
  }

  // A record that is not whole is what a guest leaves that was stopped while it wrote: the kernel drops it too.
  const root = decoder.dictionary[0]
  if (!(root instanceof Map)) throw corrupt('there is no root tuple')
  return { label, uuid, root }
}
