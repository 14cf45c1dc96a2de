import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** What was read in a kernel's files. */
export interface Made {
  has: Set<string>
  ignores?: Set<string>
  symbols?: Set<string>
  origin: string
}

const maxText = 16 << 20

/** The text of a file of a tree. @throws Error where it is not there or much too large. */
export function treeText(tree: string, file: string): string {
  const full = path.join(tree, file)
  if (fs.statSync(full).size > maxText) throw new Error(`${full} is too large`)
  return fs.readFileSync(full, 'utf8')
}

/** Paths of a tree's files below a folder, in order; links are not followed. */
export function sourceFiles(tree: string, folder: string, pattern: RegExp): string[] {
  const entries = fs.readdirSync(path.join(tree, folder), { withFileTypes: true, recursive: true })
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => path.relative(tree, path.join(entry.parentPath, entry.name)))
    .sort()
}

/** The first twelve digits of a tree's commit. */
export async function commitOf(tree: string): Promise<string> {
  if (!fs.existsSync(path.join(tree, '.git'))) return 'tree'
  const words = ['-C', tree, 'rev-parse', '--verify', '--short=12', 'HEAD']
  return execFileSync('git', words, { encoding: 'utf8', timeout: 10_000 }).trim()
}
