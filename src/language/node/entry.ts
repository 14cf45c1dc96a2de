import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { resolveFile, treeView } from '../../image/closure/file-view.ts'
import type { Tree } from '../../image/tree.ts'
import { taskFolder } from '../program.ts'
import { detectNode } from './detect.ts'

/** What `node` is to run. */
export interface Entry {
  /** Options of Node.js itself. */
  options: string[]
  /** Path in the function's folder. */
  file: string
  args: string[]
}

const packageManagers = new Set(['npm', 'npx', 'pnpm', 'yarn', 'bun', 'deno'])
/** Options of Node.js that take the next argument, unless it is joined to them by `=`. */
const optionsWithValue = new Set([
  '-r',
  '--require',
  '--import',
  '--loader',
  '--experimental-loader',
  '-C',
  '--conditions',
])

/**
 * What a web function or a program runs: `command`, a file, or `node` with the file among the arguments; else what the
 * folder shows.
 * @throws UfrError UFR-PROGRAM where there is no such file among the function's files.
 */
export function findEntry(spec: FunctionSpec, task: Tree): Entry {
  const { options, command, args } = splitCommand(spec)
  const name = insideFolder(spec, command)
  const view = treeView(task)
  // As `node` completes the name of what it is to run.
  const file = ['', '.js', '/index.js']
    .map((ending) => name + ending)
    .find((each) => resolveFile(view, `/${each}`))
  if (file !== undefined) return { options, file, args }
  throw new UfrError(
    'UFR-PROGRAM',
    `${spec.name} is to run ${command}, and there is no such file in ${spec.folder}`,
    {
      fix: 'Correct `command` in ufr.json, or let `files` and .ufrignore include the file.',
      detail: scripts(task),
    },
  )
}

function splitCommand(spec: FunctionSpec): { options: string[]; command: string; args: string[] } {
  const command = spec.command ?? detectNode(spec.folder)?.command
  if (command === undefined || packageManagers.has(command)) {
    const what =
      command === undefined
        ? 'does not say which file to run'
        : `is started by ${command}, which a guest does not have`
    throw new UfrError('UFR-PROGRAM', `${spec.name} ${what}`, {
      fix: 'Set `command` in ufr.json to the JavaScript file that starts it, such as "server.mjs".',
    })
  }
  if (command !== 'node') return { options: [], command, args: spec.args }
  let at = 0
  while (spec.args[at]?.startsWith('-')) at += optionsWithValue.has(spec.args[at]!) ? 2 : 1
  const file = spec.args[at]
  if (file === undefined) {
    throw new UfrError('UFR-PROGRAM', `${spec.name} is to run node without a file`, {
      fix: 'Set `command` in ufr.json to the JavaScript file itself, such as "server.mjs".',
    })
  }
  return { options: spec.args.slice(0, at), command: file, args: spec.args.slice(at + 1) }
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
    .filter((file) => /\.[cm]?[jt]s$/.test(file) && !/(^|\/)node_modules\//.test(file))
  return found.length === 0
    ? []
    : [`there are: ${found.slice(0, 8).join(', ')}${found.length > 8 ? ', …' : ''}`]
}
