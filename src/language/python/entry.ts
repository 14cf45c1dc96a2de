import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { resolveFile, treeView } from '../../image/closure/file-view.ts'
import type { Tree } from '../../image/tree.ts'
import { taskFolder } from '../program.ts'
import { detectPython } from './detect.ts'

/** What the interpreter is to run. */
export interface Entry {
  /** Options of the interpreter itself. */
  options: string[]
  /** A file in the function's folder, relative to it; or else `program`. */
  file?: string
  /** A program that an installed package may bring, such as `uvicorn`. */
  program?: string
  /** What stands after the file or program, or everything from `-m` or `-c` on. */
  args: string[]
}

const interpreter = /^python(3(\.\d+)?)?$/
/** Options of the interpreter that take the next argument, unless it is joined to them. */
const optionsWithValue = new Set(['-X', '-W', '--check-hash-based-pycs'])

/**
 * What a web function or a program runs: `command`, which is a file, `python` with what stands behind it, or the name
 * of a program of an installed package; else what the folder shows.
 * @throws UfrError UFR-PROGRAM where there is nothing of that.
 */
export function findEntry(spec: FunctionSpec, task: Tree): Entry {
  const command = spec.command ?? detectPython(spec.folder)?.command
  if (command === undefined) {
    throw new UfrError('UFR-PROGRAM', `${spec.name} does not say which file to run`, {
      fix: 'Set `command` in ufr.json to the Python file that starts it, such as "server.py".',
    })
  }
  if (!interpreter.test(command)) return { options: [], ...named(spec, command, task), args: spec.args }
  const { options, rest } = splitOptions(spec.args)
  const [first, ...args] = rest
  if (first === undefined) {
    throw new UfrError('UFR-PROGRAM', `${spec.name} is to run ${command} without a file`, {
      fix: 'Set `command` in ufr.json to the Python file itself, such as "server.py", or `args` to what it is to run.',
    })
  }
  if (first.startsWith('-')) return { options, args: rest }
  return { options, ...named(spec, first, task), args }
}

/** Splits the interpreter's arguments into its own options and what it runs: a file, or all from `-m` or `-c` on. */
export function splitOptions(args: readonly string[]): { options: string[]; rest: string[] } {
  let at = 0
  while (args[at]?.startsWith('-') && args[at] !== '-m' && args[at] !== '-c') {
    at += optionsWithValue.has(args[at]!) ? 2 : 1
  }
  return { options: args.slice(0, at), rest: args.slice(at) }
}

function named(spec: FunctionSpec, command: string, task: Tree): Pick<Entry, 'file' | 'program'> {
  const file = insideFolder(spec, command)
  const view = treeView(task)
  if (resolveFile(view, `/${file}`) || resolveFile(view, `/${file}/__main__.py`)) return { file }
  if (/^[\w.+-]+$/.test(command) && !command.endsWith('.py')) return { program: command }
  throw missing(spec, command, task, [])
}

/** @param programs what installed packages bring. */
export function missing(
  spec: FunctionSpec,
  command: string,
  task: Tree,
  programs: readonly string[],
): UfrError {
  const detail = scripts(task)
  if (programs.length > 0) detail.push(`programs of installed packages: ${programs.slice(0, 12).join(', ')}`)
  const isProgram = !command.endsWith('.py')
  return new UfrError(
    'UFR-PROGRAM',
    `${spec.name} is to run ${command}, and there is no such file in ${spec.folder}`,
    {
      fix: isProgram
        ? 'Correct `command` in ufr.json; a program of a package needs the package in requirements.txt.'
        : 'Correct `command` in ufr.json, or let `files` and .ufrignore include the file.',
      detail,
    },
  )
}

function insideFolder(spec: FunctionSpec, command: string): string {
  const inGuest = path.posix.relative(`/${taskFolder}`, command)
  const inHost = path.relative(spec.folder, command)
  const absolute = isInside(inGuest) ? inGuest : inHost
  const relative = path.isAbsolute(command) ? absolute : path.posix.normalize(command)
  if (isInside(relative)) return relative.replace(/\/$/, '') || '.'
  throw new UfrError('UFR-PROGRAM', `The command ${command} leads out of the folder of ${spec.name}`, {
    fix: 'Put the file into the folder, and name it by its path there.',
  })
}

function isInside(relative: string): boolean {
  return relative !== '..' && !relative.startsWith('../') && !path.isAbsolute(relative)
}

function scripts(task: Tree): string[] {
  const found = task
    .sorted()
    .map(([file]) => file)
    .filter((file) => /^[^/]+(\/[^/]+)?\.py$/.test(file))
  return found.length === 0
    ? []
    : [`there are: ${found.slice(0, 8).join(', ')}${found.length > 8 ? ', …' : ''}`]
}
