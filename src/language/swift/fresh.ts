import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../../base/atomic.ts'
import { digestOf } from '../../image/digest.ts'
import { textIn } from '../source/find.ts'

const mostFiles = 5000

/**
 * What a build depends on, in short: names, sizes and times of all files of its folder. Undefined where it may depend
 * on more: on other folders, the environment, or what packages are the latest.
 */
export function sourcesDigest(folder: string, ...more: string[]): string | undefined {
  const manifest = textIn(folder, 'Package.swift') ?? ''
  const pinned = textIn(folder, 'Package.resolved') !== undefined
  if (
    /\bpath\s*:\s*"(\.\.|\/|~)|environment|import Foundation|unsafeFlags|pkgConfig|\bplugin/i.test(manifest)
  )
    return undefined
  if (/\.package\s*\(/.test(manifest) && !pinned) return undefined
  const lines: string[] = []
  const walk = (below: string): boolean => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      // Hidden files are those of version control, editors, and earlier builds.
      if (entry.name.startsWith('.')) continue
      const name = path.join(below, entry.name)
      if (entry.isDirectory()) {
        if (!walk(name)) return false
        continue
      }
      if (lines.length >= mostFiles || !entry.isFile()) return false
      const { size, mtimeMs, ctimeMs } = fs.statSync(path.join(folder, name))
      lines.push(`${name}\0${size} ${mtimeMs} ${ctimeMs}`)
    }
    return true
  }
  return walk('') ? digestOf(...more, ...lines.sort()) : undefined
}

interface Stamp<T> {
  digest: string
  result: T
}

/** What a build made of the same sources before, where that is still there. */
export function freshResult<T extends { program: string }>(
  cache: string,
  digest: string | undefined,
): T | undefined {
  if (digest === undefined) return undefined
  try {
    const stamp = JSON.parse(fs.readFileSync(stampFile(cache), 'utf8')) as Stamp<T>
    return stamp.digest === digest && fs.existsSync(stamp.result.program) ? stamp.result : undefined
  } catch {
    return undefined
  }
}

/** Remembers what a build made. */
export function rememberResult<T>(cache: string, digest: string | undefined, result: T): void {
  if (digest === undefined) fs.rmSync(stampFile(cache), { force: true })
  else writeFileAtomic(stampFile(cache), JSON.stringify({ digest, result } satisfies Stamp<T>))
}

function stampFile(cache: string): string {
  return path.join(cache, 'swift.json')
}
