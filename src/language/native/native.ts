import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { type Closure, type ClosureOptions, closure } from '../../image/closure/closure.ts'
import { closureTree } from '../../image/closure/closure-tree.ts'
import {
  type FileView,
  hostView,
  mountView,
  overlayView,
  type Resolved,
  resolvePath,
  treeView,
  type ViewFile,
} from '../../image/closure/file-view.ts'
import { checkArchitecture, readObject } from '../../image/closure/object.ts'
import { freezeTree } from '../../image/digest.ts'
import { reading } from '../../image/source.ts'
import { Tree } from '../../image/tree.ts'
import { type Base, type Language, type Program, taskFolder } from '../program.ts'
import { taskTree } from '../root-files.ts'
import { withProgram } from '../source/builder.ts'
import { noSwift, preloadVariable, readyMadeSwift } from '../swift/ready-made.ts'
import { fileKind } from './file-kind.ts'
import {
  findInPath,
  missingInterpreter,
  readScriptLine,
  scriptInterpreter,
  scriptLineBytes,
} from './script.ts'

const task = `/${taskFolder}`
const defaultPort = 8080

/** Where a function's program is in the guest. */
function commandPath(spec: FunctionSpec, view: FileView): string {
  const command = spec.command ?? ''
  if (command === '' || command.includes('\0')) {
    throw new UfrError('UFR-PROGRAM', `${spec.name} does not say which program to run`, {
      fix: 'Set `command` in ufr.json to the path of the program, relative to the folder of the function.',
    })
  }
  if (spec.workingDirectory !== undefined) {
    const { workingDirectory: cwd, environment } = spec
    return findInPath(view, command, environment['PATH'], cwd) ?? path.posix.resolve(cwd, command)
  }
  const inFolder = path.relative(spec.folder, command)
  if (path.isAbsolute(command)) {
    const outside = inFolder === '..' || inFolder.startsWith('../')
    return outside ? path.posix.normalize(command) : path.posix.join(task, inFolder)
  }
  const inside = path.posix.join(task, command)
  if (!inside.startsWith(`${task}/`)) {
    throw new UfrError('UFR-PROGRAM', `The command ${command} leads out of the folder of ${spec.name}`, {
      fix: 'Put the program into the folder, or name it by its absolute path.',
    })
  }
  return inside
}

function missingProgram(spec: FunctionSpec, guestPath: string): UfrError {
  const command = spec.command ?? ''
  if (spec.root) {
    const where = spec.root.whole
      ? `not in ${spec.root.title}`
      : `neither in ${spec.root.title} nor on this host`
    return new UfrError('UFR-PROGRAM', `There is no program ${command}: ${guestPath} is ${where}`, {
      fix: 'Correct its name, or name another program by --command.',
    })
  }
  const inFolder = guestPath.startsWith(`${task}/`)
  const hostPath = inFolder ? path.join(spec.folder, guestPath.slice(task.length)) : guestPath
  if (inFolder && fs.existsSync(hostPath)) {
    return new UfrError('UFR-PROGRAM', `The program ${command} is not among the files of ${spec.name}`, {
      fix: 'Let `files` in ufr.json and .ufrignore include it.',
    })
  }
  return new UfrError('UFR-PROGRAM', `There is no program ${command}: ${hostPath} does not exist`, {
    fix: 'Build it, or correct `command` in ufr.json: a path relative to the folder, or an absolute one.',
  })
}

function firstBytes(file: ViewFile): Uint8Array {
  return reading(file.open(), (source) => source.read(0, Math.min(source.size, scriptLineBytes)))
}

type ResolvedFile = Resolved & { entry: ViewFile }

function programFile(view: FileView, spec: FunctionSpec, guestPath: string): ResolvedFile {
  const resolved = resolvePath(view, guestPath)
  if (!resolved) throw missingProgram(spec, guestPath)
  const { entry } = resolved
  if (entry.kind !== 'file') {
    const what = entry.kind === 'directory' ? 'a folder' : 'not a regular file'
    throw new UfrError('UFR-PROGRAM', `The command ${spec.command} is ${what}`)
  }
  return { ...resolved, entry }
}

interface Start {
  /** Guest path of the ELF file to run. */
  program: string
  argv: string[]
}

/** Takes the kernel's part in running a script: its interpreter becomes the program, the script an argument. */
function startScript(
  view: FileView,
  spec: FunctionSpec,
  guestPath: string,
  command: string,
  start: Uint8Array,
): Start {
  const line = readScriptLine(start, command)
  const interpreter = scriptInterpreter(
    view,
    line,
    command,
    spec.workingDirectory ?? task,
    spec.environment['PATH'],
  )
  const resolved = resolvePath(view, interpreter.path)
  if (resolved?.entry.kind !== 'file') {
    throw missingInterpreter(command, line.interpreter, `there is no file ${interpreter.path}`)
  }
  const kind = fileKind(firstBytes(resolved.entry))
  if (kind !== 'elf') {
    const what = kind === 'script' ? 'a script itself' : kind
    throw new UfrError(
      'UFR-INTERPRETER',
      `The interpreter of the script ${command}, ${interpreter.path}, is ${what}`,
      {
        fix: 'Name an ELF program in the first line of the script.',
      },
    )
  }
  return { program: interpreter.path, argv: [...interpreter.argv, guestPath, ...spec.args] }
}

function checkProgram(file: ViewFile, command: string): void {
  const elf = readObject(file, command, 'UFR-PROGRAM')
  checkArchitecture(elf, command)
  if (elf.interpreter === undefined && (elf.needed.length > 0 || elf.entry === 0n)) {
    throw new UfrError('UFR-PROGRAM', `${command} is a shared library, not a program`, {
      fix: 'Link it as a program: without -shared.',
    })
  }
}

function startOf(view: FileView, spec: FunctionSpec): Start {
  const guestPath = commandPath(spec, view)
  const command = spec.command ?? guestPath
  const file = programFile(view, spec, guestPath)
  const start = firstBytes(file.entry)
  const kind = fileKind(start)
  if (kind === 'script') return startScript(view, spec, guestPath, command, start)
  if (kind !== 'elf') {
    throw new UfrError('UFR-PROGRAM', `The program ${command} is ${kind}`, {
      fix: 'Build it as an ELF program for x86-64 Linux.',
    })
  }
  checkProgram(file.entry, command)
  if ((file.entry.mode & 0o111) === 0) {
    throw new UfrError('UFR-PROGRAM', `The program ${command} is not executable`, {
      fix: `chmod +x ${file.entry.hostPath ?? path.join(spec.folder, file.path.slice(task.length))}`,
    })
  }
  return { program: guestPath, argv: [command, ...spec.args] }
}

function baseOf(spec: FunctionSpec, found: Closure, more: Tree): Base {
  const files = closureTree(found)
  for (const [name, entry] of more.sorted()) files.set(name, entry)
  const { tree, digest } = freezeTree(files)
  return {
    key: digest,
    title: tree.size > 0 ? `libraries of ${spec.name}` : 'no libraries',
    topLevel: tree.topLevel(),
    tree: () => tree,
  }
}

/** The variables of a web function or a program: only its own, and Lambda Web Adapter's. */
export function nativeEnvironment(spec: FunctionSpec): Record<string, string> {
  if (spec.shape !== 'web') return { ...spec.environment }
  const port = String(spec.port ?? defaultPort)
  return { PORT: port, AWS_LWA_PORT: port, ...spec.environment }
}

function searchOf(environment: Record<string, string>): string[] {
  const text = environment['LD_LIBRARY_PATH']
  return text ? text.split(/[:;]/) : []
}

const maxPlugins = 1000

/** Shared libraries among files that have places of their own, which programs open by themselves: an interpreter's modules. */
function pluginsOf(tree: Tree): string[] {
  const found: string[] = []
  for (const [name, entry] of tree.sorted()) {
    if (entry.kind !== 'file' || !/\.so(\.[\d.]+)?$/.test(name) || found.length >= maxPlugins) continue
    if (fileKind(firstBytes(treeView(tree).entry(`/${name}`) as ViewFile)) === 'elf') found.push(`/${name}`)
  }
  return found
}

/** As `closure`, and what plugins need; those that this host lacks something for are left to themselves. */
function withPlugins(program: string, plugins: readonly string[], options: ClosureOptions): Closure {
  try {
    return closure([program, ...plugins], options)
  } catch (error) {
    if (!(error instanceof UfrError) || plugins.length === 0) throw error
    // What is wrong with the program itself is said here.
    closure([program], options)
    const fitting = plugins.filter((plugin) => fits(program, plugin, options))
    return closure([program, ...fitting], options)
  }
}

function fits(program: string, plugin: string, options: ClosureOptions): boolean {
  try {
    closure([program, plugin], options)
    return true
  } catch (error) {
    if (error instanceof UfrError) return false
    throw error
  }
}

/** @param root folder of the host that libraries and interpreters are taken from, where the program is made for one. */
export function prepareNative(spec: FunctionSpec, root?: string, tree = taskTree(spec)): Program {
  if (spec.shape === 'handler') {
    throw new UfrError('UFR-PROGRAM', `${spec.name} is a native program, which cannot be a handler`, {
      fix: 'Set `shape` in ufr.json to web or program; a handler for the Runtime API has the runtime provided.al2023.',
    })
  }
  return prepareProgram(spec, nativeEnvironment(spec), { tree, ...(root !== undefined && { root }) })
}

export interface ProgramParts {
  /** Folder of the host that libraries and interpreters are taken from, where the program is made for one. */
  root?: string
  /** The function's own files, where they are not those of its folder. */
  tree?: Tree
}

/**
 * The program that a function's `command` names, with the libraries that it needs.
 * @throws UfrError UFR-PROGRAM, UFR-ARCHITECTURE, UFR-INTERPRETER, UFR-LIBRARY.
 */
export function prepareProgram(
  spec: FunctionSpec,
  environment: Record<string, string>,
  { root, tree = taskTree(spec) }: ProgramParts = {},
): Program {
  const sysroot = root ?? spec.root?.sysroot ?? '/'
  const over = spec.root?.tree()
  const whole = spec.root?.whole === true
  const host = whole ? treeView(new Tree()) : hostView(sysroot)
  const view = mountView(over ? overlayView(host, treeView(over)) : host, task, treeView(tree))
  const start = startOf(view, spec)
  // What was built here has what it needs, and what has a root of its own is not ours to complete.
  const readyMade = root === undefined && !spec.root && start.program.startsWith(`${task}/`)
  const swift = readyMade ? readyMadeSwift(programFile(view, spec, start.program).entry, spec) : noSwift
  const plugins = over && !whole ? pluginsOf(over) : []
  const found = withPlugins(start.program, plugins, {
    root: swift.root ?? sysroot,
    mounts: [{ at: task, tree }],
    extraLibraryPaths: swift.extraLibraryPaths,
    ...(over && { over, overOnly: whole }),
    libraryPath: searchOf(environment),
    workingDirectory: spec.workingDirectory ?? task,
  })
  const preloads = swift.preloads(found)
  return {
    base: baseOf(spec, found, preloads),
    task: tree,
    executable: found.programs[0] ?? start.program,
    ...(whole && { startedAs: start.program }),
    interpreter: found.files.find(({ role }) => role === 'interpreter')?.guestPath,
    argv: start.argv,
    environment: { ...environment, ...preloadVariable(preloads, environment) },
    workingDirectory: spec.workingDirectory ?? task,
    tellsReady: false,
  }
}

/** Programs that are machine code already, and scripts whose interpreter is. */
export const native: Language = {
  name: 'native',
  async prepare(spec, progress) {
    const { spec: built, tree, root } = await withProgram(spec, progress)
    return prepareNative(built, root, tree)
  },
  interpret: async (spec) => prepareNative(spec),
}
