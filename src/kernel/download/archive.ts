import fs from 'node:fs'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { UfrError } from '../../base/errors.ts'
import { type Runner, runCommand } from '../../base/process.ts'

const defaultMaxBytes = 2 ** 30

/** Passes bytes on until there are too many of them: a few kilobytes of gzip can become a full disk. */
function limiter(file: string, maxBytes: number): Transform {
  let bytes = 0
  return new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= maxBytes) next(null, chunk)
      else next(new UfrError('UFR-FORMAT', `${file} unpacks to more than ${maxBytes} bytes`))
    },
  })
}

/**
 * Unpacks a .tar.gz with the system's tar into an empty folder. Owners and set-id bits are not taken over, and GNU tar
 * itself refuses `..` and makes symbolic links only at the end; take files out with `regularFile` all the same.
 * @param members only these, if any are given.
 * @throws UfrError UFR-FORMAT where the archive is damaged or unpacks to more than `maxBytes` (1 GiB), UFR-DATA where
 * the disk is full.
 */
export async function extractTarGz(
  file: string,
  folder: string,
  options: { members?: string[]; maxBytes?: number; run?: Runner } = {},
): Promise<void> {
  const gunzip = createGunzip()
  const input = limiter(file, options.maxBytes ?? defaultMaxBytes)
  const args = [
    '-x',
    '-f',
    '-',
    '-C',
    folder,
    '--no-same-owner',
    '--no-same-permissions',
    '--no-overwrite-dir',
  ]
  const unpacked = (options.run ?? runCommand)('tar', [...args, '--', ...(options.members ?? [])], {
    input,
    install: 'apt-get install tar',
  })
  // Both are awaited: a damaged gzip stream ends tar as well, and its error says more than tar's.
  const [fed, ended] = await Promise.allSettled([
    pipeline(fs.createReadStream(file), gunzip, input),
    unpacked,
  ])
  if (fed.status === 'rejected' && !isClosed(fed.reason)) throw damaged(file, fed.reason)
  if (ended.status === 'rejected') throw damaged(file, ended.reason)
}

/** tar stops reading at the archive's end, or when it fails, and the pipe closes early: no error by itself. */
function isClosed(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

function damaged(file: string, error: unknown): UfrError {
  if (error instanceof UfrError && (error.code === 'UFR-FORMAT' || error.code === 'UFR-DATA')) return error
  const detail = error instanceof UfrError ? error.detail : []
  return new UfrError('UFR-FORMAT', `${file} cannot be unpacked: ${(error as Error).message}`, {
    cause: error,
    detail,
  })
}

/**
 * The path of a regular file below a folder that foreign hands filled, or undefined where it is not there.
 * @throws UfrError UFR-FORMAT where it or a folder above it is a symbolic link or something else.
 */
export function regularFile(folder: string, relative: string): string | undefined {
  const parts = relative.split('/')
  let at = folder
  for (const [index, part] of parts.entries()) {
    if (part === '' || part === '.' || part === '..')
      throw new UfrError('UFR-FORMAT', `${relative} is no plain path`)
    at = path.join(at, part)
    const stat = fs.lstatSync(at, { throwIfNoEntry: false })
    if (!stat) return undefined
    const wanted = index === parts.length - 1 ? stat.isFile() : stat.isDirectory()
    if (!wanted) throw new UfrError('UFR-FORMAT', `${relative} is not a regular file (${at})`)
  }
  return at
}
