import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { nearest } from '../../base/nearest.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { type ClassPath, hasMain } from './class-path.ts'
import { classNames } from './jar.ts'
import { readSource } from './source.ts'

/** What a web function or a program runs. */
export interface Start {
  /** Options for `java` itself. */
  options: string[]
  /** A jar in the folder, or the name of a class; undefined where neither is said. */
  jar?: string
  main?: string
  /** Further jars in the folder, where a class path is said. */
  classPath: string[]
  args: string[]
}

/** What runs: a handler's class behind our server, or a class with a `main`. */
export interface Entry {
  /** The class that `java` starts. */
  main: string
  /** The function's own class. */
  start: string
  options: string[]
  args: string[]
}

/** Options of `java` that take the next word. */
const optionsWithValue = new Set([
  '--add-opens',
  '--add-exports',
  '--add-modules',
  '--add-reads',
  '--module-path',
  '-p',
])

/**
 * What `command` and `args` say: a jar, a source file, a class with a `main`, or `java` with what follows it.
 * @param read the text of a file of the folder.
 * @throws UfrError UFR-PROGRAM where they say nothing that can be run.
 */
export function startOf(spec: FunctionSpec, read: (file: string) => string): Start {
  const command = spec.command ?? ''
  if (path.basename(command) === 'java') return javaStart(spec)
  return { options: [], classPath: [], args: spec.args, ...named(spec, command, read) }
}

function named(
  spec: FunctionSpec,
  word: string,
  read: (file: string) => string,
): Pick<Start, 'jar' | 'main'> {
  const file = path.isAbsolute(word) ? path.relative(spec.folder, word) : path.normalize(word)
  if (file.endsWith('.jar')) return { jar: file }
  if (!/\.(?:java|kt)$/.test(file)) return { main: word }
  const { main } = readSource(path.basename(file), read(file))
  if (main !== undefined) return { main }
  throw new UfrError('UFR-PROGRAM', `${file} has no main`, {
    fix: 'Add one, or name the class that has it by `command` in ufr.json.',
  })
}

function javaStart(spec: FunctionSpec): Start {
  const options: string[] = []
  const classPath: string[] = []
  for (let at = 0; at < spec.args.length; at++) {
    const word = spec.args[at]!
    const rest = spec.args.slice(at + 2)
    if (word === '-jar')
      return { options, classPath, jar: path.normalize(spec.args[at + 1] ?? ''), args: rest }
    if (['-cp', '-classpath', '--class-path'].includes(word))
      classPath.push(...(spec.args[++at] ?? '').split(':'))
    else if (optionsWithValue.has(word)) options.push(word, spec.args[++at] ?? '')
    else if (word.startsWith('-')) options.push(word)
    else return { options, classPath, main: word, args: spec.args.slice(at + 1) }
  }
  throw new UfrError('UFR-PROGRAM', `${spec.name} is to run java without a class or a jar`, {
    fix: 'Set `command` in ufr.json to the jar or the class itself, such as "app.jar" or "app.Main".',
  })
}

/**
 * What a class path is started by: the class that is named, or the main one of its first jar.
 * @throws UfrError UFR-PROGRAM where there is none.
 */
export function mainEntry(classPath: ClassPath, start: Start, spec: FunctionSpec): Entry {
  const { manifest } = classPath.jars[0] ?? {}
  const main =
    start.main === undefined ? manifest?.mainClass : (launcherOf(classPath, start.main) ?? start.main)
  if (main === undefined) {
    throw new UfrError('UFR-PROGRAM', `${start.jar} has no main class: its manifest has no Main-Class`, {
      fix: 'Let the build write Main-Class into its manifest, or name the class: "command": "app.Main" in ufr.json.',
    })
  }
  checkMain(classPath, main, spec.name)
  // What `java -jar` takes from the manifest, and `java` with a class does not.
  const opened = (manifest?.addOpens ?? []).flatMap((each) => ['--add-opens', `${each}=ALL-UNNAMED`])
  const exported = (manifest?.addExports ?? []).flatMap((each) => ['--add-exports', `${each}=ALL-UNNAMED`])
  const own = start.jar === undefined ? [] : [...opened, ...exported]
  return { main, start: main, options: [...start.options, ...own], args: start.args }
}

/** A class that Spring Boot has packed away, where its launcher alone finds it: that is then what is started. */
function launcherOf({ jars: [jar] }: ClassPath, main: string): string | undefined {
  const packed = jar?.entries.has(`BOOT-INF/classes/${main.replaceAll('.', '/')}.class`)
  return packed ? jar?.manifest.mainClass : undefined
}

/**
 * Checks that a class can be started.
 * @throws UfrError UFR-PROGRAM naming the nearest there is.
 */
export function checkMain(classPath: ClassPath, main: string, owner: string): void {
  const found = classPath.find(main)
  if (found && (hasMain(found) || found.superclass !== 'java.lang.Object')) return
  if (found) {
    throw new UfrError(
      'UFR-PROGRAM',
      `The class ${main} of ${owner} has no \`public static void main(String[])\``,
      {
        fix: 'Name the class that has it by `command` in ufr.json; for a function of AWS Lambda, set `handler` instead.',
      },
    )
  }
  const names = classPath.jars.slice(0, 1).flatMap(classNames)
  const simple = main.split('.').at(-1)!
  const near = names.find((name) => name.split('.').at(-1) === simple) ?? nearest(main, names)
  throw new UfrError('UFR-PROGRAM', `${owner} is to run the class ${main}, which is not among its classes`, {
    fix:
      near === undefined
        ? 'Correct `command` in ufr.json.'
        : `Did you mean "command": ${JSON.stringify(near)} in ufr.json?`,
  })
}
