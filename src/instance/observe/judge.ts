import path from 'node:path'
import { type FileView, resolvePath, treeView } from '../../image/closure/file-view.ts'
import type { Tree } from '../../image/tree.ts'
import type { SeenPath } from '../../unikernel/linux/observe.ts'

/** What a program made of the files that it was given. Paths are absolute and without links. */
export interface Judged {
  opened: Set<string>
  /** Asked about, and not opened; folders, too. */
  looked: Set<string>
  /** Folders of which it asked what is in them. */
  listed: Set<string>
  /** What it asked for and was not there, in the order in which it did. */
  absent: Set<string>
}

/** Where a guest has what is no file of an image. */
const volatile = /^\/(proc|sys|dev|tmp|run)(\/|$)/
const mostFolders = 256

/**
 * Compares the paths that a program named with the files that its guest had.
 * @param workingDirectory where relative paths start from. What they start from later (`chdir`, open folders) is taken
 * to be any folder that the program went to: better a file too many than one too few.
 */
export function judge(paths: readonly SeenPath[], tree: Tree, workingDirectory: string): Judged {
  const view = treeView(tree)
  const judged: Judged = { opened: new Set(), looked: new Set(), listed: new Set(), absent: new Set() }
  const folders = foldersOf(paths, view, workingDirectory)
  for (const seen of paths) {
    const candidates = seen.path.startsWith('/')
      ? [seen.path]
      : (seen.folder === undefined ? folders.current : folders.open).map((folder) => `${folder}/${seen.path}`)
    const found = candidates.flatMap((each) => resolved(view, each) ?? [])
    for (const { path: at, kind } of found) take(judged, seen, at, kind)
    const [only, ...more] = candidates
    if (found.length === 0 && only !== undefined && more.length === 0) {
      const normal = path.posix.normalize(only)
      if (!volatile.test(normal)) judged.absent.add(normal)
    }
  }
  for (const opened of judged.opened) judged.looked.delete(opened)
  return judged
}

function take(judged: Judged, seen: SeenPath, at: string, kind: 'file' | 'directory'): void {
  if (kind === 'directory') {
    judged.looked.add(at)
    if (seen.listed) judged.listed.add(at)
  } else if (seen.how === 'open') judged.opened.add(at)
  else judged.looked.add(at)
}

function resolved(view: FileView, at: string): { path: string; kind: 'file' | 'directory' } | undefined {
  if (at.includes('\0')) return undefined
  const found = resolvePath(view, at)
  const kind = found?.entry.kind
  return kind === 'file' || kind === 'directory' ? { path: found!.path, kind } : undefined
}

/** The folders that relative paths may start from: working directories, and those that were opened. */
function foldersOf(
  paths: readonly SeenPath[],
  view: FileView,
  first: string,
): { current: string[]; open: string[] } {
  const current = new Set([first])
  const open = new Set([first])
  for (const seen of paths) {
    const into = seen.how === 'cd' ? current : seen.listed ? open : undefined
    if (!into) continue
    const starts = seen.path.startsWith('/') ? [''] : [...current, ...(seen.folder === undefined ? [] : open)]
    for (const start of starts) {
      const at = resolved(view, `${start}/${seen.path}`)
      if (at?.kind === 'directory' && into.size < mostFolders) into.add(at.path)
    }
  }
  return { current: [...current], open: [...open] }
}
