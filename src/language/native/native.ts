import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { type Closure, closure } from '../../image/closure/closure.ts'
import { closureTree } from '../../image/closure/closure-tree.ts'
import {
  type FileView,
  hostView,
  mountView,
  type Resolved,
  resolvePath,
  treeView,
  type ViewFile,
} from '../../image/closure/file-view.ts'
import { checkArchitecture, readObject } from '../../image/closure/object.ts'
import { freezeTree } from '../../image/digest.ts'
import { folderTree } from '../../image/folder/folder.ts'
import { reading } from '../../image/source.ts'
import type { Tree } from '../../image/tree.ts'
import { type Base, type Language, type Program, taskFolder } from '../program.ts'
import { fileKind } from './file-kind.ts'
import { missingInterpreter, readScriptLine, scriptInterpreter, scriptLineBytes } from './script.ts'

const task = `/${taskFolder}`
const defaultPort = 8080

/** Where a function's program is in the guest. */
function commandPath(spec: FunctionSpec): string {
  const command = spec.command ?? ''
  if (command === '' || command.includes('\0')) {
    throw new UfrError('UFR-PROGRAM', `${spec.name} does not say which program to run`, {
      fix: 'Set `command` in ufr.json to the path of the program, relative to the folder of the function.',
    })
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
  const interpreter = scriptInterpreter(view, line, command, task, spec.environment['PATH'])
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
  const guestPath = commandPath(spec)
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

function baseOf(spec: FunctionSpec, found: Closure): Base {
  const { tree, digest } = freezeTree(closureTree(found))
  return {
    key: digest,
    title: tree.size > 0 ? `libraries of ${spec.name}` : 'no libraries',
    topLevel: tree.topLevel(),
    tree: () => tree,
  }
}

function environmentOf(spec: FunctionSpec): Record<string, string> {
  if (spec.shape !== 'web') return { ...spec.environment }
  const port = String(spec.port ?? defaultPort)
  return { PORT: port, AWS_LWA_PORT: port, ...spec.environment }
}

function searchOf(spec: FunctionSpec): string[] {
  const text = spec.environment['LD_LIBRARY_PATH']
  return text ? text.split(/[:;]/) : []
}

/** @param root folder of the host that libraries and interpreters are taken from. */
export function prepareNative(spec: FunctionSpec, root = '/'): Program {
  if (spec.shape === 'handler') {
    throw new UfrError('UFR-PROGRAM', `${spec.name} is a native program, which cannot be a handler`, {
      fix: 'Set `shape` in ufr.json to web or program.',
    })
  }
  const tree: Tree = folderTree(spec.folder, spec.files)
  const view = mountView(hostView(root), task, treeView(tree))
  const start = startOf(view, spec)
  const found = closure([start.program], {
    root,
    mounts: [{ at: task, tree }],
    libraryPath: searchOf(spec),
    workingDirectory: task,
  })
  return {
    base: baseOf(spec, found),
    task: tree,
    executable: found.programs[0] ?? start.program,
    interpreter: found.files.find(({ role }) => role === 'interpreter')?.guestPath,
    argv: start.argv,
    environment: environmentOf(spec),
    workingDirectory: task,
    tellsReady: false,
  }
}

/** Programs that are machine code already, and scripts whose interpreter is. */
export const native: Language = {
  name: 'native',
  prepare: async (spec) => prepareNative(spec),
}
