import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from '../../base/errors.ts'
import { comparePaths, maxTargetBytes } from '../tree.ts'
import type { Ignore } from './ignore.ts'
import { inside, type LinkEnd, linkEnd, relativeLink } from './link-end.ts'

/** What there is at one path below a function's folder. */
export type Scanned =
  | { kind: 'file'; file: string; size: number; mode: number }
  | { kind: 'directory' }
  /** `to` is the path, below the same folder, of what the link leads to; it need not exist. */
  | { kind: 'link'; target: string; to: string }

export const scanLimits = { entries: 500_000, bytes: 8 * 2 ** 30, depth: 256, followed: 40 }

/** A folder of the host (real path) whose files go to `at` in the tree. */
interface Area {
  real: string
  at: string
}

/**
 * All files below a folder by their path in it, parents first. Links that stay inside are links here too, those that
 * lead out are replaced by what they lead to.
 * @throws UfrError UFR-TREE for what cannot go into an image, UFR-TREE-LOOP for links that lead in a circle.
 */
export function scanFolder(folder: string, ignore: Ignore, limits = scanLimits): Map<string, Scanned> {
  const found = new Map<string, Scanned>()
  const areas: Area[] = [{ real: realFolder(folder), at: '' }]
  let bytes = 0

  function add(at: string, entry: Scanned): void {
    if (found.size >= limits.entries) throw tooMuch(folder, `more than ${limits.entries} files and folders`)
    found.set(at, entry)
  }

  function addFile(at: string, file: string, stat: fs.Stats): void {
    bytes += stat.size
    if (bytes > limits.bytes) throw tooMuch(folder, `more than ${limits.bytes / 2 ** 30} GiB`)
    requireReadable(at, file, stat)
    // The two usual modes only: an image must not depend on the umask of who checked the function out.
    add(at, { kind: 'file', file, size: stat.size, mode: stat.mode & 0o111 ? 0o755 : 0o644 })
  }

  function walk(real: string, prefix: string, depth: number): void {
    if (depth > limits.depth)
      throw new UfrError('UFR-TREE', `${prefix} is more than ${limits.depth} folders deep`)
    for (const entry of readFolder(real, prefix)) {
      const at = prefix === '' ? entry.name : `${prefix}/${entry.name}`
      const file = path.join(real, entry.name)
      const isFolder = entry.isDirectory()
      if (ignore(at, isFolder)) continue
      if (isFolder) {
        add(at, { kind: 'directory' })
        walk(file, at, depth + 1)
      } else if (entry.isFile()) {
        addFile(at, file, look(file, at))
      } else if (entry.isSymbolicLink()) {
        addLink(at, real, entry.name, depth)
      } else {
        throw special(at, entry)
      }
    }
  }

  function addLink(at: string, parent: string, name: string, depth: number): void {
    const end = linkEnd(parent, name, at)
    const kept = keptLink(at, end, areas)
    const { real, stat } = end
    if (kept) {
      add(at, kept)
    } else if (real === undefined || stat === undefined) {
      throw new UfrError('UFR-TREE', `${at} is a link to ${end.text}, which is not there`, {
        fix: 'Remove the link, or name it in .ufrignore.',
      })
    } else if (stat.isFile()) {
      addFile(at, real, stat)
    } else if (!stat.isDirectory()) {
      throw special(at, stat)
    } else if (!ignore(at, true)) {
      follow(at, real, depth)
    }
  }

  /** What a link outside leads to becomes a folder of the tree's own. */
  function follow(at: string, real: string, depth: number): void {
    const around = areas.find((area) => inside(area.real, real))
    if (around) throw loop(at, real, around, areas)
    if (areas.length > limits.followed) {
      throw new UfrError('UFR-TREE-LOOP', `links lead on and on: ${chain(at, real, areas)}`)
    }
    add(at, { kind: 'directory' })
    areas.push({ real, at })
    walk(real, at, depth + 1)
    areas.pop()
  }

  walk(areas[0]!.real, '', 0)
  return found
}

/** The link as it goes into the tree; undefined where it leads out of everything that goes there. */
function keptLink(at: string, end: LinkEnd, areas: Area[]): Scanned | undefined {
  const own = areas.at(-1)!
  for (const next of [end.next, end.real]) {
    const area = next === undefined ? undefined : areas.findLast((a) => inside(next, a.real))
    if (next === undefined || area === undefined) continue
    const to = [area.at, path.relative(area.real, next)].filter((part) => part !== '').join('/')
    const unchanged = next === end.next && area === own && end.passes.every((p) => inside(p, own.real))
    const target = unchanged ? end.text : relativeLink(at, to)
    if (Buffer.byteLength(target) > maxTargetBytes) {
      throw new UfrError('UFR-TREE', `the link ${at} would be longer than ${maxTargetBytes} bytes`)
    }
    return { kind: 'link', target, to }
  }
  return undefined
}

function realFolder(folder: string): string {
  try {
    return fs.realpathSync.native(folder)
  } catch (error) {
    throw unreadable(folder, error)
  }
}

function readFolder(real: string, prefix: string): fs.Dirent[] {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(real, { withFileTypes: true })
  } catch (error) {
    throw unreadable(prefix || real, error)
  }
  for (const { name } of entries) if (name.includes('\ufffd')) requireUtf8(real, prefix)
  // In a fixed order, so that of several mistakes the same one is named every time.
  return entries.sort((a, b) => comparePaths(a.name, b.name))
}

/** Node.js shows bytes that are not UTF-8 as U+FFFD, which a name can also really have. */
function requireUtf8(real: string, prefix: string): void {
  for (const name of fs.readdirSync(real, { encoding: 'buffer' })) {
    if (Buffer.from(name.toString()).equals(name)) continue
    const shown = name.toString('latin1').replace(/[^ -~]/g, (c) => `\\x${c.charCodeAt(0).toString(16)}`)
    throw new UfrError('UFR-TREE', `the name ${prefix ? `${prefix}/` : ''}${shown} is not valid UTF-8`, {
      fix: 'Rename the file.',
    })
  }
}

function look(file: string, at: string): fs.Stats {
  try {
    return fs.lstatSync(file)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      throw new UfrError('UFR-FILE-CHANGED', `${at} went away while the folder was read`, { cause: error })
    }
    throw unreadable(at, error)
  }
}

function requireReadable(at: string, file: string, stat: fs.Stats): void {
  if (stat.mode & 0o004) return
  try {
    fs.accessSync(file, fs.constants.R_OK)
  } catch (error) {
    throw unreadable(at, error)
  }
}

function unreadable(at: string, error: unknown): UfrError {
  const code = systemCode(error)
  const why = code === 'EACCES' || code === 'EPERM' ? 'permission denied' : (error as Error).message
  return new UfrError('UFR-TREE', `${at} cannot be read: ${why}`, {
    cause: error,
    fix: 'Give yourself the right to read it, or name it in .ufrignore.',
  })
}

function tooMuch(folder: string, what: string): UfrError {
  return new UfrError('UFR-TREE', `${folder} has ${what}, which is more than an image can take`, {
    fix: 'Say in ufr.json (`files`) what belongs to the function, or leave files out by .ufrignore.',
  })
}

function special(at: string, entry: fs.Dirent | fs.Stats): UfrError {
  const kind = entry.isSocket()
    ? 'a socket'
    : entry.isFIFO()
      ? 'a named pipe'
      : entry.isBlockDevice() || entry.isCharacterDevice()
        ? 'a device'
        : 'neither file, folder nor link'
  return new UfrError('UFR-TREE', `${at} is ${kind}, which cannot go into an image`, {
    fix: 'Remove it, or name it in .ufrignore.',
  })
}

function chain(at: string, real: string, areas: Area[]): string {
  const links = [
    ...areas.slice(1).map((area) => `${area.at} leads to ${area.real}`),
    `${at} leads to ${real}`,
  ]
  return links.join(', ')
}

function loop(at: string, real: string, around: Area, areas: Area[]): UfrError {
  const what = around.at === '' ? "the function's own folder" : `what ${around.at} leads to`
  return new UfrError('UFR-TREE-LOOP', `${chain(at, real, areas)}, which contains ${what}`)
}
