import { skeleton } from '../../image/skeleton.ts'
import { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { guestNetwork } from '../../vmm/machine.ts'

/** Where the base's volume is mounted, and what it is called. */
export const baseFolder = 'base'
export const baseLabel = 'base'

/** What every base's volume holds: what a Unix root has besides, for a root cannot link into two places. */
export function baseTree(program: Program): Tree {
  return new Tree().merge(skeletonFiles()).merge(program.base.tree())
}

/**
 * A function's root: its own files, folders of the kernel's and for the guest to write, and symbolic links that lead
 * into the base: so the base is a disk of its own that all functions share, and every path is where programs look.
 */
export function rootTree(program: Program, task: Tree): Tree {
  const tree = folders().merge(task, taskFolder)
  // The kernel would write this link at every start otherwise (src/unix/special.c).
  tree.link('proc/self/exe', program.executable)
  const { topLevel } = program.base
  if (topLevel.length === 0) return skeletonFiles().merge(tree)
  tree.directory(baseFolder)
  const shared = new Set([...skeletonFiles().topLevel(), ...topLevel])
  for (const name of shared) if (!tree.has(name)) tree.link(name, `/${baseFolder}/${name}`)
  // Rare: a base with files in a folder that the root needs for itself, such as /var.
  if (topLevel.some((name) => tree.get(name)?.kind === 'directory')) linkInto(tree, program.base.tree(), '')
  return tree
}

/** Folders that belong to the instance and not to the base. */
function folders(): Tree {
  const tree = new Tree()
  for (const name of ['dev', 'proc', 'sys', 'run', 'root', taskFolder]) tree.directory(name)
  return tree.directory('tmp', 0o1777)
}

function skeletonFiles(): Tree {
  const files = new Tree()
  for (const [path, entry] of skeleton(guestNetwork).sorted()) {
    if (entry.kind === 'file') files.set(path, entry)
  }
  return files
}

/** Links each of the base's entries that the root does not have; where both have a directory, what is in it. */
function linkInto(root: Tree, base: Tree, folder: string): void {
  for (const [path, entry] of base.sorted()) {
    if (parentOf(path) !== folder) continue
    const there = root.get(path)
    if (there?.kind === 'directory' && entry.kind === 'directory') linkInto(root, base, path)
    else if (!there) root.link(path, `/${baseFolder}/${path}`)
  }
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')))
}

/** Everything in one tree, for a disk that needs no other. */
export function wholeTree(program: Program): Tree {
  return baseTree(program)
    .merge(folders())
    .merge(program.task, taskFolder)
    .link('proc/self/exe', program.executable)
}

/** What the root tuple of an image says besides its files (nanos: doc and src/kernel/stage3.c, src/net/net.c). */
export function manifest(program: Program, withBase: boolean) {
  const { address, netmask, gateway } = guestNetwork
  return {
    program: program.executable,
    arguments: program.argv,
    environment: program.environment,
    cwd: program.workingDirectory,
    // Without it the kernel ends the machine by ACPI, which hangs on microvm (src/kernel/init.c).
    debug_exit: 't',
    en1: { ipaddr: address, netmask, gateway },
    ...(withBase && { mounts: { [baseLabel]: `/${baseFolder}${program.writable ? '' : ':ro'}` } }),
  }
}
