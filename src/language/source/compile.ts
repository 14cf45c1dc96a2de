import os from 'node:os'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { type CommandResult, findCommand, lastLines, runCommand } from '../../base/process.ts'

/** A compiler, and how people get it. */
export interface Toolchain {
  command: string
  /** Folders besides those on PATH where its installer puts it, from the home folder on or absolute. */
  folders?: string[]
  /** What to do where it is missing. */
  install: string
}

const limitMs = 30 * 60_000
const mostLines = 40
/** Every status is looked at here. */
const anyStatus = Array.from({ length: 256 }, (_, status) => status)
/** What cargo and make say of their work, which is no help to anybody. */
const dull =
  /^\s*(Compiling|Downloading|Downloaded|Updating|Locking|Adding|Blocking|Fresh|Finished|make(\[\d+\])?:(?! \*\*\*))\s/

/** The program of a toolchain. @throws UfrError UFR-TOOLCHAIN where it is not on PATH, nor where it is usually put. */
export function findTool({ command, folders = [], install }: Toolchain, folder: string): string {
  const places = [process.env['PATH'] ?? '', ...folders.map((each) => path.resolve(os.homedir(), each))]
  const found = findCommand(command, places.join(path.delimiter))
  if (found !== undefined) return found
  throw new UfrError('UFR-TOOLCHAIN', `${folder} is built with ${command}, which is not installed`, {
    fix: `${install} Or build it elsewhere, and put the program into the folder.`,
  })
}

/**
 * Runs a compiler.
 * @param options `folder` is where it runs; `sources` what a person calls it, where that is another.
 * @throws UfrError UFR-BUILD with what it says, the first error with its file and line in the message.
 */
export async function compile(
  toolchain: Toolchain,
  args: string[],
  { folder, sources = folder, env }: { folder: string; sources?: string; env?: NodeJS.ProcessEnv },
): Promise<CommandResult> {
  const tool = findTool(toolchain, sources)
  const result = await runCommand(tool, args, {
    cwd: folder,
    // A compiler's own helpers are beside it.
    env: { ...process.env, ...env, PATH: `${process.env['PATH'] ?? ''}:${path.dirname(tool)}` },
    timeout: limitMs,
    accept: anyStatus,
  })
  if (result.status === 0) return result
  throw buildError(toolchain.command, sources, result)
}

function buildError(command: string, folder: string, { stderr, stdout, status }: CommandResult): UfrError {
  const all = (stderr.trim() === '' ? stdout : stderr).split('\n').map((line) => line.trimEnd())
  const said = all.filter((line) => line !== '' && !dull.test(line))
  const first = said.findIndex((line) => /\berror\b|^\S+:\d+:\d+: /.test(line))
  const detail = first < 0 ? lastLines(said.join('\n')) : said.slice(first, first + mostLines)
  const where = place(detail)
  const what = detail[0] === undefined ? `it ended with status ${status}` : detail[0].trim()
  return new UfrError('UFR-BUILD', `${command} cannot build ${folder}: ${where}${what}`, { detail })
}

/** Rust says in the line after an error where it is; others in the line itself. */
function place([, next = '']: string[]): string {
  const match = /^\s*--> (\S+:\d+:\d+)$/.exec(next)
  return match ? `${match[1]}: ` : ''
}
