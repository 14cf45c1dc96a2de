import fs from 'node:fs'
import path from 'node:path'
import type { Origin } from '../image/origin.ts'

/** Packages by the paths of their files, relative to the folder that they were unpacked into. */
export type Owners = Map<string, string>

/** Beside a runtime's root: which package each of its files is from. */
const ownersName = 'files.json'
const certificates = 'etc/ssl/certs/ca-certificates.crt'
const mostBytes = 32 << 20

/** Notes that whatever came into a folder since the last time is this package's. */
export function noteOwner(owners: Owners, folder: string, owner: string): void {
  for (const file of filesBelow(folder)) if (!owners.has(file)) owners.set(file, owner)
}

/**
 * Writes down which package the files of a runtime's root are from, for `ufr image explain`. A runtime is laid out in
 * its own way, so what is not at its path of old is recognised by its content.
 * @param made the runtime's folder, with `root` in it.
 * @param packages the folder that the packages were unpacked into.
 * @param others files of the root that came from elsewhere.
 */
export function writeOwners(
  made: string,
  packages: string,
  owners: Owners,
  others: Record<string, string> = {},
): void {
  const root = path.join(made, 'root')
  const bySize = new Map<number, string[]>()
  for (const file of owners.keys()) {
    const stat = fs.lstatSync(path.join(packages, file), { throwIfNoEntry: false })
    if (stat?.isFile()) bySize.set(stat.size, [...(bySize.get(stat.size) ?? []), file])
  }
  const found: Record<string, string[]> = {}
  for (const file of filesBelow(root)) {
    const owner =
      others[file] ??
      owners.get(file) ??
      // A compiled Python module is its source's package's.
      owners.get(file.replace(/(__pycache__\/)?([^/]+?)(\.cpython-\d+)?\.pyc$/, '$2.py')) ??
      ownerByContent(path.join(root, file), packages, bySize, owners) ??
      (file === certificates
        ? [...owners.values()].find((each) => each.startsWith('ca-certificates '))
        : undefined)
    if (owner !== undefined) found[owner] = [...(found[owner] ?? []), file]
  }
  fs.writeFileSync(path.join(made, ownersName), `${JSON.stringify(found)}\n`)
}

function ownerByContent(
  file: string,
  packages: string,
  bySize: ReadonlyMap<number, string[]>,
  owners: Owners,
): string | undefined {
  const stat = fs.lstatSync(file)
  const same = stat.isFile() ? (bySize.get(stat.size) ?? []) : []
  if (same.length === 0) return undefined
  const bytes = fs.readFileSync(file)
  const original = same.find((each) => bytes.equals(fs.readFileSync(path.join(packages, each))))
  return original === undefined ? undefined : owners.get(original)
}

function filesBelow(folder: string, prefix = ''): string[] {
  return fs.readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const at = prefix === '' ? entry.name : `${prefix}/${entry.name}`
    return entry.isDirectory() ? filesBelow(folder, at) : [at]
  })
}

/**
 * Why the files of a runtime's root are in an image: by package, where that was written down when the runtime was made.
 * @param root of the runtime.
 */
export function runtimeOrigins(root: string, title: string): (file: string) => Origin | undefined {
  const origins = new Map<string, Origin>()
  for (const [owner, files] of Object.entries(readOwners(path.join(path.dirname(root), ownersName)))) {
    const origin: Origin = { reason: 'runtime', from: `${title}: ${owner}` }
    for (const file of files) origins.set(file, origin)
  }
  return (file) => origins.get(file)
}

function readOwners(file: string): Record<string, string[]> {
  try {
    if (fs.statSync(file).size > mostBytes) return {}
    const value: unknown = JSON.parse(fs.readFileSync(file, 'utf8'))
    const entries = Object.entries(typeof value === 'object' && value !== null ? value : {})
    return Object.fromEntries(entries.filter(([, files]) => Array.isArray(files)))
  } catch {
    // Runtimes of 0.1.0 have none; without it, only the runtime as a whole is named.
    return {}
  }
}
