import fs from 'node:fs'
import path from 'node:path'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { bytesContent } from '../../image/content.ts'
import { digestOf } from '../../image/digest.ts'
import type { FileRule } from '../../image/folder/file-rule.ts'
import { plainTree } from '../../image/folder/plain.ts'
import type { Tree } from '../../image/tree.ts'
import type { Installed } from '../../kernel/python/requirements.ts'
import { readRequirements } from '../../kernel/python/requirements-file.ts'
import { type PythonSource, pythonSource } from '../../kernel/python/version.ts'
import { runtimeOrigins } from '../../kernel/runtime-owners.ts'
import type { Runtime } from '../../kernel/runtimes.ts'
import { defaultPort, environmentOf } from '../environment.ts'
import { type Base, type Language, type Program, taskFolder } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { type Entry, findEntry, missing, splitOptions } from './entry.ts'
import { checkExtensions } from './extensions.ts'
import { guestSources, handlerModule, runModule } from './guest-files.ts'
import { checkHandler } from './handler.ts'
import { type Compile, pythonTask, withBytecode } from './task.ts'

/** What this language has from elsewhere. */
export interface PythonParts {
  ensureRuntime(source: PythonSource, progress: Progress): Promise<Runtime>
  install(
    runtime: Runtime,
    file: string,
    guestPath: string,
    progress: Progress,
  ): Promise<Installed | undefined>
  compile(runtime: Runtime): Compile
  folderTree(folder: string, rules: readonly FileRule[]): Tree
}

const requirementsName = 'requirements.txt'
/** Where installed packages are in the guest: the place of a layer, as on AWS Lambda. */
const layer = 'opt/python'
/** Named by the interpreter. */
const linker = '/lib64/ld-linux-x86-64.so.2'

export function pythonLanguage(parts: PythonParts): Language {
  return {
    name: 'python',
    prepare: (spec, progress) => preparePython(spec, progress, parts),
    interpret: (spec, progress) => interpretPython(spec, progress, parts),
  }
}

/** @throws UfrError as `checkHandler`, `findEntry`, `checkExtensions`, `environmentOf` and `PythonParts` do. */
async function preparePython(spec: FunctionSpec, progress: Progress, parts: PythonParts): Promise<Program> {
  const source = pythonSource(spec.runtime)
  const task = pythonTask(taskTree(spec, parts.folderTree))
  const file = path.join(spec.folder, requirementsName)
  const hasRequirements = spec.root === undefined && fs.existsSync(file)
  // Before the runtime, which may have to be downloaded: what is wrong with the function is said at once.
  const handler = spec.shape === 'handler' ? checkHandler(spec, task, hasRequirements) : undefined
  const entry = handler === undefined ? findEntry(spec, task) : undefined
  const environment = pythonEnvironment(spec, handler, source)
  checkExtensions(task, source.version)
  if (hasRequirements) readRequirements(file)
  const runtime = await parts.ensureRuntime(source, progress)
  const installed = hasRequirements ? await parts.install(runtime, file, `/${layer}`, progress) : undefined
  const args = entry ? entryArguments(spec, entry, task, installed) : ['-m', handlerModule]
  const whole = await withBytecode(task, source.version, parts.compile(runtime))
  return programOf(spec, runtime, installed, whole, args, environment, parts)
}

/** @throws UfrError as `PythonParts` and `pythonSource` do. */
async function interpretPython(spec: FunctionSpec, progress: Progress, parts: PythonParts): Promise<Program> {
  const source = pythonSource(spec.runtime)
  const task = pythonTask(taskTree(spec, parts.folderTree))
  const runtime = await parts.ensureRuntime(source, progress)
  const { options, rest } = splitOptions(spec.args)
  const args = rest.length === 0 ? options : [...options, ...runner(spec), ...rest]
  const environment = environmentOf(spec, undefined, { identifier: `python${source.version}` })
  return programOf(spec, runtime, undefined, task, args, environment, parts)
}

async function programOf(
  spec: FunctionSpec,
  runtime: Runtime,
  installed: Installed | undefined,
  task: Tree,
  args: string[],
  environment: Record<string, string>,
  parts: PythonParts,
): Promise<Program> {
  return {
    base: await baseOf(runtime, installed, parts),
    task,
    executable: `/${runtime.program}`,
    interpreter: linker,
    // Bytecode would be written beside the sources, which a guest cannot keep.
    argv: [path.posix.basename(runtime.program), '-B', ...args],
    environment,
    workingDirectory: spec.workingDirectory ?? `/${taskFolder}`,
    tellsReady: spec.shape !== 'program',
  }
}

function pythonEnvironment(
  spec: FunctionSpec,
  handler: string | undefined,
  { version }: PythonSource,
): Record<string, string> {
  const environment = {
    // What is written to a console that keeps it is to have no colours.
    PYTHON_COLORS: '0',
    ...environmentOf(spec, handler, { identifier: `python${version}` }),
  }
  // A handler's server puts these there itself, in AWS's order.
  if (handler !== undefined) return environment
  const folders = [`/${taskFolder}`, `/${layer}/lib/python${version}/site-packages`, `/${layer}`]
  const own = spec.environment['PYTHONPATH']
  return { ...environment, PYTHONPATH: [...(own ? [own] : []), ...folders].join(':') }
}

/** What runs a program in the interpreter: with the port that the host waits for. */
function runner({ shape, port }: FunctionSpec): string[] {
  return ['-m', runModule, shape === 'web' ? String(port ?? defaultPort) : '-']
}

function entryArguments(
  spec: FunctionSpec,
  entry: Entry,
  task: Tree,
  installed: Installed | undefined,
): string[] {
  const { options, file, program, args } = entry
  if (program === undefined)
    return [...options, ...runner(spec), ...(file === undefined ? [] : [file]), ...args]
  const bin = path.join(installed?.folder ?? '', 'bin')
  const programs = installed && fs.existsSync(bin) ? fs.readdirSync(bin).sort() : []
  if (!programs.includes(program)) throw missing(spec, program, task, programs)
  return [...options, ...runner(spec), `/${layer}/bin/${program}`, ...args]
}

async function baseOf(runtime: Runtime, installed: Installed | undefined, parts: PythonParts): Promise<Base> {
  const sources = guestSources()
  const modules = sources.map(({ name, text }) => ({ name, text: Buffer.from(text) }))
  const compiled = await parts.compile(runtime)(modules)
  const ours = sources.map(({ compiled: at }, i) => ({ at, bytes: compiled[i]! }))
  const texts = sources.flatMap(({ compiled: at, text }) => [at, text])
  return {
    key: digestOf('python', runtime.key, installed?.key ?? '', ...texts),
    title: `python ${runtime.version}${installed ? ' with packages' : ''}`,
    topLevel: [...new Set([...fs.readdirSync(runtime.root), 'opt'])].sort(),
    tree() {
      const tree = plainTree(runtime.root).explain(runtimeOrigins(runtime.root, `python ${runtime.version}`))
      const required = () => ({ reason: 'runtime' as const, from: 'the packages that the function requires' })
      if (installed) tree.merge(plainTree(installed.folder).explain(required), layer)
      for (const { at, bytes } of ours) tree.file(at, bytesContent(bytes))
      return tree
    },
  }
}
