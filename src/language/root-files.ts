import type { FunctionSpec, RootFiles } from '../function/spec.ts'
import { digestOf } from '../image/digest.ts'
import { folderTree } from '../image/folder/folder.ts'
import { overlay } from '../image/overlay.ts'
import { Tree } from '../image/tree.ts'
import { type Program, taskFolder } from './program.ts'

/** What a guest has of its own, whatever root file system it is given: mounts, and files about its network. */
const guestsOwn = /^(dev|proc|sys)\/|^etc\/(resolv\.conf|hosts|hostname)$/

/**
 * A function's own files, relative to /var/task: those of its folder, or where all of them have places of their own in
 * the guest, what a whole root has there.
 */
export function taskTree(spec: FunctionSpec, read = folderTree): Tree {
  if (!spec.root || spec.files.length > 0) return read(spec.folder, spec.files)
  return spec.root.whole ? below(spec.root.tree(), taskFolder) : new Tree()
}

function below(tree: Tree, folder: string): Tree {
  const found = new Tree()
  if (!tree.has(folder)) return found
  const prefix = `${folder}/`
  for (const [path, entry] of tree.sorted())
    if (path.startsWith(prefix)) found.set(path.slice(prefix.length), entry)
  return found
}

/** The program with these files laid over its base, which is then a base of its own: cached by both keys. */
export function withRoot(program: Program, root: RootFiles): Program {
  const { base } = program
  const above = root.tree()
  const leftOut = (path: string) => root.whole && (guestsOwn.test(path) || path.startsWith(`${taskFolder}/`))
  const key = digestOf('root', base.key, root.key)
  return {
    ...program,
    ...(root.writable === true && { writable: true }),
    base: {
      key,
      title: base.topLevel.length > 0 ? `${base.title}, ${root.title}` : root.title,
      topLevel: [...new Set([...base.topLevel, ...above.topLevel()])].sort(),
      tree: () => overlay(base.tree(), above, leftOut),
    },
  }
}
