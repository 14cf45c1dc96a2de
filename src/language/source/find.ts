import fs from 'node:fs'
import path from 'node:path'

/** What makes a program of the sources in a folder. */
export type BuildTool = 'cargo' | 'go' | 'make' | 'cc' | 'swift'

const makefiles = ['GNUmakefile', 'makefile', 'Makefile']
export const cEndings = ['.c', '.cc', '.cpp', '.cxx']
const madeEndings = [...cEndings, '.s', '.S', '.zig', '.rs', '.d', '.swift']

/** The tool for a folder's sources, undefined where there are none. A Makefile beside a Cargo.toml is there to call cargo; so with others. */
export function buildToolOf(folder: string): BuildTool | undefined {
  if (textIn(folder, 'Cargo.toml') !== undefined) return 'cargo'
  if (textIn(folder, 'go.mod') !== undefined) return 'go'
  if (textIn(folder, 'Package.swift') !== undefined) return 'swift'
  const hasMakefile = makefiles.some((name) => textIn(folder, name) !== undefined)
  if (hasMakefile && sourcesIn(folder, madeEndings).length > 0) return 'make'
  if (filesWith(folder, ['.swift']).length > 0) return 'swift'
  return filesWith(folder, cEndings).length > 0 ? 'cc' : undefined
}

/** Files with one of these endings at the top of a folder and in its `src`. */
export function sourcesIn(folder: string, endings: readonly string[]): string[] {
  return ['', 'src'].flatMap((below) => {
    const at = path.join(folder, below)
    if (!fs.statSync(at, { throwIfNoEntry: false })?.isDirectory()) return []
    return filesWith(at, endings).map((name) => path.join(below, name))
  })
}

/** Where Swift packages have their sources, and how many files of them are looked at. */
const swiftFolders = ['Sources', 'Source', 'src', 'srcs']
const mostSwiftFiles = 200

/** Swift files at the top of a folder, and at any depth where packages have theirs. */
export function swiftSourcesIn(folder: string): string[] {
  const found = filesWith(folder, ['.swift']).filter((name) => name !== 'Package.swift')
  const walk = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(folder, below), { withFileTypes: true })) {
      const name = path.join(below, entry.name)
      if (found.length >= mostSwiftFiles) return
      if (entry.isDirectory()) walk(name)
      else if (entry.isFile() && name.endsWith('.swift')) found.push(name)
    }
  }
  for (const name of swiftFolders) {
    if (fs.statSync(path.join(folder, name), { throwIfNoEntry: false })?.isDirectory()) walk(name)
  }
  return found
}

/** Files at the top of a folder with one of these endings, in their order. */
export function filesWith(folder: string, endings: readonly string[]): string[] {
  const entries = fs.readdirSync(folder, { withFileTypes: true })
  return entries
    .filter((entry) => entry.isFile() && endings.includes(path.extname(entry.name)))
    .map((entry) => entry.name)
    .sort()
}

/** The text of a file in a folder; undefined where there is none. */
export function textIn(folder: string, name: string): string | undefined {
  const file = path.join(folder, name)
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat?.isFile() && stat.size < largestText ? fs.readFileSync(file, 'utf8') : undefined
}

const largestText = 4 << 20
