import { styleText } from 'node:util'
import { UfrError } from '../base/errors.ts'
import { noProgress, type Progress, streamProgress } from '../base/progress.ts'
import { printableLines } from './printable.ts'
import type { ErrorDocument } from './schema/error.ts'

/** What every command gets besides its own words and options. */
export interface Context {
  json: boolean
  progress: Progress
  /** Aborts on Ctrl-C and on SIGTERM. */
  signal: AbortSignal
}

export interface Call extends Context {
  words: unknown[]
  options: Record<string, unknown>
}

/** A command's work: gives the exit status, nothing for 0. */
export type Action = (call: Call) => Promise<number | undefined> | number | undefined

export const interrupted = 130

/** Runs a command's work with what it needs, and turns its errors into words and an exit status. */
export async function succeed(
  options: Record<string, unknown>,
  work: (context: Context) => Promise<number | undefined> | number | undefined,
): Promise<number> {
  const json = options['json'] === true
  const controller = new AbortController()
  const stop = () => {
    // A second Ctrl-C does not wait: the kernel ends the VMM together with this process.
    if (controller.signal.aborted) process.exit(interrupted)
    controller.abort(new Interrupted())
  }
  process.on('SIGINT', stop).on('SIGTERM', stop)
  const progress = json && !process.stderr.isTTY ? noProgress() : streamProgress()
  try {
    return (await work({ json, progress, signal: controller.signal })) ?? 0
  } catch (error) {
    progress.done()
    return fail(error, json)
  } finally {
    progress.done()
    process.off('SIGINT', stop).off('SIGTERM', stop)
  }
}

class Interrupted extends Error {
  override name = 'Interrupted'
}

/** Says what went wrong: words on standard error, with --json a document on standard output. @returns the exit status. */
export function fail(error: unknown, json: boolean): number {
  if (error instanceof Interrupted) return interrupted
  const known = error instanceof UfrError ? error : internal(error)
  if (json) printJson<ErrorDocument>({ error: known.toJSON() })
  else process.stderr.write(describe(known))
  if (process.env['UFR_DEBUG'])
    process.stderr.write(`${known.stack}\n${known.cause ? `cause: ${stack(known.cause)}\n` : ''}`)
  return known.exitStatus
}

function internal(error: unknown): UfrError {
  if (error instanceof Error && 'syscall' in error && error.syscall === 'uv_cwd') {
    const fix = 'Go to a folder that is there, such as: cd ~'
    return new UfrError('UFR-FOLDER', 'the folder that this was started in does not exist any more', {
      cause: error,
      fix,
    })
  }
  return new UfrError('UFR-INTERNAL', error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}

function stack(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

function describe(error: UfrError): string {
  const title = styleText(['red', 'bold'], `${error.code}:`, { stream: process.stderr })
  const detail = error.detail.map((line) => `  | ${printableLines(line)}\n`).join('')
  return `${title} ${printableLines(error.message)}\n${detail}  ${printableLines(error.fix)}\n`
}

/** Prints the one JSON document of a command; its type is the one of its schema. */
export function printJson<Document>(value: Document): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
