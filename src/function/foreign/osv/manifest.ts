import fs from 'node:fs'
import path from 'node:path'
import { nearest } from '../../../base/nearest.ts'
import { inTree, type Placed, type PlacedLink } from '../host-tree.ts'
import { inputError, type TextFile } from '../text.ts'

/** One line of a usr.manifest: `/guest/path: host/path`. */
export interface ManifestLine {
  guest: string
  host: string
  at: number
}

const maxLines = 50_000
/** osv: scripts/manifest_common.py, read_manifest. */
const nothing = /^[ \t]*(|#.*|\[manifest\])$/

/** @throws UfrError UFR-INPUT for a line without `: `. */
export function readManifest(file: TextFile): ManifestLine[] {
  const found: ManifestLine[] = []
  let at = 0
  const lines = file.text.split('\n')
  if (lines.length > maxLines) throw inputError(file, 0, `more than ${maxLines} lines`)
  for (const line of lines) {
    const from = at
    at += line.length + 1
    const text = line.trimEnd()
    if (nothing.test(text)) continue
    const [guest = '', host] = text.split(': ').map((part) => part.trim())
    if (host === undefined || guest === '' || host === '') {
      const fix =
        'A line is `/path/in/the/guest: path/on/the/host`, or `->` and the target of a link behind the colon.'
      throw inputError(file, from, 'this line has no `: ` with a path on both sides', { fix })
    }
    if (`${guest}${host}`.includes('\0')) throw inputError(file, from, 'a NUL character')
    found.push({ guest, host, at: from })
  }
  return found
}

/** What stands for what in the paths of the host. */
export interface ManifestFolders {
  MODULE_DIR: string
  /** Undefined where nothing says where OSv's sources are. */
  OSV_BASE: string | undefined
}

export interface ManifestFiles {
  placed: (Placed | PlacedLink)[]
  /** Guest paths that were left out because a function's libraries are found anyway. */
  libraries: string[]
}

/**
 * The files that a manifest names, as upstream's scripts take them (osv: scripts/manifest_common.py: expand, unsymlink;
 * scripts/module.py: expand): `${MODULE_DIR}`, `/**` on both sides for all that is in a folder, `/&` for a path that is
 * the same on both sides, `->` for a link, `!` for a link as it is. A relative path is one of the module's folder.
 * @throws UfrError UFR-INPUT for a file that is not there and variables that ufr does not know.
 */
export function manifestFiles(
  file: TextFile,
  lines: readonly ManifestLine[],
  folders: ManifestFolders,
): ManifestFiles {
  const placed: (Placed | PlacedLink)[] = []
  const libraries: string[] = []
  for (const line of lines) {
    const { guest, host, at } = line
    if (host.startsWith('->')) {
      placed.push({ to: `/${inTree(guest)}`, link: host.slice(2) })
      continue
    }
    if (host.includes('%(libgcc_s_dir)s')) {
      libraries.push(guest)
      continue
    }
    const expanded = expand(file, at, host.replace(/^!/, ''), folders)
    const one = placeOf(guest, path.resolve(folders.MODULE_DIR, expanded), expanded)
    if (!fs.existsSync(one.from)) throw missing(file, line, one.from, folders.MODULE_DIR)
    placed.push(one)
  }
  return { placed, libraries }
}

/** @throws UfrError UFR-INPUT for a variable that nothing is said about. */
export function expand(file: TextFile, at: number, text: string, folders: ManifestFolders): string {
  const known: Record<string, string | undefined> = { ...folders }
  const expanded = text.replaceAll(/\$\{([^}]*)\}/g, (_, name: string) => {
    const value = Object.hasOwn(known, name) ? known[name] : undefined
    if (value !== undefined) return value
    const fix =
      name === 'OSV_BASE'
        ? "Set the variable OSV_BASE to the folder of OSv's sources."
        : 'Write the path itself; the variables are MODULE_DIR and OSV_BASE.'
    throw inputError(file, at, `nothing says what \${${name}} is`, { fix })
  })
  const [odd] = /%(?!%)(\([^)]*\)s?)?/.exec(expanded) ?? []
  if (odd !== undefined) {
    const fix = "Write the path itself: such variables come from OSv's makefiles."
    throw inputError(file, at, `nothing says what ${odd} is`, { fix })
  }
  return expanded.replaceAll('%%', '%')
}

function placeOf(guest: string, full: string, host: string): Placed {
  if (guest.endsWith('/**') && host.endsWith('/**')) {
    return { from: full.slice(0, -3) || '/', to: `/${inTree(guest.slice(0, -3))}` }
  }
  const both = guest.indexOf('/&/')
  if (both >= 0 && host.endsWith('/&')) {
    const suffix = guest.slice(both + 3)
    return {
      from: path.join(full.slice(0, -1), suffix),
      to: `/${inTree(`${guest.slice(0, both)}/${suffix}`)}`,
    }
  }
  // A folder on its own stands for an empty one (osv: scripts/gen-rofs-img.py).
  const isFolder = fs.statSync(full, { throwIfNoEntry: false })?.isDirectory() === true
  return { from: full, to: `/${inTree(guest)}`, ...(isFolder && { takes: () => false }) }
}

function missing(file: TextFile, { host, at }: ManifestLine, from: string, folder: string) {
  const inRoot = /(^|\/)ROOTFS(\/|$)/.test(host)
  const makes = fs.existsSync(path.join(folder, 'Makefile'))
  const near = nearest(path.basename(from), namesIn(path.dirname(from)))
  const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
  const made = makes ? `Build the module first: make -C ${folder} module` : undefined
  const fix = made ?? (inRoot ? `Put the files into ${path.join(folder, 'ROOTFS')}.` : 'Correct the path.')
  return inputError(file, at, `there is no ${from}${hint}`, { fix })
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder).slice(0, 10_000)
  } catch {
    return []
  }
}
