import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, afterEach, beforeEach } from 'node:test'
import type { Progress } from '../../src/base/progress.ts'

/** Gives each test of a file an empty UFR_HOME of its own. @returns functions for paths in it and beside it. */
export function useHome(): { folder: () => string; beside: (name: string) => string } {
  const before = process.env['UFR_HOME']
  let folder = ''
  beforeEach(() => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
    process.env['UFR_HOME'] = path.join(folder, 'home')
  })
  afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))
  after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
  })
  return { folder: () => folder, beside: (name) => path.join(folder, name) }
}

/** A progress that keeps its notes and steps. */
export function recordingProgress(): Progress & { notes: string[]; steps: string[] } {
  const [notes, steps]: [string[], string[]] = [[], []]
  return {
    notes,
    steps,
    step: (text) => void steps.push(text),
    note: (text) => void notes.push(text),
    amount() {},
    done() {},
  }
}

/** Names of everything below a folder that is no folder itself, sorted. */
export function filesBelow(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => !entry.isDirectory())
  return files.map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name))).sort()
}
