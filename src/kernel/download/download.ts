import fs from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { dataError } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { noProgress, type Progress } from '../../base/progress.ts'
import { checkSum, fileSums, type Sums } from './checksum.ts'
import { type Answer, get, HttpError } from './http.ts'
import { contentLength, forgetPart, type Part, partFile, readPart, rememberPart } from './part.ts'
import { mirrored, shownUrl } from './proxy.ts'

export interface DownloadOptions {
  progress?: Progress
  /** Further headers of the request, in small letters. */
  headers?: Record<string, string>
  /** Sums that the file must have. */
  expected?: Partial<Sums>
  /** Attempts in a row that bring nothing new before giving up. Default: 4, that is three retries. */
  attempts?: number
  /** Milliseconds before the first retry, doubled for each further one. Default: 500. */
  backoff?: number
  /** Milliseconds until an answer's header must be there. Default: 30,000. */
  connectTimeout?: number
  /** Longest silence in milliseconds while the body comes. Default: 30,000. */
  idleTimeout?: number
  /** A larger file is refused. Default: 1 GiB. */
  maxBytes?: number
}

export interface Downloaded extends Sums {
  /** The address it really came from: the mirror's where UFR_MIRROR is set; without user and password. */
  from: string
  bytes: number
  /** Bytes that an earlier, interrupted download had brought. */
  resumedAt: number
}

const maxTotalAttempts = 32

/** A failure in writing the file: no server's fault, so no reason to try again. */
class WriteFailure extends Error {}

/**
 * Downloads a file over HTTP(S): into `FILE.part`, resumed by Range and If-Range where an earlier try was cut off and
 * the server still has the same file, renamed to `FILE` when it is whole and has the sums expected. UFR_MIRROR and
 * the proxy variables are followed. Two calls for the same file at once are the caller's to prevent (`withLock`).
 * @throws UfrError UFR-DOWNLOAD with address, cause and next step; UFR-CHECKSUM for wrong sums (nothing is kept).
 */
export async function download(
  url: string,
  file: string,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  const source = mirrored(url)
  const name = path.basename(file)
  options.progress?.step(`Downloading ${name} from ${source.host}`)
  try {
    fs.mkdirSync(path.dirname(file), { recursive: true })
    for (;;) {
      const resumedAt = await fetchWhole(source, file, options)
      const sums = fileSums(partFile(file))
      try {
        if (options.expected?.sha256) checkSum(name, 'sha256', sums.sha256, options.expected.sha256)
        if (options.expected?.md5) checkSum(name, 'md5', sums.md5, options.expected.md5)
      } catch (error) {
        forgetPart(file)
        // A first half from an earlier day may be to blame: only a file had in one go is judged.
        if (resumedAt > 0) continue
        throw error
      }
      const bytes = fs.statSync(partFile(file)).size
      fs.renameSync(partFile(file), file)
      forgetPart(file)
      return { ...sums, from: shownUrl(source), bytes, resumedAt }
    }
  } catch (error) {
    throw dataError(error instanceof WriteFailure ? error.cause : error, path.dirname(file))
  } finally {
    options.progress?.done()
  }
}

/**
 * The text of a small file, such as a published checksum.
 * @throws UfrError UFR-DOWNLOAD as `download`, or where it is larger than 64 KiB.
 */
export async function downloadText(url: string, options: DownloadOptions = {}): Promise<string> {
  return (await downloadBytes(url, options)).bytes.toString()
}

/**
 * The bytes of a small file, and the header that came with them.
 * @throws UfrError UFR-DOWNLOAD as `download`, or where it is larger than `maxBytes` (64 KiB).
 */
export async function downloadBytes(
  url: string,
  options: DownloadOptions = {},
): Promise<{ bytes: Buffer; headers: IncomingHttpHeaders }> {
  const source = mirrored(url)
  return withRetries(source, options, async () => {
    const answer = await getOk(source, options, {})
    const chunks: Buffer[] = []
    await readBody(answer, { maxBytes: 65536, ...options }, 0, (chunk) => chunks.push(Buffer.from(chunk)))
    return { bytes: Buffer.concat(chunks), headers: answer.response.headers }
  })
}

/**
 * Where an address leads to by redirects, whatever is there.
 * @throws UfrError UFR-DOWNLOAD as `download`.
 */
export async function redirectedTo(url: string, options: DownloadOptions = {}): Promise<URL> {
  const source = mirrored(url)
  return withRetries(source, options, async () => {
    const answer = await get(source, { connectTimeout: options.connectTimeout ?? 30_000 })
    answer.response.destroy()
    const status = answer.response.statusCode ?? 0
    if (status >= 500 || (status >= 400 && answer.url === source)) throw statusError(answer)
    return new URL(shownUrl(answer.url))
  })
}

/** Brings `FILE.part` to its full length. @returns how many of its bytes were there before this call. */
async function fetchWhole(source: URL, file: string, options: DownloadOptions): Promise<number> {
  let resumedAt: number | undefined
  let furthest = 0
  await withRetries(source, options, (gained) =>
    fetchRest(source, file, options, {
      begun(position) {
        // What this call itself brought and took up again is no earlier download's.
        if (resumedAt === undefined || position === 0) resumedAt = position
      },
      reached(position) {
        if (position > furthest) gained()
        furthest = Math.max(furthest, position)
      },
    }),
  )
  return resumedAt ?? 0
}

interface Watch {
  begun(position: number): void
  reached(position: number): void
}

async function fetchRest(source: URL, file: string, options: DownloadOptions, watch: Watch): Promise<void> {
  const part = readPart(file, shownUrl(source))
  const have = part ? fs.statSync(partFile(file)).size : 0
  const headers: Record<string, string> =
    part && have > 0 ? { range: `bytes=${have}-`, 'if-range': part.validator } : {}
  const answer = await getOk(source, options, headers)
  if (answer.response.statusCode === 416) {
    // The file there is no longer than what is here: it changed, or only the renaming was missing.
    answer.response.destroy()
    forgetPart(file)
    return fetchRest(source, file, options, watch)
  }
  const start = answer.response.statusCode === 206 ? rangeStart(answer, have, part) : 0
  if (start === undefined) {
    answer.response.destroy()
    forgetPart(file)
    throw new HttpError('the server answered with another part than the one asked for', { retry: true })
  }
  if (start === 0) {
    forgetPart(file)
    rememberPart(file, shownUrl(source), answer.response.headers)
  }
  const fd = openPart(file, start)
  watch.begun(start)
  try {
    await readBody(answer, { maxBytes: 2 ** 30, ...options }, start, (chunk, position) => {
      writeAll(fd, chunk)
      watch.reached(position)
    })
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Where a partial answer (206) begins, if that is the part that was asked for of the very same file. */
function rangeStart(answer: Answer, have: number, part: Part | undefined): number | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(answer.response.headers['content-range'] ?? '')
  if (!match || have === 0 || Number(match[1]) !== have) return undefined
  const total = match[2] === '*' ? undefined : Number(match[2])
  if (total !== undefined && part?.total !== undefined && total !== part.total) return undefined
  return have
}

function openPart(file: string, start: number): number {
  try {
    return fs.openSync(partFile(file), start === 0 ? 'w' : 'a', 0o644)
  } catch (error) {
    throw new WriteFailure('open', { cause: error })
  }
}

function writeAll(fd: number, chunk: Uint8Array): void {
  try {
    for (let at = 0; at < chunk.length; ) at += fs.writeSync(fd, chunk, at)
  } catch (error) {
    throw new WriteFailure('write', { cause: error })
  }
}

/** Reads a body to its end, checks its length against what the header promised, and kills it when it falls silent. */
async function readBody(
  answer: Answer,
  options: DownloadOptions & { maxBytes: number },
  start: number,
  take: (chunk: Uint8Array, position: number) => void,
): Promise<void> {
  const { response } = answer
  const progress = options.progress ?? noProgress()
  const length = contentLength(response.headers['content-length'])
  const total = length === undefined ? undefined : start + length
  const tooLarge = () => new HttpError(`larger than ${options.maxBytes} bytes`, { retry: false })
  const idle = options.idleTimeout ?? 30_000
  const silence = () => response.destroy(new HttpError(`nothing came for ${idle / 1000} s`, { retry: true }))
  let timer = setTimeout(silence, idle)
  let done = start
  try {
    if (total !== undefined && total > options.maxBytes) throw tooLarge()
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      timer = setTimeout(silence, idle)
      done += chunk.length
      if (done > options.maxBytes) throw tooLarge()
      take(chunk, done)
      progress.amount(done, total)
    }
  } catch (error) {
    if (error instanceof HttpError || error instanceof WriteFailure) throw error
    const text = `the connection was cut after ${done} of ${total ?? 'unknown'} bytes`
    throw new HttpError(text, { retry: true, cause: error })
  } finally {
    clearTimeout(timer)
    response.destroy()
  }
  if (total !== undefined && done !== total) {
    throw new HttpError(`${done} of ${total} bytes came`, { retry: true })
  }
}

async function getOk(
  source: URL,
  options: DownloadOptions,
  headers: Record<string, string>,
): Promise<Answer> {
  const answer = await get(source, {
    headers: { ...options.headers, ...headers },
    connectTimeout: options.connectTimeout ?? 30_000,
  })
  const status = answer.response.statusCode ?? 0
  const asked = headers['range'] !== undefined
  if (status === 200 || (asked && (status === 206 || status === 416))) return answer
  answer.response.destroy()
  throw statusError(answer)
}

function statusError({ response }: Answer): HttpError {
  const status = response.statusCode ?? 0
  const retry = status >= 500 || status === 408 || status === 429
  const text = `the server answered ${status} ${response.statusMessage ?? ''}`.trim()
  return new HttpError(text, { retry, status, challenge: response.headers['www-authenticate'] })
}

async function withRetries<T>(
  source: URL,
  options: DownloadOptions,
  attempt: (gained: () => void) => Promise<T>,
): Promise<T> {
  const attempts = options.attempts ?? 4
  let fruitless = 0
  for (let count = 1; ; count++) {
    let gained = false
    try {
      return await attempt(() => {
        gained = true
      })
    } catch (error) {
      if (!(error instanceof HttpError)) throw error
      fruitless = gained ? 0 : fruitless + 1
      if (!error.retry || fruitless >= attempts || count >= maxTotalAttempts)
        throw downloadError(source, error)
      await sleep((options.backoff ?? 500) * 2 ** fruitless)
    }
  }
}

function downloadError(source: URL, error: HttpError): UfrError {
  return new UfrError('UFR-DOWNLOAD', `${shownUrl(source)} cannot be downloaded: ${error.message}`, {
    cause: error,
  })
}

/** The HTTP status that a UFR-DOWNLOAD error stands for, if a server answered at all. */
export function downloadStatus(error: unknown): number | undefined {
  return error instanceof UfrError && error.cause instanceof HttpError ? error.cause.status : undefined
}

/** What a server wants to see that answered 401, if it said so. */
export function downloadChallenge(error: unknown): string | undefined {
  return error instanceof UfrError && error.cause instanceof HttpError ? error.cause.challenge : undefined
}
