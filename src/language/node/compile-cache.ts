import { posix } from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { fileContent } from '../../image/content.ts'
import type { Origin } from '../../image/origin.ts'
import { Tree } from '../../image/tree.ts'
import type { CompiledModules, ModuleSource } from '../../kernel/node/compile-modules.ts'
import { taskFolder } from '../program.ts'

/** Compiles modules for the guest. */
export type Compile = (modules: readonly ModuleSource[]) => Promise<CompiledModules>

/** The first Node.js with a compile cache that a variable turns on (22.1). */
const oldestMajor = 22
/** From here on modules are compiled before they go into the image, packages and the function's own each by itself. */
const worthCompiling = 512 * 1024
/**
 * Of smaller modules nothing is kept: to read one more file takes as long as to compile it. Of 271 modules that a handler
 * with AWS's SDK loads, 44 are this large, and keeping those saves as much as keeping all.
 */
const leastBytes = 16 * 1024
/** A folder with more than this is not all loaded at a start. */
const most = { modules: 20_000, bytes: 128 << 20 }

/** Where the cache is, relative to /var/task. */
const cacheFolder = '.ufr/compiled'
const variable = 'NODE_COMPILE_CACHE'
const origin: Origin = { reason: 'ufr', from: 'modules as Node.js has them compiled' }

/** A function's files, and its variables. */
export interface Files {
  task: Tree
  environment: Record<string, string>
}

/**
 * Adds Node.js's compile cache to a function that brings many modules, such as packages or a bundle: to compile them
 * takes a good part of each start. A function of its own few files goes without: the first build after each change
 * would take longer by more than the start gains. So do functions that have a cache of their own.
 *
 * The cache cannot make a function fail: Node.js compares the text of each module with what was compiled, and compiles
 * what is not there.
 * @param ours modules of ours in the guest that are loaded at each start, by their absolute paths.
 * @param compile may fail with UFR-COMMAND; the function then goes without, and a note says so.
 */
export async function withCompileCache(
  files: Files,
  version: string,
  ours: () => readonly ModuleSource[],
  compile: Compile,
  progress: Progress,
): Promise<Files> {
  if (process.env['UFR_NODE_COMPILE_CACHE'] === 'off') return files
  if (Number.parseInt(version, 10) < oldestMajor || hasOwn(files.environment)) return files
  const groups = groupsOf(files.task)
  if (groups.length === 0) return files
  progress.step('Compiling the modules of the function')
  const task = new Tree().merge(files.task)
  try {
    // Ours go with the first, so that they are there once.
    for (const [i, group] of groups.entries())
      addCompiled(task, await compile(i === 0 ? [...ours(), ...group] : group))
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') throw error
    progress.note(`The function's modules could not be compiled, so it starts slower: ${error.message}`)
    return files
  }
  return { task, environment: { ...files.environment, [variable]: `/${taskFolder}/${cacheFolder}` } }
}

function addCompiled(task: Tree, { tag, files }: CompiledModules): void {
  for (const { name, file, bytes } of files) {
    const content = fileContent(file, bytes)
    task.set(`${cacheFolder}/${tag}/${name}`, { kind: 'file', mode: 0o644, content, origin })
  }
}

/** Whether the function says itself where such a cache is, or that it wants none. */
function hasOwn(environment: Record<string, string>): boolean {
  return [variable, 'NODE_DISABLE_COMPILE_CACHE'].some((name) => environment[name] !== undefined)
}

/**
 * The modules that are worth compiling, as two groups, so that a change of the function's own modules leaves those of
 * packages as they are: in packages, and the function's own.
 */
function groupsOf(task: Tree): ModuleSource[][] {
  const groups = { packages: newGroup(), own: newGroup() }
  const packageFiles = new Map<string, ModuleSource>()
  for (const [path, entry] of task.sorted()) {
    // What is in no file of the host is part of a container image, and that says how it is started.
    if (entry.kind !== 'file' || entry.content.file === undefined) continue
    const source: ModuleSource = { name: `/${taskFolder}/${path}`, source: { file: entry.content.file } }
    if (posix.basename(path) === 'package.json') packageFiles.set(posix.dirname(source.name), source)
    if (!/\.[cm]?js$/.test(path) || entry.content.size < leastBytes) continue
    const group = /(^|\/)node_modules\//.test(path) ? groups.packages : groups.own
    group.modules.push(source)
    group.bytes += entry.content.size
  }
  return Object.values(groups).flatMap(({ modules, bytes }) => {
    const fits = bytes >= worthCompiling && bytes <= most.bytes && modules.length <= most.modules
    return fits ? [[...describing(modules, packageFiles), ...modules]] : []
  })
}

/** The package.json of every folder in which a module is, or above it: they say what `.js` files are. */
function describing(modules: ModuleSource[], packageFiles: Map<string, ModuleSource>): ModuleSource[] {
  const found = new Set<ModuleSource>()
  for (const { name } of modules) {
    for (let folder = posix.dirname(name); folder !== '/'; folder = posix.dirname(folder)) {
      const file = packageFiles.get(folder)
      if (file) found.add(file)
    }
  }
  return [...found]
}

function newGroup(): { modules: ModuleSource[]; bytes: number } {
  return { modules: [], bytes: 0 }
}
