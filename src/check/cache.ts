import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { homePath } from '../base/paths.ts'
import { type CodeSummary, summarize } from './code/summary.ts'

/** Raise it when a file's summary changes without the file changing. */
const formatVersion = 'code-6'
const mostKept = 400

/**
 * What is in the code of a file, kept by the file's digest: a C library takes half a second, and is in every image.
 * @throws UfrError UFR-FORMAT as `summarize`.
 */
export function cachedSummary(bytes: Uint8Array): CodeSummary {
  const folder = homePath('cache', 'check')
  const file = path.join(folder, `${digestOf(bytes)}.json`)
  const known = readKept(file)
  if (known) return known
  const summary = summarize(bytes)
  try {
    writeFileAtomic(file, JSON.stringify(summary))
    forgetOldest(folder)
  } catch (error) {
    // What cannot be kept is found out again next time.
    if (!(error instanceof UfrError)) throw error
  }
  return summary
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(formatVersion).update(bytes).digest('hex').slice(0, 40)
}

function readKept(file: string): CodeSummary | undefined {
  try {
    const kept: CodeSummary = JSON.parse(fs.readFileSync(file, 'utf8'))
    return Array.isArray(kept.functions) ? kept : undefined
  } catch {
    return undefined
  }
}

/** Files of functions that nobody has any more would pile up. */
function forgetOldest(folder: string): void {
  const names = fs.readdirSync(folder)
  if (names.length <= mostKept) return
  const aged = names.map((name) => {
    const file = path.join(folder, name)
    return { file, at: fs.statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0 }
  })
  for (const { file } of aged.sort((a, b) => a.at - b.at).slice(0, names.length - mostKept / 2))
    fs.rmSync(file, { force: true })
}
