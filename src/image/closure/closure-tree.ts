import path from 'node:path'
import type { Origin } from '../origin.ts'
import { Tree } from '../tree.ts'
import type { Closure, ClosureFile } from './closure.ts'

/**
 * The files of a closure that are not in the guest anyway, each where the guest looks for it. A file with several
 * names is there once, with links to it: a dynamic linker would take two copies for two libraries.
 */
export function closureTree(closure: Closure): Tree {
  const tree = new Tree()
  const first = new Map<string, string>()
  for (const folder of closure.directories) if (folder !== '/') tree.directory(folder.slice(1))
  const files = closure.files.filter((file) => !file.mounted)
  for (const file of files.sort((a, b) => (a.guestPath < b.guestPath ? -1 : 1))) {
    const { guestPath, realPath, content } = file
    const origin = originOf(file)
    const at = first.get(realPath)
    if (at === undefined) {
      first.set(realPath, guestPath)
      tree.set(guestPath.slice(1), { kind: 'file', mode: 0o755, content, origin })
    } else {
      const target = path.posix.relative(path.posix.dirname(guestPath), at)
      tree.set(guestPath.slice(1), { kind: 'link', target, origin })
    }
  }
  return tree
}

function originOf({ role, name, neededBy }: ClosureFile): Origin {
  return role === 'program' ? { reason: 'program' } : { reason: 'needed', from: name, neededBy }
}
