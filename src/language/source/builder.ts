import fs from 'node:fs'
import path from 'node:path'
import { dataError } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import { plainTree } from '../../image/folder/plain.ts'
import { Tree } from '../../image/tree.ts'
import { type BuildTool, buildToolOf } from './find.ts'

/** What a compiler is asked for. */
export interface BuildRequest {
  /** Absolute path of the sources; nothing is written there but what their own build tool does. */
  folder: string
  /** A folder of our own, kept from one build to the next. */
  cache: string
  /** The program that is wanted, where the sources make several; else it is up to the sources. */
  wanted: string | undefined
}

/** What a compiler made. */
export interface Built {
  /** The program's path on the host. */
  file: string
  /** Folder of the host whose shared libraries it is linked to. Default: `/`. */
  root?: string
  /** Folders that the program wants beside itself. */
  beside?: string[]
}

/**
 * Makes a program of sources by a tool of the host.
 * @returns the program, or just its path on the host.
 * @throws UfrError UFR-BUILD with the compiler's words, UFR-TOOLCHAIN where there is none.
 */
export type Build = (request: BuildRequest) => Promise<string | Built>

const builds: Record<BuildTool, () => Promise<Build>> = {
  cargo: async () => (await import('./cargo.ts')).buildByCargo,
  go: async () => (await import('./go.ts')).buildByGo,
  make: async () => (await import('./make.ts')).buildByMake,
  cc: async () => (await import('./cc.ts')).buildByCc,
  swift: async () => (await import('./swift.ts')).buildBySwift,
}

/** A function with the program that its command names, wherever that is from. */
export interface WithProgram {
  spec: FunctionSpec
  /** The function's files, where they are not those of its folder. */
  tree?: Tree
  /** Folder of the host whose shared libraries the program is linked to, where that is not `/`. */
  root?: string
}

/**
 * Builds a function's program where its folder has sources instead: then the program is all that the function has, and
 * what `files` names. A program that is there already is taken as it is.
 * @param usual the command of a function that names none.
 * @throws UfrError UFR-BUILD, UFR-TOOLCHAIN, UFR-DATA.
 */
export async function withProgram(
  spec: FunctionSpec,
  progress: Progress,
  usual?: string,
): Promise<WithProgram> {
  const command = spec.command ?? usual ?? ''
  const isThere = fs.statSync(path.resolve(spec.folder, command), { throwIfNoEntry: false })?.isFile()
  const hasPlaces = spec.root !== undefined || spec.workingDirectory !== undefined
  const tool = isThere || hasPlaces ? undefined : buildToolOf(spec.folder)
  if (!tool) return { spec }
  const folder = fs.realpathSync(spec.folder)
  const wanted = command === usual || command === '' ? undefined : command
  const build = await builds[tool]()
  progress.step(`Building ${spec.name} with ${tool}`)
  try {
    const built = await build({ folder, cache: cacheFolder(folder), wanted })
    const { file, root, beside = [] }: Built = typeof built === 'string' ? { file: built } : built
    const name = path.basename(command) || path.basename(file)
    const tree = spec.files.length > 0 ? folderTree(spec.folder, spec.files) : new Tree()
    const content = fileContent(file, fs.statSync(file).size)
    tree.set(name, { kind: 'file', mode: 0o755, content, origin: { reason: 'program' } })
    for (const each of beside) addFolder(tree, path.basename(each), each)
    return { spec: { ...spec, command: name }, tree, ...(root !== undefined && { root }) }
  } finally {
    progress.done()
  }
}

function addFolder(tree: Tree, name: string, folder: string): void {
  const origin = { reason: 'needed' as const, from: name, neededBy: ['the program'] }
  for (const [below, entry] of plainTree(folder).sorted()) tree.set(`${name}/${below}`, { ...entry, origin })
}

/** Where what compilers make of a folder's sources is kept: one for each folder, so that they find it again. */
export function buildsOf(folder: string): string {
  return homePath('builds', digestOf('build', folder).slice(0, 16))
}

function cacheFolder(folder: string): string {
  const cache = buildsOf(folder)
  try {
    fs.mkdirSync(cache, { recursive: true })
    // Compilers write it into what they keep, and want to find it there whatever way UFR_HOME was named.
    return fs.realpathSync(cache)
  } catch (error) {
    throw dataError(error, cache)
  }
}
