import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { resolveFile, treeView, type ViewFile } from '../closure/file-view.ts'
import { readElf } from '../formats/elf/elf.ts'
import { isElf } from '../formats/elf/elf-names.ts'
import { reading } from '../source.ts'
import type { Tree } from '../tree.ts'

interface LinkedFile {
  needed: string[]
  interpreter: string | undefined
  soname: string | undefined
}

const mostFiles = 20_000

/**
 * Who needs which ELF file of a tree: for each that others name (as dynamic linker or in DT_NEEDED) the shortest chain
 * of paths that leads to it, what starts it first and what names it last. Names are looked up in the whole tree, not as
 * a dynamic linker would: it tells why a file is there, not whether it is found. Paths are absolute.
 * @param programs what is asked first; after them everything else that nobody needs, such as plugins.
 */
export function neededByChains(tree: Tree, programs: readonly string[] = []): Map<string, string[]> {
  const files = linkedFiles(tree)
  const byName = namesOf(tree, files)
  const chains = new Map<string, string[]>()
  const roots = [...programs, ...[...files.keys()].filter((at) => !isLibrary(at)), ...files.keys()]
  const done = new Set<string>()
  for (const root of roots) {
    const queue = [root]
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      if (done.has(at)) continue
      done.add(at)
      const file = files.get(at)
      if (!file) continue
      for (const needed of [...(file.interpreter === undefined ? [] : [file.interpreter]), ...file.needed]) {
        const found = byName.get(needed) ?? byName.get(path.posix.basename(needed))
        if (found === undefined || found === at || done.has(found) || chains.has(found)) continue
        chains.set(found, [...(chains.get(at) ?? []), at])
        queue.push(found)
      }
    }
  }
  return chains
}

function isLibrary(at: string): boolean {
  return /\.so(\.[\w.]+)?$|\.node$/.test(at)
}

function linkedFiles(tree: Tree): Map<string, LinkedFile> {
  const view = treeView(tree)
  const found = new Map<string, LinkedFile>()
  for (const [name, entry] of tree.sorted()) {
    if (found.size >= mostFiles) break
    if (entry.kind !== 'file' || ((entry.mode & 0o111) === 0 && !isLibrary(name))) continue
    const file = view.entry(`/${name}`)
    const linked = file?.kind === 'file' ? readLinked(file) : undefined
    if (linked) found.set(`/${name}`, linked)
  }
  return found
}

function readLinked(file: ViewFile): LinkedFile | undefined {
  try {
    return reading(file.open(), (source) => {
      if (source.size < 64 || !isElf(source.read(0, 4))) return undefined
      const { needed, interpreter, soname } = readElf(source)
      return { needed, interpreter, soname }
    })
  } catch (error) {
    // What is no whole ELF file needs nothing.
    if (error instanceof UfrError) return undefined
    throw error
  }
}

/** Paths, file names and sonames, and the names of links to the files; the first of a name counts. */
function namesOf(tree: Tree, files: Map<string, LinkedFile>): Map<string, string> {
  const names = new Map<string, string>()
  const add = (name: string, at: string) => {
    if (!names.has(name)) names.set(name, at)
  }
  for (const [at, { soname }] of files) {
    add(at, at)
    add(path.posix.basename(at), at)
    if (soname !== undefined) add(soname, at)
  }
  const view = treeView(tree)
  for (const [name, entry] of tree.sorted()) {
    if (entry.kind !== 'link' || !isLibrary(name)) continue
    const at = resolveFile(view, `/${name}`)?.path
    if (at === undefined || !files.has(at)) continue
    add(`/${name}`, at)
    add(path.posix.basename(name), at)
  }
  return names
}
