import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { compileGlob, type GlobMatcher } from '../../base/glob.ts'
import { readText } from '../../base/text.ts'

/** Whether a path, relative to the function's folder, stays out. For a folder it means all that is in it, too. */
export type Ignore = (path: string, isFolder: boolean) => boolean

export const ignoreFile = '.ufrignore'

/** What stays out of every image unless .ufrignore takes it back (`!.git`): documented in docs/ufr-json.md. */
export const defaultIgnores = [
  '/ufr.json',
  `/${ignoreFile}`,
  '.git',
  '**/node_modules/.cache',
  '.DS_Store',
  '*.swp',
]

const maxLines = 10_000

interface IgnoreRule {
  negated: boolean
  foldersOnly: boolean
  /** Without a slash a pattern is about names, wherever they are. */
  nameOnly: boolean
  matches: GlobMatcher
}

/** One line as gitignore(5) has it; undefined for comments and empty lines. */
function parseLine(line: string): IgnoreRule | undefined {
  let pattern = trimSpaces(line)
  if (pattern === '' || pattern.startsWith('#')) return undefined
  const negated = pattern.startsWith('!')
  if (negated) pattern = pattern.slice(1)
  const foldersOnly = pattern.endsWith('/')
  if (foldersOnly) pattern = pattern.slice(0, -1)
  const nameOnly = !pattern.includes('/')
  if (pattern.startsWith('/')) pattern = pattern.slice(1)
  return pattern === '' ? undefined : { negated, foldersOnly, nameOnly, matches: compileGlob(pattern) }
}

/** Without spaces at the end, but for those that a backslash keeps. */
function trimSpaces(line: string): string {
  let end = line.length
  while (end > 0 && line[end - 1] === ' ') end--
  let backslashes = 0
  while (line[end - 1 - backslashes] === '\\') backslashes++
  return line.slice(0, end < line.length && backslashes % 2 === 1 ? end + 1 : end)
}

/** What these lines in the manner of .gitignore say: the last one that matches counts. */
export function parseIgnore(lines: readonly string[]): Ignore {
  const rules = lines.map(parseLine).filter((rule) => rule !== undefined)
  rules.reverse()
  return (file, isFolder) => {
    const name = file.slice(file.lastIndexOf('/') + 1)
    for (const rule of rules) {
      if (rule.foldersOnly && !isFolder) continue
      if (rule.matches(rule.nameOnly ? name : file)) return !rule.negated
    }
    return false
  }
}

/**
 * The defaults and the lines of the folder's .ufrignore.
 * @throws UfrError UFR-TREE where that file cannot be read.
 */
export function readIgnore(folder: string): Ignore {
  const file = path.join(folder, ignoreFile)
  const lines = readText(file, 'UFR-TREE')?.split(/\r?\n/) ?? []
  if (lines.length > maxLines) {
    throw new UfrError('UFR-TREE', `${file} has more than ${maxLines} lines`)
  }
  return parseIgnore([...defaultIgnores, ...lines])
}
