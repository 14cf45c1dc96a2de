import fs from 'node:fs'
import { createFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'

/** One file a version, so that two processes never write the same one and no lock is needed. */
function knownFile(name: string, version: string): string {
  return homePath('known', name, `${version}.json`)
}

/** The sha256 that the first download of a version had here, or undefined. It outlives the kernel's removal. */
export function knownSum(name: string, version: string): string | undefined {
  try {
    const known: unknown = JSON.parse(fs.readFileSync(knownFile(name, version), 'utf8'))
    const sum = typeof known === 'object' && known !== null && 'sha256' in known ? known.sha256 : undefined
    if (typeof sum === 'string' && /^[0-9a-f]{64}$/.test(sum)) return sum
  } catch (error) {
    if (!fs.existsSync(knownFile(name, version))) return undefined
    throw unreadable(name, version, error)
  }
  throw unreadable(name, version)
}

/** A damaged record is no reason to trust anything: a person has to look. */
function unreadable(name: string, version: string, cause?: unknown): UfrError {
  return new UfrError('UFR-STORE-RECORD', `${knownFile(name, version)} is damaged`, {
    fix: 'Remove it, if you know why it is; the next download is then the first again.',
    cause,
  })
}

/** @throws UfrError UFR-CHECKSUM showing both sums where an earlier download of this version had another sha256. */
export function checkKnownSum(name: string, version: string, sha256: string): void {
  const known = knownSum(name, version)
  if (known === undefined || known === sha256) return
  throw new UfrError(
    'UFR-CHECKSUM',
    `${name} ${version} is not what it was when it was first downloaded here`,
    {
      detail: [`first download ${known}`, `this download  ${sha256}`],
      fix: `Nothing was kept. If upstream is known to have replaced that release, remove ${knownFile(name, version)} and pull again.`,
    },
  )
}

/** Records the sum of a first download. @returns whether it was the first. */
export function recordKnownSum(
  name: string,
  version: string,
  got: { sha256: string; from: string },
): boolean {
  const record = { sha256: got.sha256, from: got.from, at: new Date().toISOString() }
  return createFileAtomic(knownFile(name, version), `${JSON.stringify(record, null, 2)}\n`)
}
