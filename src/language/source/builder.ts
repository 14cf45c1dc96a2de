import fs from 'node:fs'
import path from 'node:path'
import { dataError } from '../../base/atomic.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
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

/**
 * Makes a program of sources by a tool of the host.
 * @returns the program's path on the host.
 * @throws UfrError UFR-BUILD with the compiler's words, UFR-TOOLCHAIN where there is none.
 */
export type Build = (request: BuildRequest) => Promise<string>

const builds: Record<BuildTool, () => Promise<Build>> = {
  cargo: async () => (await import('./cargo.ts')).buildByCargo,
  go: async () => (await import('./go.ts')).buildByGo,
  make: async () => (await import('./make.ts')).buildByMake,
  cc: async () => (await import('./cc.ts')).buildByCc,
}

/** A function with the program that its command names, wherever that is from. */
export interface WithProgram {
  spec: FunctionSpec
  /** The function's files, where they are not those of its folder. */
  tree?: Tree
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
    const file = await build({ folder, cache: cacheFolder(folder), wanted })
    const name = path.basename(command) || path.basename(file)
    const tree = spec.files.length > 0 ? folderTree(spec.folder, spec.files) : new Tree()
    tree.file(name, fileContent(file, fs.statSync(file).size), 0o755)
    return { spec: { ...spec, command: name }, tree }
  } finally {
    progress.done()
  }
}

/** One for each folder, so that compilers find what they have compiled before. */
function cacheFolder(folder: string): string {
  const cache = homePath('builds', digestOf('build', folder).slice(0, 16))
  try {
    fs.mkdirSync(cache, { recursive: true })
    return cache
  } catch (error) {
    throw dataError(error, cache)
  }
}
