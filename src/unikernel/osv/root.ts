import { textContent } from '../../image/content.ts'
import { skeleton } from '../../image/skeleton.ts'
import { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { guestNetwork } from '../../vmm/machine.ts'
import { startFolder, startScript } from './command-line.ts'

/** What the kernel mounts on its root, which nobody can write to: folders for it have to be there. */
const mounts = [
  ['/dev', 'devfs'],
  ['/proc', 'procfs'],
  ['/sys', 'sysfs'],
  ['/tmp', 'ramfs'],
  ['/run', 'ramfs'],
] as const

/** The root that functions share: what a Unix root has, the base's own files, and what OSv reads at its start. */
export function baseTree(program: Program): Tree {
  const tree = skeleton(guestNetwork).merge(program.base.tree())
  for (const [folder] of mounts) tree.directory(folder.slice(1))
  tree.directory(startFolder)
  tree.file(
    'etc/fstab',
    textContent(mounts.map(([at, kind]) => `none ${at} ${kind} defaults 0 0\n`).join('')),
  )
  tree.link('etc/mnttab', '/proc/mounts')
  // glibc's resolver asks for errors of UDP (IP_RECVERR), which OSv does not have: by TCP it does without.
  const resolver = `nameserver ${guestNetwork.nameserver}\noptions use-vc\n`
  return tree.file('etc/resolv.conf', textContent(resolver))
}

/** The file system with the start script only: a partition of the function's disk. */
export function startTree(script: string): Tree {
  return new Tree().file(startScript.slice(startFolder.length + 1), textContent(script))
}

/** Everything in one tree, for a disk that needs no other. */
export function wholeTree(program: Program, script: string): Tree {
  return baseTree(program)
    .merge(program.task, taskFolder)
    .directory(taskFolder)
    .merge(startTree(script), startFolder)
}
