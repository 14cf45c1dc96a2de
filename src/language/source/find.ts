import fs from 'node:fs'
import path from 'node:path'

/** What makes a program of the sources in a folder. */
export type BuildTool = 'cargo' | 'go' | 'make' | 'cc'

const makefiles = ['GNUmakefile', 'makefile', 'Makefile']
export const cEndings = ['.c', '.cc', '.cpp', '.cxx']
const madeEndings = [...cEndings, '.s', '.S', '.zig', '.rs', '.d']

/** The tool for a folder's sources, undefined where there are none. A Makefile beside a Cargo.toml is there to call cargo. */
export function buildToolOf(folder: string): BuildTool | undefined {
  if (textIn(folder, 'Cargo.toml') !== undefined) return 'cargo'
  if (textIn(folder, 'go.mod') !== undefined) return 'go'
  const hasMakefile = makefiles.some((name) => textIn(folder, name) !== undefined)
  if (hasMakefile && sourcesIn(folder, madeEndings).length > 0) return 'make'
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
