import { extentContent } from '../../content.ts'
import type { ByteSource } from '../../source.ts'
import { type FileEntry, maxTargetBytes, type Tree } from '../../tree.ts'
import { foreignTree } from '../foreign-tree.ts'
import { corruptTar, tarEntries } from './entries.ts'

export interface TarArchive {
  tree: Tree
  /** Paths of devices and pipes, which a tree does not hold. */
  skipped: string[]
}

/**
 * Reads an archive of tar (see tarEntries). Files are read when they are asked for; owners and times are left out.
 * Later entries replace earlier ones, and hard links become files of their own. Whiteouts of container layers are files
 * here; container/flatten.ts knows them.
 * @throws UfrError UFR-FORMAT for anything else, and for names and hard links that lead out of it.
 */
export function readTar(source: ByteSource): TarArchive {
  const { tree, skipped, add, skip, text } = foreignTree('a tar archive', source.size)
  for (const { type, name, target, mode, dataAt, size } of tarEntries(source, text)) {
    const path = normalisedPath(name)
    if (type === 'file') {
      const content = extentContent(source, [{ offset: dataAt, length: size }], size)
      add(required(path), { kind: 'file', mode, content })
    } else if (type === 'directory') {
      if (path !== '') add(path, { kind: 'directory', mode })
    } else if (type === 'link') {
      if (target.length > maxTargetBytes)
        throw corruptTar(`the link ${path} has a target of ${target.length} characters`)
      add(required(path), { kind: 'link', target })
    } else if (type === 'hard link') {
      add(required(path), linked(tree, normalisedPath(target), path))
    } else skip(required(path))
  }
  return { tree, skipped }
}

function linked(tree: Tree, target: string, path: string): FileEntry {
  const entry = tree.get(target)
  if (entry?.kind !== 'file')
    throw corruptTar(`${path} is a hard link to ${target}, which is no file before it`)
  return entry
}

/** The path without what stands for the root or for nothing. */
function normalisedPath(name: string): string {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.')
  if (parts.includes('..')) throw corruptTar(`the name ${JSON.stringify(name)} leads out of it`)
  return parts.join('/')
}

function required(path: string): string {
  if (path === '') throw corruptTar('an entry that is no directory has no name')
  return path
}
