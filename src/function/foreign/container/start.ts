import path from 'node:path'
import { type FileView, resolveFile } from '../../../image/closure/file-view.ts'
import { reading } from '../../../image/source.ts'
import {
  findInPath,
  readScriptLine,
  scriptInterpreter,
  scriptLineBytes,
} from '../../../language/native/script.ts'
import { shells, simpleCommand } from './shell.ts'

/** What an image starts, as far as that can be known without running it. */
export interface Start {
  argv: string[]
  /** Why it needs a kernel that can start further programs; undefined where it is not known to. */
  forks?: string
}

/** First processes that only start another one and look after it: in a guest, the kernel and ufr do. */
const inits = new Set(['catatonit', 'docker-init', 'dumb-init', 'tini', 'tini-static'])

/**
 * Looks what a command line starts: `sh -c` with one plain command is that command, and so is what an init is
 * given; any other shell, or a script for one, needs a kernel with fork and exec.
 * @throws UfrError UFR-PROGRAM, UFR-INTERPRETER as `readScriptLine` and `scriptInterpreter` do.
 */
export function startOf(
  view: FileView,
  argv: readonly string[],
  environment: Record<string, string>,
  cwd: string,
): Start {
  const [program = '', option, text] = argv
  const at = findInPath(view, program, environment['PATH'], cwd)
  const file = at === undefined ? undefined : resolveFile(view, at)
  if (inits.has(path.posix.basename(program))) {
    const rest = afterOptions(argv)
    if (rest) return startOf(view, rest, environment, cwd)
    return { argv: [...argv], forks: `it starts another program by ${program}: ${shownCommand(argv)}` }
  }
  // What is missing is the language's to say.
  if (at === undefined || !file) return { argv: [...argv] }
  if (isShell(at) || isShell(file.path, at)) {
    const command =
      argv.length === 3 && option === '-c' && text !== undefined ? simpleCommand(text) : undefined
    if (command) return startOf(view, command, environment, cwd)
    const what = option === '-c' ? 'a command for a shell' : 'a shell'
    return { argv: [...argv], forks: `it starts ${what}: ${shownCommand(argv)}` }
  }
  const start = reading(file.entry.open(), (source) => source.read(0, Math.min(source.size, scriptLineBytes)))
  if (start[0] !== 0x23 || start[1] !== 0x21) return { argv: [...argv] }
  const line = readScriptLine(start, at)
  const interpreter = scriptInterpreter(view, line, at, cwd, environment['PATH'])
  if (!isShell(interpreter.path) && path.posix.basename(interpreter.path) !== 'busybox')
    return { argv: [...argv] }
  return { argv: [...argv], forks: `it starts a shell script, ${at}, which starts other programs` }
}

/** What follows an init's own options: behind `--`, or all where it has none. */
function afterOptions(argv: readonly string[]): string[] | undefined {
  const end = argv.indexOf('--')
  const rest = end > 0 ? argv.slice(end + 1) : argv[1]?.startsWith('-') ? [] : argv.slice(1)
  return rest.length > 0 ? rest : undefined
}

/** busybox is a shell only under a shell's name. */
function isShell(file: string, calledAs = file): boolean {
  const name = path.posix.basename(file)
  return shells.has(name) && (name !== 'busybox' || path.posix.basename(calledAs) === 'sh')
}

function shownCommand(argv: readonly string[]): string {
  const text = JSON.stringify(argv)
  return text.length > 160 ? `${text.slice(0, 160)}…` : text
}
