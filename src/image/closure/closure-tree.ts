import path from 'node:path'
import { Tree } from '../tree.ts'
import type { Closure } from './closure.ts'

/**
 * The files of a closure that are not in the guest anyway, each where the guest looks for it. A file with several
 * names is there once, with links to it: a dynamic linker would take two copies for two libraries.
 */
export function closureTree(closure: Closure): Tree {
  const tree = new Tree()
  const first = new Map<string, string>()
  for (const folder of closure.directories) if (folder !== '/') tree.directory(folder.slice(1))
  const files = closure.files.filter((file) => !file.mounted)
  for (const { guestPath, realPath, content } of files.sort((a, b) => (a.guestPath < b.guestPath ? -1 : 1))) {
    const target = first.get(realPath)
    if (target === undefined) {
      first.set(realPath, guestPath)
      tree.file(guestPath.slice(1), content, 0o755)
    } else {
      tree.link(guestPath.slice(1), path.posix.relative(path.posix.dirname(guestPath), target))
    }
  }
  return tree
}
