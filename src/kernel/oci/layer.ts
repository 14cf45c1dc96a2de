import fs from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { UfrError } from '../../base/errors.ts'
import { readTar, type TarArchive } from '../../image/formats/tar/reader.ts'
import { fileSource, withSource } from '../../image/source.ts'

const defaultMaxBytes = 2 ** 30

/**
 * Lets `use` read the files of a layer: an archive of tar, plain or packed with gzip. What a layer is packed with shows
 * in its bytes; its media type may say something else.
 * @param scratch a file that may be written and is gone afterwards.
 * @throws UfrError UFR-FORMAT for anything else, or where it unpacks to more than `maxBytes` (1 GiB).
 */
export async function withLayer<T>(
  file: string,
  scratch: string,
  use: (archive: TarArchive) => T,
  maxBytes = defaultMaxBytes,
): Promise<T> {
  const packed = packing(file)
  if (packed === 'zstd') {
    throw new UfrError('UFR-FORMAT', `${file} is packed with zstd, which ufr does not read in layers`)
  }
  if (packed === undefined) return withSource(file, (source) => use(readTar(source)))
  try {
    await unpack(file, scratch, maxBytes)
    const source = fileSource(scratch)
    try {
      return use(readTar(source))
    } finally {
      source[Symbol.dispose]()
    }
  } finally {
    fs.rmSync(scratch, { force: true })
  }
}

function packing(file: string): 'gzip' | 'zstd' | undefined {
  const start = withSource(file, (source) => Buffer.from(source.read(0, Math.min(4, source.size))))
  if (start[0] === 0x1f && start[1] === 0x8b) return 'gzip'
  return start.equals(Buffer.from([0x28, 0xb5, 0x2f, 0xfd])) ? 'zstd' : undefined
}

async function unpack(file: string, to: string, maxBytes: number): Promise<void> {
  let bytes = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= maxBytes) next(null, chunk)
      else next(new UfrError('UFR-FORMAT', `${file} unpacks to more than ${maxBytes} bytes`))
    },
  })
  try {
    await pipeline(fs.createReadStream(file), createGunzip(), limit, fs.createWriteStream(to))
  } catch (cause) {
    const damaged = cause instanceof Error && 'code' in cause && String(cause.code).startsWith('Z_')
    if (!damaged) throw cause
    throw new UfrError('UFR-FORMAT', `${file} cannot be unpacked: ${cause.message}`, { cause })
  }
}
