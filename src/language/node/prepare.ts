import fs from 'node:fs'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { bytesContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import type { FileRule } from '../../image/folder/file-rule.ts'
import { plainTree } from '../../image/folder/plain.ts'
import type { Tree } from '../../image/tree.ts'
import type { CompiledModules, ModuleSource } from '../../kernel/node/compile-modules.ts'
import { nodeMajor } from '../../kernel/node/major.ts'
import { runtimeOrigins } from '../../kernel/runtime-owners.ts'
import { environmentOf, type LanguageEnvironment } from '../environment.ts'
import { type Base, type Language, type Program, taskFolder } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { withCompileCache } from './compile-cache.ts'
import { findEntry } from './entry.ts'
import { guestFiles, handlerServer, webPreload } from './guest-files.ts'
import { checkHandler } from './handler.ts'

/** A Node.js runtime of the store. */
export interface NodeRuntime {
  version: string
  /** Names everything that is in `root`. */
  key: string
  /** Folder of the host with the guest's root: Node.js at /usr/bin/node, its libraries, time zones, authorities. */
  root: string
}

/** What this language has from elsewhere. */
export interface NodeParts {
  ensureRuntime(major: number, progress: Progress): Promise<NodeRuntime>
  /** Makes what Node.js finds in its compile cache. @throws UfrError UFR-COMMAND where that cannot be. */
  compile(runtime: NodeRuntime, modules: readonly ModuleSource[]): Promise<CompiledModules>
  folderTree(folder: string, rules: readonly FileRule[]): Tree
}

/** Named by the official binaries, which a runtime holds. */
const linker = '/lib64/ld-linux-x86-64.so.2'

export function nodeLanguage(parts: NodeParts): Language {
  return {
    name: 'node',
    prepare: (spec, progress) => prepareNode(spec, progress, parts),
    interpret: (spec, progress) => interpretNode(spec, progress, parts),
  }
}

/** @throws UfrError as `checkHandler`, `findEntry`, `environmentOf`, `NodeParts` and `nodeMajor` do. */
async function prepareNode(spec: FunctionSpec, progress: Progress, parts: NodeParts): Promise<Program> {
  const major = nodeMajor(spec.runtime)
  const task = taskTree(spec, parts.folderTree)
  // Before the runtime, which may have to be downloaded: what is wrong with the function is said at once.
  const handler = spec.shape === 'handler' ? checkHandler(spec, task) : undefined
  const environment = environmentOf(spec, handler, languageEnvironment(major))
  const args = handler === undefined ? programArguments(spec, task) : [handlerServer]
  const runtime = await parts.ensureRuntime(major, progress)
  const compile = (modules: readonly ModuleSource[]) => parts.compile(runtime, modules)
  const files = await withCompileCache(
    { task, environment },
    runtime.version,
    () => ours(spec),
    compile,
    progress,
  )
  return programOf(spec, runtime, files.task, args, files.environment)
}

/** Our modules, which every start loads, by the names that they have on all kernels. */
function ours({ shape }: FunctionSpec): ModuleSource[] {
  const loaded = shape === 'handler' ? handlerServer : webPreload
  if (shape === 'program') return []
  const text = Buffer.from(guestFiles().get(loaded)!).toString()
  // Nanos has its base there, and a link to it (unikernel/nanos/root.ts): Node.js follows links.
  return ['', '/base'].map((folder) => ({ name: folder + loaded, source: { text } }))
}

/** @throws UfrError as `NodeParts` and `nodeMajor` do. */
async function interpretNode(spec: FunctionSpec, progress: Progress, parts: NodeParts): Promise<Program> {
  const major = nodeMajor(spec.runtime)
  const task = taskTree(spec, parts.folderTree)
  const runtime = await parts.ensureRuntime(major, progress)
  const args = [...preload(spec), ...spec.args]
  return programOf(spec, runtime, task, args, environmentOf(spec, undefined, languageEnvironment(major)))
}

function programOf(
  spec: FunctionSpec,
  runtime: NodeRuntime,
  task: Tree,
  args: string[],
  environment: Record<string, string>,
): Program {
  return {
    base: baseOf(runtime),
    task,
    executable: '/usr/bin/node',
    interpreter: linker,
    argv: ['node', ...args],
    // The main thread would go on asking for the garbage collector's helpers to be done (v8: incremental-marking-job.cc).
    cooperativeArgv: ['node', '--single-threaded-gc', ...args],
    environment,
    workingDirectory: spec.workingDirectory ?? `/${taskFolder}`,
    tellsReady: spec.shape !== 'program',
  }
}

function languageEnvironment(major: number): LanguageEnvironment {
  const layers = `/opt/nodejs/node${major}/node_modules:/opt/nodejs/node_modules`
  return { identifier: `nodejs${major}.x`, handler: { NODE_PATH: `${layers}:/${taskFolder}` } }
}

function preload({ shape }: FunctionSpec): string[] {
  return shape === 'web' ? ['-r', webPreload] : []
}

function programArguments(spec: FunctionSpec, task: Tree): string[] {
  const { options, file, args } = findEntry(spec, task)
  return [...preload(spec), ...options, file, ...args]
}

function baseOf(runtime: NodeRuntime): Base {
  const ours = guestFiles()
  const texts = [...ours].flatMap(([name, bytes]) => [name, Buffer.from(bytes).toString()])
  return {
    key: digestOf('node', runtime.key, ...texts),
    title: `node ${runtime.version}`,
    topLevel: [...new Set([...fs.readdirSync(runtime.root), 'opt'])].sort(),
    tree() {
      const tree = plainTree(runtime.root).explain(runtimeOrigins(runtime.root, `node ${runtime.version}`))
      for (const [name, bytes] of ours) tree.file(name.slice(1), bytesContent(bytes))
      return tree
    },
  }
}
