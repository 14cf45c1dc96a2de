import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import zlib from 'node:zlib'
import { dataError, temporaryName } from '../../base/atomic.ts'
import { systemCode, UfrError } from '../../base/errors.ts'
import { zstdFrames } from '../formats/zstd-frames.ts'
import { type Place, placeBytes, placeChunks, placeSource } from './place.ts'

export type Packing = 'gzip' | 'zstd'

export interface UnpackLimits {
  /** Most bytes that may come out. */
  bytes: number
  /** So many bytes may come out whatever there is to unpack, */
  free: number
  /** and beyond that, so many for each byte of it: gzip packs zeros by 1030, zstd by far more, programs by 3. */
  ratio: number
}

export const unpackLimits: UnpackLimits = { bytes: 16 * 2 ** 30, free: 256 * 2 ** 20, ratio: 250 }

const magics: [string, Packing | string][] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['fd377a585a00', 'xz'],
  ['425a68', 'bzip2'],
  ['04224d18', 'lz4'],
]

/**
 * What a layer is packed with, as its first bytes say: media types say something else now and then, and the archives
 * of `docker save` say nothing.
 * @throws UfrError UFR-CONTAINER for what ufr cannot unpack.
 */
export function packingOf(place: Place, shown: string): Packing | undefined {
  const start = placeBytes({ ...place, size: Math.min(place.size, 6) }, 6, shown).toString('hex')
  // A skippable frame of zstd, which some tools put first (RFC 8878, 3.1.2).
  const found = /^5.2a4d18/.test(start) ? 'zstd' : magics.find(([magic]) => start.startsWith(magic))?.[1]
  if (found === undefined || found === 'gzip' || found === 'zstd') return found
  throw new UfrError('UFR-CONTAINER', `${shown} is packed with ${found}, which ufr does not read`, {
    fix: 'Save the image with layers that are packed with gzip or zstd, or not at all.',
  })
}

/**
 * Unpacks a place into a file, which is whole or not there.
 * @param check is given sha256 of what came out before the file has its name.
 * @throws UfrError UFR-FORMAT where it is damaged or unpacks to more than the limits; what `check` throws.
 */
export async function unpack(
  place: Place,
  packing: Packing,
  to: string,
  shown: string,
  check: (sha256: string) => void,
  limits: UnpackLimits = unpackLimits,
): Promise<void> {
  const hash = createHash('sha256')
  const most = Math.min(limits.bytes, limits.free + place.size * limits.ratio)
  let bytes = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      hash.update(chunk)
      bytes += chunk.length
      if (bytes <= most) next(null, chunk)
      else next(bomb(shown, place.size, most))
    },
  })
  const temporary = temporaryName(to)
  try {
    fs.mkdirSync(path.dirname(to), { recursive: true })
    const output = fs.createWriteStream(temporary, { flags: 'wx', highWaterMark: 1 << 20 })
    if (packing === 'gzip') await pipeline(placeChunks(place), zlib.createGunzip(options), limit, output)
    else await pipeline(zstdChunks(place, shown), limit, output)
    check(hash.digest('hex'))
    fs.renameSync(temporary, to)
  } catch (cause) {
    throw damaged(cause) ? notWhole(shown, cause as Error) : dataError(cause, path.dirname(to))
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

const options = { chunkSize: 1 << 18 }
/** Frames that are as small as this, in and out, are unpacked at once: a stream for each file would take seconds. */
const smallFrame = { packed: 1 << 16, unpacked: 1 << 20 }

async function* zstdChunks(place: Place, shown: string): AsyncGenerator<Buffer> {
  // Node.js has it since 22.15.
  if (!('createZstdDecompress' in zlib)) {
    throw new UfrError('UFR-CONTAINER', `${shown} is packed with zstd, which this Node.js does not read`, {
      fix: 'Run ufr with Node.js 22.15 or later, or save the image with layers that are packed with gzip.',
    })
  }
  const source = placeSource(place)
  for (const { offset, size } of zstdFrames(source)) {
    const small = size <= smallFrame.packed ? unpackedAtOnce(source.read(offset, size)) : undefined
    if (small) yield small
    else {
      const frame = placeChunks({ ...place, offset: place.offset + offset, size })
      yield* Readable.from(frame).compose(zlib.createZstdDecompress(options)) as AsyncIterable<Buffer>
    }
  }
}

function unpackedAtOnce(frame: Uint8Array): Buffer | undefined {
  try {
    return zlib.zstdDecompressSync(frame, { maxOutputLength: smallFrame.unpacked })
  } catch (error) {
    if (systemCode(error) === 'ERR_BUFFER_TOO_LARGE') return undefined
    throw error
  }
}

function damaged(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return code.startsWith('Z_') || code.startsWith('ZSTD_')
}

function notWhole(shown: string, cause: Error): UfrError {
  return new UfrError('UFR-FORMAT', `${shown} cannot be unpacked: ${cause.message}`, {
    cause,
    fix: 'It is truncated or corrupt: save or download the image again.',
  })
}

function bomb(shown: string, packed: number, most: number): UfrError {
  const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`
  return new UfrError(
    'UFR-FORMAT',
    `${shown} unpacks to more than any real layer does: of ${mebibytes(packed)} come more than ${mebibytes(most)}`,
    { fix: 'Nothing was kept. Do not use this image before you know what is in it.' },
  )
}
