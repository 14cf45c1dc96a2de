import fs from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { writeFileAtomic } from '../../base/atomic.ts'

/** What is known of a half-downloaded file: without a validator it cannot be resumed (RFC 9110, 13.1.5). */
export interface Part {
  url: string
  /** What If-Range may hold for the file that the part is of. */
  validator: string
  /** Bytes of the whole file, where the server said. */
  total: number | undefined
}

/** Where the bytes of `file` go until they are all there. */
export function partFile(file: string): string {
  return `${file}.part`
}

function recordFile(file: string): string {
  return `${file}.part.json`
}

/** Removes a half-downloaded file and what is known of it. */
export function forgetPart(file: string): void {
  fs.rmSync(partFile(file), { force: true })
  fs.rmSync(recordFile(file), { force: true })
}

/** Notes what a download that begins is of; nothing where the server gives no means to tell two versions apart. */
export function rememberPart(file: string, url: string, headers: IncomingHttpHeaders): void {
  const validator = strongValidator(headers)
  if (validator === undefined) return
  const part: Part = { url, validator, total: contentLength(headers['content-length']) }
  writeFileAtomic(recordFile(file), JSON.stringify(part))
}

/**
 * A strong entity tag, or a date of change that is at least a minute older than the answer (RFC 9110, 8.8.2.2: within
 * the same second a file can change without its date telling).
 */
function strongValidator(headers: IncomingHttpHeaders): string | undefined {
  const { etag, date } = headers
  const modified = headers['last-modified']
  if (etag?.startsWith('"')) return etag
  if (modified === undefined || date === undefined) return undefined
  return Date.parse(date) - Date.parse(modified) >= 60_000 ? modified : undefined
}

/** What an earlier download of `url` to `file` left, if it can be resumed. */
export function readPart(file: string, url: string): Part | undefined {
  try {
    const part: unknown = JSON.parse(fs.readFileSync(recordFile(file), 'utf8'))
    if (typeof part !== 'object' || part === null || !fs.existsSync(partFile(file))) return undefined
    const { url: from, validator, total } = part as Record<string, unknown>
    if (from !== url || typeof validator !== 'string' || /[\r\n]/.test(validator)) return undefined
    return { url, validator, total: typeof total === 'number' ? total : undefined }
  } catch {
    // No record, or half of one: start over.
    return undefined
  }
}

/** The number in a Content-Length header, if it is one. */
export function contentLength(header: string | undefined): number | undefined {
  return header !== undefined && /^\d{1,15}$/.test(header) ? Number(header) : undefined
}
