import { UfrError } from '../base/errors.ts'
import { type Entry, Tree } from './tree.ts'

const maxLinks = 40

/**
 * Two trees in one, as if the second were unpacked over the first: its files win, and its paths go through the first
 * one's links to folders, as `/lib64/x` does where `lib64` is a link to `usr/lib64`.
 * @param leftOut paths of the second tree that stay out.
 * @throws UfrError UFR-TREE where a folder of the one is a file of the other.
 */
export function overlay(below: Tree, above: Tree, leftOut: (path: string) => boolean = () => false): Tree {
  const tree = new Tree().merge(below)
  const folders = new Map<string, string>()
  for (const [path, entry] of above.sorted()) {
    if (leftOut(path)) continue
    const slash = path.lastIndexOf('/')
    const parent = slash < 0 ? '' : folderAt(tree, path.slice(0, slash), folders)
    const at = parent === '' ? path.slice(slash + 1) : `${parent}/${path.slice(slash + 1)}`
    place(tree, at, entry, folders)
  }
  return tree
}

function place(tree: Tree, at: string, entry: Entry, folders: Map<string, string>): void {
  const there = tree.get(at)
  // A folder that is there by way of a link stays what it is.
  if (entry.kind === 'directory' && there?.kind === 'link' && leadsToFolder(tree, at, folders)) return
  if (entry.kind === 'directory' && there?.kind === 'file') {
    throw new UfrError('UFR-TREE', `${at} is a file and a directory at once`)
  }
  if (entry.kind === 'link') folders.clear()
  tree.set(at, entry)
}

function leadsToFolder(tree: Tree, at: string, folders: Map<string, string>): boolean {
  const end = folderAt(tree, at, folders)
  return end === '' || tree.get(end)?.kind === 'directory'
}

/** Where a folder is in the tree when its links are followed; what is not there yet is taken as it is written. */
function folderAt(tree: Tree, path: string, known: Map<string, string>): string {
  const before = known.get(path)
  if (before !== undefined) return before
  const todo = path.split('/').reverse()
  const done: string[] = []
  let links = 0
  while (todo.length > 0) {
    const part = todo.pop()!
    if (part === '' || part === '.') continue
    if (part === '..') {
      done.pop()
      continue
    }
    done.push(part)
    const entry = tree.get(done.join('/'))
    if (entry?.kind !== 'link') continue
    if (++links > maxLinks) throw new UfrError('UFR-TREE', `${path} leads through links in a circle`)
    done.pop()
    if (entry.target.startsWith('/')) done.length = 0
    todo.push(...entry.target.split('/').reverse())
  }
  const end = done.join('/')
  known.set(path, end)
  return end
}
