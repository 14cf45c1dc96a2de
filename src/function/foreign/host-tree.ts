import fs from 'node:fs'
import path from 'node:path'
import { compileGlob } from '../../base/glob.ts'
import { fileContent } from '../../image/content.ts'
import { type Scanned, scanFolder } from '../../image/folder/scan.ts'
import { Tree } from '../../image/tree.ts'

/** Something of the host at an absolute place in the guest. */
export interface Placed {
  /** Absolute path on the host: a file, or a folder with all that is in it. */
  from: string
  /** Absolute path in the guest: of the file, or of the folder. */
  to: string
  /** Which files of a folder, by their paths in it. */
  takes?: (path: string) => boolean
}

/** A symbolic link in the guest. */
export interface PlacedLink {
  link: string
  to: string
}

/** The path of a guest's file in a tree; `..` leads no higher than the root. */
export function inTree(guestPath: string): string {
  return path.posix.join('/', guestPath).replace(/\/$/, '').slice(1)
}

/**
 * A tree with these files, later ones over earlier ones.
 * @throws UfrError UFR-TREE, UFR-TREE-LOOP for what cannot go into an image.
 */
export function hostTree(placed: readonly (Placed | PlacedLink)[]): Tree {
  const tree = new Tree()
  for (const one of placed) {
    const at = inTree(one.to)
    if ('link' in one) tree.link(at, one.link)
    else if (fs.statSync(one.from).isDirectory()) addFolder(tree, one, at)
    else addFile(tree, one.from, at)
  }
  return tree
}

function addFile(tree: Tree, file: string, at: string): void {
  const stat = fs.statSync(file)
  tree.file(at, fileContent(file, stat.size), stat.mode & 0o111 ? 0o755 : 0o644)
}

function addFolder(tree: Tree, { from, takes }: Placed, at: string): void {
  if (at !== '') tree.directory(at)
  // A link that leads nowhere is passed over, as the other tools do: nothing in the guest could follow it either.
  const broken = (name: string) => isBroken(path.join(from, name))
  for (const [name, entry] of scanFolder(from, broken)) {
    if (takes && (entry.kind === 'directory' || !takes(name))) continue
    set(tree, at === '' ? name : `${at}/${name}`, entry)
  }
}

function isBroken(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true && !fs.existsSync(file)
}

function set(tree: Tree, at: string, entry: Scanned): void {
  if (entry.kind === 'file') tree.file(at, fileContent(entry.file, entry.size), entry.mode)
  else if (entry.kind === 'link') tree.link(at, entry.target)
  else if (!tree.has(at)) tree.directory(at)
}

/** Whether a path is taken by patterns of which the last one that matches counts. */
export function filtered(
  filters: readonly { pattern: string; include: boolean }[],
): (path: string) => boolean {
  const compiled = filters.map(({ pattern, include }) => ({ matches: compileGlob(pattern), include }))
  const first = !filters.some(({ include }) => include)
  return (name) => compiled.findLast(({ matches }) => matches(name))?.include ?? first
}

/** The host's file at a path of the guest, as far as that can be told without following the guest's links. */
export function hostFileAt(placed: readonly (Placed | PlacedLink)[], guestPath: string): string | undefined {
  const at = inTree(guestPath)
  for (const one of placed.toReversed()) {
    if ('link' in one) continue
    const to = inTree(one.to)
    const below =
      to === '' ? at : at === to ? '' : at.startsWith(`${to}/`) ? at.slice(to.length + 1) : undefined
    if (below === undefined || (below !== '' && one.takes && !one.takes(below))) continue
    const file = below === '' ? one.from : path.join(one.from, below)
    if (fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return file
  }
  return undefined
}

const maxScriptBytes = 4 << 20

/** The text of the script that an interpreter is to run: its first argument that is no option; else undefined. */
export function scriptOf(
  placed: readonly (Placed | PlacedLink)[],
  args: readonly string[],
  workingDirectory: string,
  endings: readonly string[] = [''],
): string | undefined {
  const name = args.find((arg) => !arg.startsWith('-'))
  if (name === undefined) return undefined
  for (const ending of endings) {
    const file = hostFileAt(placed, path.posix.resolve(workingDirectory, name + ending))
    if (file !== undefined && fs.statSync(file).size <= maxScriptBytes) return fs.readFileSync(file, 'utf8')
  }
  return undefined
}
