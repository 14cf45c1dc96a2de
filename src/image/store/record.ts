import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'

/** What the store knows of an image: its volumes by role, and what they were made of. */
export interface ImageRecord {
  schemaVersion: 1
  /** sha256 over everything that decides what the image does. */
  digest: string
  function: string
  /** Folder of the function that it was built for first; images of 0.1.0 do not tell. */
  source?: string
  unikernel: string
  kernel: { version: string; digest: string }
  volumes: { role: string; key: string; title: string; bytes: number }[]
  /** When it was first built, ISO 8601; no part of the digest. */
  builtAt: string
}

const folder = 'images'

function recordFile(digest: string): string {
  return homePath(folder, `${digest}.json`)
}

/** Notes an image in the store, unless it is there: only for people to see, so nothing waits until the disk has it. */
export function noteImage(record: ImageRecord): void {
  if (isNoted(record.digest)) return
  writeFileAtomic(recordFile(record.digest), `${JSON.stringify(record, null, 2)}\n`, { sync: false })
}

/** A crash of the host can leave a record empty, which is then none. */
function isNoted(digest: string): boolean {
  return Boolean(fs.statSync(recordFile(digest), { throwIfNoEntry: false })?.size)
}

/** All images of the store, the newest first. */
export function listImages(): ImageRecord[] {
  const names = fs.existsSync(homePath(folder)) ? fs.readdirSync(homePath(folder)) : []
  const digests = names.filter((name) => /^[0-9a-f]{64}\.json$/.test(name)).map((name) => name.slice(0, 64))
  const records = digests.filter(isNoted).map(readRecord)
  return records.sort((a, b) => (a.builtAt < b.builtAt ? 1 : -1))
}

function readRecord(digest: string): ImageRecord {
  const file = recordFile(digest)
  try {
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    if (!isRecord(value) || value.digest !== digest) throw new Error('it is no record of this image')
    return value
  } catch (cause) {
    throw new UfrError('UFR-STORE-RECORD', `${file} is broken`, { cause, fix: `Remove it: rm '${file}'` })
  }
}

function isRecord(value: unknown): value is ImageRecord {
  const record = (value ?? {}) as Partial<ImageRecord>
  const texts = [record.digest, record.function, record.unikernel, record.kernel?.version, record.builtAt]
  const volumes = Array.isArray(record.volumes) ? record.volumes : [undefined]
  return (
    record.schemaVersion === 1 &&
    texts.every((text) => typeof text === 'string') &&
    volumes.every((volume) => /^[0-9a-f]{64}$/.test(volume?.key ?? '') && Number.isSafeInteger(volume?.bytes))
  )
}

/** Takes an image out of the store; its volumes stay until `sweepVolumes`. */
export function removeRecord(digest: string): void {
  fs.rmSync(recordFile(digest), { force: true })
}

/**
 * The image whose digest begins so.
 * @throws UfrError UFR-IMAGE-MISSING where none or several do.
 */
export function findImage(prefix: string): ImageRecord {
  const found = listImages().filter(({ digest }) => digest.startsWith(prefix))
  if (found.length === 1) return found[0]!
  const message = found.length
    ? `${prefix} fits ${found.length} images`
    : `no image in the store begins with ${prefix}`
  throw new UfrError('UFR-IMAGE-MISSING', message)
}
