import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'

/** Hash functions by which publishers name files. md5 finds damage, not malice: it is always called weak. */
export type Algorithm = 'sha256' | 'md5'

export type Sums = Record<Algorithm, string>

const chunkBytes = 1 << 20
const digits: Record<Algorithm, number> = { sha256: 64, md5: 32 }

/** sha256 and md5 of a file, in hexadecimal, read once in chunks. */
export function fileSums(file: string): Sums {
  const hashes = { sha256: createHash('sha256'), md5: createHash('md5') }
  const fd = fs.openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (;;) {
      const n = fs.readSync(fd, buffer)
      if (n === 0) break
      const chunk = buffer.subarray(0, n)
      hashes.sha256.update(chunk)
      hashes.md5.update(chunk)
    }
  } finally {
    fs.closeSync(fd)
  }
  return { sha256: hashes.sha256.digest('hex'), md5: hashes.md5.digest('hex') }
}

/** sha256 of a file in hexadecimal. */
export function fileSha256(file: string): string {
  const hash = createHash('sha256')
  const fd = fs.openSync(file, 'r')
  try {
    const buffer = Buffer.allocUnsafe(chunkBytes)
    for (let n = fs.readSync(fd, buffer); n > 0; n = fs.readSync(fd, buffer))
      hash.update(buffer.subarray(0, n))
  } finally {
    fs.closeSync(fd)
  }
  return hash.digest('hex')
}

/**
 * The sum in a published checksum file: a bare sum, or `sum  name` lines as `md5sum` writes them.
 * @param name the file whose line is wanted where there are several.
 * @throws UfrError UFR-CHECKSUM where the text holds no such sum (a proxy's error page, for example).
 */
export function parseSum(text: string, algorithm: Algorithm, name: string, source: string): string {
  const pattern = new RegExp(`^([0-9a-fA-F]{${digits[algorithm]}})(?:[ \\t]+[*]?(.+))?$`)
  for (const line of text.slice(0, 65536).split('\n')) {
    const match = pattern.exec(line.trim())
    if (match?.[1] && (match[2] === undefined || match[2].split('/').at(-1) === name))
      return match[1].toLowerCase()
  }
  throw new UfrError('UFR-CHECKSUM', `${source} holds no ${algorithm} sum of ${name}`, {
    fix: 'Look at that address: a proxy or mirror may answer with a page of its own.',
  })
}

/** @throws UfrError UFR-CHECKSUM showing both sums where they differ. */
export function checkSum(what: string, algorithm: Algorithm, actual: string, expected: string): void {
  if (actual === expected.toLowerCase()) return
  throw new UfrError('UFR-CHECKSUM', `${what} has another ${algorithm} sum than it should`, {
    detail: [`expected ${expected.toLowerCase()}`, `actual   ${actual}`],
  })
}
