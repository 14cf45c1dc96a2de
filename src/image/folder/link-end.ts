import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from '../../base/errors.ts'

/** Where a symbolic link of the host leads. */
export interface LinkEnd {
  /** As the link has it. */
  text: string
  /** Absolute path of what the link names, itself perhaps a link, all folders above it resolved. */
  next: string
  /** Folders that the way to `next` leads through. */
  passes: string[]
  /** Where it leads in the end; undefined, as `stat`, where nothing is there. */
  real?: string
  stat?: fs.Stats
}

/** Whether a path is a folder or something in it; both absolute and normalised. */
export function inside(file: string, folder: string): boolean {
  return file === folder || folder === '/' || file.startsWith(`${folder}/`)
}

/** The text of a link at one path of a tree that leads to another. */
export function relativeLink(from: string, to: string): string {
  return path.posix.relative(path.posix.dirname(`/${from}`), `/${to}`) || '.'
}

/**
 * Follows a link.
 * @param parent real path of the folder it is in.
 * @param shown how messages name it.
 * @throws UfrError UFR-TREE-LOOP where links lead in a circle, UFR-TREE where the target cannot be looked at.
 */
export function linkEnd(parent: string, name: string, shown: string): LinkEnd {
  const link = path.join(parent, name)
  const text = readLink(link, shown)
  const way = { text, ...nextOf(parent, text) }
  try {
    const stat = fs.statSync(link)
    const next = fs.lstatSync(way.next)
    // The folders above it are resolved: unless it is a link again, this is the real path, and no other need be found.
    const isEnd = next.ino === stat.ino && next.dev === stat.dev
    return { ...way, real: isEnd ? way.next : fs.realpathSync.native(link), stat }
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return way
    if (code === 'ELOOP') throw circle(parent, name, shown, error)
    throw new UfrError('UFR-TREE', `${shown} is a link to ${text}, which cannot be read: ${code}`, {
      cause: error,
      fix: 'Give yourself the right to read it, or name the link in .ufrignore.',
    })
  }
}

function readLink(link: string, shown: string): string {
  const bytes = fs.readlinkSync(link, { encoding: 'buffer' })
  const text = bytes.toString()
  if (Buffer.from(text).equals(bytes)) return text
  throw new UfrError('UFR-TREE', `the target of the link ${shown} is not valid UTF-8`, {
    fix: 'Make the link anew, or name it in .ufrignore.',
  })
}

/** One step: a link on the way is resolved, one at its end is not. */
function nextOf(parent: string, text: string): { next: string; passes: string[] } {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.')
  const last = parts.pop()
  const passes: string[] = []
  let at = text.startsWith('/') ? '/' : parent
  if (text.startsWith('/')) passes.push(at)
  for (const part of parts) {
    at = part === '..' ? path.dirname(at) : resolved(path.join(at, part))
    passes.push(at)
  }
  return { next: last === '..' ? path.dirname(at) : path.join(at, last ?? ''), passes }
}

function resolved(folder: string): string {
  try {
    return fs.realpathSync.native(folder)
  } catch {
    return folder
  }
}

/** Names the links of a circle, as far as it can be followed one by one. */
function circle(parent: string, name: string, shown: string, cause: unknown): UfrError {
  const links: string[] = []
  let link = path.join(parent, name)
  while (!links.includes(link) && links.length < 40) {
    links.push(link)
    try {
      link = nextOf(path.dirname(link), fs.readlinkSync(link)).next
    } catch {
      break
    }
  }
  const way = [...links, link].map((file) => path.relative(parent, file)).join(' → ')
  return new UfrError('UFR-TREE-LOOP', `${shown} is a link that leads in a circle: ${way}`, { cause })
}
