import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { type FileView, resolveFile } from '../../image/closure/file-view.ts'

export interface ScriptLine {
  /** As written: an absolute path, or one relative to the working directory. */
  interpreter: string
  /** Everything after the interpreter, as one argument. */
  argument?: string
}

/** PATH where a function sets none, as the shells of Linux distributions have it. */
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Linux looks no further (BINPRM_BUF_SIZE). */
export const scriptLineBytes = 256

/**
 * Reads the `#!` line of a script as Linux does (fs/binfmt_script.c): an interpreter and at most one argument.
 * @throws UfrError UFR-PROGRAM where the line names nothing, or is longer than Linux reads.
 */
export function readScriptLine(start: Uint8Array, script: string): ScriptLine {
  const text = Buffer.from(start.subarray(0, scriptLineBytes)).toString('utf8')
  const end = text.indexOf('\n')
  if (end < 0 && start.length >= scriptLineBytes) {
    throw new UfrError('UFR-PROGRAM', `The #! line of ${script} is longer than ${scriptLineBytes} bytes`)
  }
  const line = text.slice(2, end < 0 ? undefined : end)
  const [, interpreter, argument] = line.match(/^[ \t]*([^ \t\0]+)[ \t]*([^\0]*?)[ \t\0]*$/) ?? []
  if (interpreter === undefined || interpreter === '\r') {
    throw new UfrError('UFR-PROGRAM', `The #! line of ${script} names no interpreter`)
  }
  return argument ? { interpreter, argument } : { interpreter }
}

/** Splits what stands after `env -S`: words, with simple quotes around them where they have spaces. */
function words(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '')
}

/** The program of a name, as a shell would find it; one with a slash in it is a path, and not looked for. */
export function findInPath(
  view: FileView,
  name: string,
  searchPath = defaultPath,
  cwd = '/',
): string | undefined {
  if (name.includes('/')) return path.posix.resolve(cwd, name)
  return searchPath
    .split(':')
    .map((folder) => path.posix.resolve(cwd, folder, name))
    .find((candidate) => {
      const file = resolveFile(view, candidate)
      return file !== undefined && (file.entry.mode & 0o111) !== 0
    })
}

export interface Interpreter {
  /** Absolute guest path of what runs the script; whether it is there is not said. */
  path: string
  /** Its name as it sees it, and its own arguments: what goes before the script's path. */
  argv: string[]
}

/**
 * What runs a script. `/usr/bin/env NAME` is looked up here, in the PATH of the guest: no guest could run `env` and
 * then another program.
 * @throws UfrError UFR-INTERPRETER where PATH has no such program, UFR-PROGRAM where `env` is used in another way.
 */
export function scriptInterpreter(
  view: FileView,
  line: ScriptLine,
  script: string,
  cwd: string,
  searchPath = defaultPath,
): Interpreter {
  if (line.interpreter !== '/usr/bin/env' && line.interpreter !== '/bin/env') {
    const argv = line.argument === undefined ? [line.interpreter] : [line.interpreter, line.argument]
    return { path: path.posix.resolve(cwd, line.interpreter), argv }
  }
  const argument = line.argument ?? ''
  const split = argument.match(/^-S\s*(.+)$/)?.[1]
  const argv = split === undefined ? [argument] : words(split)
  const name = argv[0] ?? ''
  if (name === '' || name.startsWith('-') || name.includes('=')) {
    throw new UfrError(
      'UFR-PROGRAM',
      `The #! line of ${script} uses env in a way that ufr does not know: ${argument}`,
      {
        fix: 'Write `#!/usr/bin/env NAME` or the full path of the interpreter; set variables in ufr.json (`environment`).',
      },
    )
  }
  const found = findInPath(view, name, searchPath, cwd)
  if (found === undefined) {
    throw missingInterpreter(script, name, `none of ${searchPath} has it`)
  }
  return { path: found, argv }
}

/** The error for a script whose interpreter is not to be had; it knows the usual accident with line ends. */
export function missingInterpreter(script: string, interpreter: string, reason: string): UfrError {
  const windows = interpreter.endsWith('\r')
  const name = interpreter.trim()
  return new UfrError(
    'UFR-INTERPRETER',
    windows
      ? `The script ${script} has Windows line ends, so its interpreter is "${name}\\r", which is not there`
      : `The script ${script} needs the interpreter ${name}, which is not there: ${reason}`,
    {
      fix: windows
        ? `Give it Unix line ends: sed -i 's/\\r$//' ${script}`
        : `Install ${name}, or change the first line of the script.`,
    },
  )
}
