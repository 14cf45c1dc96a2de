import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { bootId } from '../../base/host-cache.ts'
import { homePath } from '../../base/paths.ts'
import { digestOf } from '../digest.ts'
import { type ByteSource, fileSource, outOfRange } from '../source.ts'

/** Bytes of a file of the host: a blob of an image, wherever it lies. */
export interface Place {
  file: string
  offset: number
  size: number
}

const chunkBytes = 1 << 20
/** A file that changed so shortly ago could change again without its time telling. */
const settledMs = 2000
/** A source that is not read from for so long is closed. */
const idleMs = 1000

/** All bytes of a small place. @throws UfrError UFR-FORMAT where there are more than `maxBytes`. */
export function placeBytes({ file, offset, size }: Place, maxBytes: number, shown: string): Buffer {
  if (size > maxBytes) throw new UfrError('UFR-FORMAT', `${shown} has ${size} bytes, more than ${maxBytes}`)
  const source = fileSource(file)
  try {
    return Buffer.from(source.read(offset, size))
  } finally {
    source[Symbol.dispose]()
  }
}

/** The bytes of a place in order. */
export async function* placeChunks({ file, offset, size }: Place): AsyncGenerator<Buffer> {
  if (size === 0) return
  const chunks = fs.createReadStream(file, {
    start: offset,
    end: offset + size - 1,
    highWaterMark: chunkBytes,
  })
  for await (const chunk of chunks) yield chunk as Buffer
}

/** sha256 of a place: noted, so that the same file, unchanged, is read for it only once. */
export async function placeSha256(place: Place): Promise<string> {
  const identity = identityOf(place.file)
  const { offset, size } = place
  const note = homePath(
    'containers',
    'sums',
    digestOf(place.file, identity.text, String(offset), String(size)),
  )
  const known = readNote(note)
  if (known !== undefined) return known
  const hash = createHash('sha256')
  for await (const chunk of placeChunks(place)) hash.update(chunk)
  const sum = hash.digest('hex')
  if (Date.now() - identity.changedMs > settledMs && identityOf(place.file).text === identity.text)
    writeFileAtomic(note, sum, { sync: false })
  return sum
}

/** Notes the sum of a place that this process has just written. */
export function noteSha256(place: Place, sum: string): void {
  writeFileAtomic(noteFile(place, identityOf(place.file).text), sum, { sync: false })
}

/** Only until the host is booted again: after a crash a file can have its size and times, and zeros in it. */
function noteFile({ file, offset, size }: Place, identity: string): string {
  return homePath('containers', 'sums', digestOf(bootId(), file, identity, String(offset), String(size)))
}

function readNote(file: string): string | undefined {
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'latin1') : ''
  return /^[0-9a-f]{64}$/.test(text) ? text : undefined
}

function identityOf(file: string): { text: string; changedMs: number } {
  const { dev, ino, size, mtimeNs, ctimeNs } = fs.statSync(file, { bigint: true })
  return { text: [dev, ino, size, mtimeNs, ctimeNs].join(' '), changedMs: Number(ctimeNs / 1_000_000n) }
}

/**
 * A source over a place that opens its file when it is read from, and closes it when that has not happened for a
 * second: whoever holds contents that lie there need not say when it is done with them.
 * @throws UfrError UFR-FILE-CHANGED from `read` where the file is not what it was when the source was made.
 */
export function placeSource({ file, offset: start, size }: Place): ByteSource {
  const identity = identityOf(file).text
  let fd: number | undefined
  let lastRead = 0
  let timer: NodeJS.Timeout | undefined
  function close(): void {
    const left = lastRead + idleMs - Date.now()
    if (left > 0) timer = setTimeout(close, left)
    else if (fd !== undefined) {
      fs.closeSync(fd)
      fd = undefined
      timer = undefined
    }
    timer?.unref()
  }
  function open(): number {
    if (identityOf(file).text !== identity)
      throw new UfrError('UFR-FILE-CHANGED', `${file} changed while the image in it was read`)
    fd = fs.openSync(file, 'r')
    timer = setTimeout(close, idleMs).unref()
    return fd
  }
  return {
    size,
    read(offset, length) {
      const inside = Number.isSafeInteger(offset + length) && offset >= 0 && length >= 0
      if (!inside || offset + length > size) throw outOfRange(offset, length, size)
      const bytes = Buffer.allocUnsafe(length)
      for (let done = 0; done < length; ) {
        const n = fs.readSync(fd ?? open(), bytes, done, length - done, start + offset + done)
        if (n === 0) throw outOfRange(offset, length, size)
        done += n
      }
      lastRead = Date.now()
      return bytes
    },
  }
}
