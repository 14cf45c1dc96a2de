import { UfrError } from '../../base/errors.ts'
import { compileGlob, expandBraces, hasMagic } from '../../base/glob.ts'

/** A file or folder of the host that goes into the function under a name of its own. */
export interface FileRule {
  /** Path or glob relative to the function's folder (docs/ufr-json.md, Files). */
  from: string
  /** Path relative to the function's folder in the guest; default: as `from` matched it. */
  to?: string
}

/** What a rule of `files` does to paths. */
export interface Placement {
  /** Whether the rule is a path rather than a pattern. */
  exact: boolean
  /**
   * Whether the rule takes what is at a path: for itself or because of a folder above it. Has to be asked for parents
   * before what is in them.
   */
  matches(path: string): boolean
  /** Whether the rule has a place for a path, whether or not it takes it. */
  covers(path: string): boolean
  /** Where a path that it covers goes; '' for the root. */
  place(path: string): string
}

function normal(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  return parts.join('/')
}

function below(prefix: string, path: string): boolean {
  return prefix === '' || path === prefix || path.startsWith(`${prefix}/`)
}

function join(folder: string, path: string): string {
  return folder === '' || path === '' ? folder + path : `${folder}/${path}`
}

/** The components before the first one with a wildcard. */
function fixedPart(pattern: string): string {
  const parts = pattern.split('/')
  const magic = parts.findIndex(hasMagic)
  return parts.slice(0, magic < 0 ? parts.length : magic).join('/')
}

/**
 * A pattern takes what it matches and, of folders, all that is in them. What it matches goes below `to` by its path
 * from where the wildcards begin; a plain path becomes `to`, or goes into it where that ends in a slash.
 * @param scan what there is, so that a file named like a pattern (`[id].js`) can be meant by its name.
 * @throws UfrError UFR-TREE for a pattern that leads out of the folder or stands for too many others.
 */
export function compileRule(rule: FileRule, index: number, scan: ReadonlyMap<string, unknown>): Placement {
  const from = normal(rule.from)
  requireInside(rule.from, index)
  const exact = from === '' || scan.has(from) || !hasMagic(from)
  const matches = exact ? (path: string) => below(from, path) : taking(matcher(from, index))
  if (rule.to === undefined) return { exact, matches, covers: () => true, place: (path) => path }
  requireInside(rule.to, index)
  const to = normal(rule.to)
  const prefix = exact ? from : fixedPart(from)
  const intoFolder = exact && /(^|\/)$/.test(rule.to) && from !== ''
  const asFile = exact && to === '' && (scan.get(from) as { kind?: string } | undefined)?.kind !== 'directory'
  const base = intoFolder || (asFile && from !== '') ? join(to, from.slice(from.lastIndexOf('/') + 1)) : to
  return {
    exact,
    matches,
    covers: (path) => below(prefix, path),
    place: (path) => join(base, prefix === '' ? path : path.slice(prefix.length + 1)),
  }
}

function requireInside(path: string, index: number): void {
  if (!path.startsWith('/') && !path.split('/').includes('..')) return
  throw new UfrError(
    'UFR-TREE',
    `files[${index}] in ufr.json: ${JSON.stringify(path)} leads out of the folder`,
    {
      fix: 'Write paths relative to the folder. What lies elsewhere comes in through a symbolic link in the folder.',
    },
  )
}

function matcher(from: string, index: number): (path: string) => boolean {
  const patterns = expandBraces(from)
  if (!patterns) {
    throw new UfrError('UFR-TREE', `files[${index}] in ufr.json: the braces stand for too many patterns`)
  }
  const globs = patterns.map((pattern) => compileGlob(normal(pattern)))
  return (path) => globs.some((glob) => glob(path))
}

/** Extends a matcher to what is in the folders that it matches. */
function taking(matches: (path: string) => boolean): (path: string) => boolean {
  const taken = new Set<string>()
  return (path) => {
    const slash = path.lastIndexOf('/')
    if (!(slash > 0 && taken.has(path.slice(0, slash))) && !matches(path)) return false
    taken.add(path)
    return true
  }
}
