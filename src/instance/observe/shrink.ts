import { resolvePath, treeView } from '../../image/closure/file-view.ts'
import { Tree } from '../../image/tree.ts'

/**
 * What stays in a shrunk base, used or not: settings, certificates, time zones, the dynamic linker and what C libraries
 * open when something rare happens, and what ufr itself needs in the guest.
 */
const safe = [
  /^(etc|opt\/ufr)\//,
  /^usr\/share\/(zoneinfo|ca-certificates|ssl)\//,
  /^usr\/lib\/(ssl|locale\/C\.utf8)\//,
  /(^|\/)(ld-[^/]+|libnss_\w+|libresolv|libgcc_s|libpthread|libdl|librt|libutil)\.so(\.[\w.]+)?$/,
  /(^|\/)gconv\//,
  // Of a JVM: its authorities and policies, and its time zones.
  /(^|\/)lib\/(security\/|tzdb\.dat$)/,
  /(^|\/)conf\//,
]

/** Whether a file of a base is to stay although nobody used it. */
export function isSafe(path: string): boolean {
  return safe.some((pattern) => pattern.test(path))
}

/**
 * A tree with only those files that are to be kept, and all links that lead to one of them. Folders that had files and
 * have none any more go as well, unless they are to be kept; empty ones were meant to be there.
 */
export function leanTree(tree: Tree, keep: (path: string) => boolean): Tree {
  const view = treeView(tree)
  const lean = new Tree()
  const emptied = new Set<string>()
  const entries = tree.sorted()
  for (const [path, entry] of entries) {
    if (entry.kind === 'file' && keep(path)) lean.set(path, entry)
    else if (entry.kind === 'file') for (const folder of foldersOf(path)) emptied.add(folder)
  }
  for (const [path, entry] of entries) {
    if (entry.kind === 'directory' && (!emptied.has(path) || lean.has(path) || keep(path)))
      lean.set(path, entry)
  }
  const leadsToKept = (path: string) => {
    const end = resolvePath(view, `/${path}`)
    // A link that leads nowhere leads to where something is mounted.
    return end === undefined || end.path === '/' || lean.has(end.path.slice(1))
  }
  const links = entries.filter(([path, { kind }]) => kind === 'link' && leadsToKept(path))
  for (const [path, entry] of links) lean.set(path, entry)
  return lean
}

function foldersOf(path: string): string[] {
  const parts = path.split('/')
  return parts.slice(0, -1).map((_, i) => parts.slice(0, i + 1).join('/'))
}
