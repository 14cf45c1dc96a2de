import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { type FileView, mountView, resolveFile, treeView } from '../image/closure/file-view.ts'
import { contentBytes } from '../image/content.ts'
import { readElf } from '../image/formats/elf/elf.ts'
import { isElf } from '../image/formats/elf/elf-names.ts'
import { reading } from '../image/source.ts'
import type { Tree } from '../image/tree.ts'
import { type Program, taskFolder } from '../language/program.ts'
import { cachedSummary } from './cache.ts'
import { interpreters } from './facts.ts'
import type { Module } from './reach.ts'

/** The files of a program with machine code in them, as far as they count. */
export interface ProgramCode {
  modules: Module[]
  /** Those of them that are the function's own. */
  own: Set<number>
  /** What runs the function's files, where they are no machine code: `node`. */
  interpreter?: string
  /** Files that could not be looked into, and why. */
  opaque: { path: string; why: string }[]
}

const task = `/${taskFolder}`
const maxFileBytes = 256 << 20
const maxModules = 512
const maxExtensions = 200

/**
 * Collects what a program runs: its ELF file with the libraries that it needs, in the order in which a dynamic linker
 * loads them. Of an interpreter only what the function brings along counts, such as Node.js add-ons: that interpreters
 * themselves run on the kernels is what tests are for.
 */
export function codeOf(program: Program): ProgramCode {
  const base = program.base.tree()
  const view = mountView(treeView(base), task, treeView(program.task))
  const libraries = libraryIndex(base, program)
  const code: ProgramCode = { modules: [], own: new Set(), opaque: [] }
  const name = path.posix.basename(resolveFile(view, program.executable)?.path ?? program.executable)
  const interpreter =
    interpreters.exec(path.posix.basename(program.executable))?.[0] ?? interpreters.exec(name)?.[0]
  const first = interpreter === undefined ? [program.executable] : extensions(program.task)
  if (interpreter !== undefined) code.interpreter = interpreter
  const known = new Set<string>()
  const add = (guestPath: string): boolean => {
    const file = resolveFile(view, guestPath)
    if (!file || known.has(file.path)) return false
    known.add(file.path)
    try {
      if (file.entry.content.size > maxFileBytes)
        throw new UfrError('UFR-FORMAT', 'it is too large to look into')
      const summary = cachedSummary(contentBytes(file.entry.content))
      if (summary.opaque !== undefined) code.opaque.push({ path: file.path, why: summary.opaque })
      code.modules.push({ path: file.path, summary })
      return true
    } catch (error) {
      if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
      code.opaque.push({ path: file.path, why: error.message })
      return false
    }
  }
  for (const file of first) if (add(file)) code.own.add(code.modules.length - 1)
  for (const each of preloaded(program)) add(each)
  // Breadth first, as dynamic linkers do.
  for (let i = 0; i < code.modules.length && i < maxModules; i++) {
    const { summary, path: loader } = code.modules[i]!
    for (const needed of summary.needed) {
      const at = needed.includes('/') ? needed : (besides(view, loader, needed) ?? libraries.get(needed))
      if (at !== undefined) add(at)
    }
  }
  if (program.interpreter !== undefined && code.modules.length > 0) add(program.interpreter)
  // What a program brings along beside the C library is its own as well.
  for (const [i, module] of code.modules.entries()) if (module.path.startsWith(`${task}/`)) code.own.add(i)
  return code
}

/** A library in the folder of who needs it, where `$ORIGIN` mostly leads. */
function besides(view: FileView, loader: string, name: string): string | undefined {
  const at = path.posix.join(path.posix.dirname(loader), name)
  return resolveFile(view, at) ? at : undefined
}

/** Where libraries are, by their file names: folders of LD_LIBRARY_PATH first, then the C library's usual ones. */
function libraryIndex(base: Tree, { task: own, environment }: Program): Map<string, string> {
  const found = new Map<string, string>()
  const usual = [
    '/lib/x86_64-linux-gnu',
    '/usr/lib/x86_64-linux-gnu',
    '/lib64',
    '/usr/lib64',
    '/lib',
    '/usr/lib',
  ]
  const order = [...(environment['LD_LIBRARY_PATH'] ?? '').split(/[:;]/), ...usual]
  const rank = (folder: string) => (order.includes(folder) ? order.indexOf(folder) : order.length)
  const all = [
    ...base.sorted().map(([name, entry]) => ({ at: `/${name}`, entry })),
    ...own.sorted().map(([name, entry]) => ({ at: `${task}/${name}`, entry })),
  ]
  for (const { at, entry } of all) {
    const name = path.posix.basename(at)
    if (entry.kind === 'directory' || !/\.so(?:\.|$)/.test(name)) continue
    const before = found.get(name)
    if (before === undefined || rank(path.posix.dirname(at)) < rank(path.posix.dirname(before)))
      found.set(name, at)
  }
  return found
}

function preloaded({ environment, argv }: Program): string[] {
  const text = environment['LD_PRELOAD'] ?? ''
  const flag = argv.indexOf('--preload')
  return [...text.split(/[:\s]+/), ...(flag >= 0 ? [argv[flag + 1] ?? ''] : [])].filter((each) =>
    each.startsWith('/'),
  )
}

/** Machine code among the files of a function that an interpreter runs. */
function extensions(files: Tree): string[] {
  const found: string[] = []
  for (const [name, entry] of files.sorted()) {
    if (entry.kind !== 'file' || !/\.(?:node|so)(?:\.[\d.]+)?$/.test(name) || entry.content.size < 64)
      continue
    if (found.length < maxExtensions && isOurs(resolveFile(treeView(files), `/${name}`)))
      found.push(`${task}/${name}`)
  }
  return found
}

/** Packages bring builds for other systems along, which are never loaded. */
function isOurs(file: ReturnType<typeof resolveFile>): boolean {
  if (!file) return false
  return reading(file.entry.open(), (source) => {
    if (!isElf(source.read(0, 4))) return false
    try {
      const { class: bits, machine, needed } = readElf(source)
      return bits === 64 && machine === 62 && !needed.some((name) => name.startsWith('libc.musl-'))
    } catch {
      return false
    }
  })
}
