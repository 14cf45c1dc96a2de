import { UfrError } from '../../base/errors.ts'
import { type ByteSource, windowSource } from '../source.ts'

// RFC 8878, 3.1: "Frames".

const magic = 0xfd2fb528
const skippableMagic = 0x184d2a50
const maxBlockBytes = 128 * 1024

/** Where a frame with data is in a source. */
export interface ZstdFrame {
  offset: number
  size: number
}

/**
 * The frames of what zstd has packed, those left out that hold no data: programs that pack in parallel, or so that
 * single files can be fetched, make many, and Node.js's own decompressor ends with the first.
 * @throws UfrError UFR-FORMAT for anything else, and where the last is truncated.
 */
export function* zstdFrames(whole: ByteSource): Generator<ZstdFrame> {
  const source = windowSource(whole)
  for (let at = 0; at < source.size; ) {
    const start = word(source, at)
    if ((start & 0xfffffff0) >>> 0 === skippableMagic) {
      at += 8 + word(source, at + 4)
      if (at > source.size) throw corrupt(at)
      continue
    }
    if (start !== magic) throw corrupt(at)
    const size = frameBytes(source, at)
    yield { offset: at, size }
    at += size
  }
}

function frameBytes(source: ByteSource, start: number): number {
  const descriptor = byte(source, start + 4)
  const single = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >> 6
  const contentSize = sizeFlag === 0 ? (single ? 1 : 0) : 2 ** sizeFlag
  const dictionary = [0, 1, 2, 4][descriptor & 3]!
  if ((descriptor & 8) !== 0) throw corrupt(start)
  let at = start + 5 + (single ? 0 : 1) + dictionary + contentSize
  for (let last = false; !last; ) {
    const header = byte(source, at) | (byte(source, at + 1) << 8) | (byte(source, at + 2) << 16)
    const type = (header >> 1) & 3
    const size = header >> 3
    last = (header & 1) !== 0
    if (type === 3 || size > maxBlockBytes) throw corrupt(at)
    at += 3 + (type === 1 ? 1 : size)
  }
  if ((descriptor & 4) !== 0) at += 4
  if (at > source.size) throw corrupt(start)
  return at - start
}

function byte(source: ByteSource, at: number): number {
  return source.read(at, 1)[0]!
}

function word(source: ByteSource, at: number): number {
  const bytes = source.read(at, 4)
  return (bytes[0]! | (bytes[1]! << 8) | (bytes[2]! << 16) | (bytes[3]! << 24)) >>> 0
}

function corrupt(at: number): UfrError {
  return new UfrError('UFR-FORMAT', `not packed by zstd as it should be: at byte ${at}`)
}
