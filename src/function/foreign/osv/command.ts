import { inputError, type TextFile } from '../text.ts'

/** OSv's command line: options of the kernel's, then a program with its arguments. */
export interface CommandLine {
  environment: Record<string, string>
  workingDirectory?: string
  program: string
  args: string[]
  /** Options of the kernel's that ufr sets itself or does without. */
  left: string[]
}

/** Options of the kernel that have a value behind a blank (osv: loader.cc, parse_options). */
const withValue = new Set([
  '--env',
  '--cwd',
  '--rootfs',
  '--mount-fs',
  '--ip',
  '--defaultgw',
  '--nameserver',
  '--trace',
])

/**
 * Reads what `api.run` is given, as the kernel does (osv: loader.cc; core/commands.cc): words with quotes around them
 * and backslashes in them.
 * @param cpus what `$OSV_CPUS` stands for.
 * @throws UfrError UFR-INPUT for more than one program, programs in the background, and variables.
 */
export function readCommand(file: TextFile, at: number, line: string, cpus: number): CommandLine {
  const words = split(file, at, line).map((word) => word.replaceAll('$OSV_CPUS', String(cpus)))
  const found: CommandLine = { environment: {}, program: '', args: [], left: [] }
  let next = 0
  while (words[next]?.startsWith('--')) {
    const word = words[next++]!
    const equals = word.indexOf('=')
    const name = equals < 0 ? word : word.slice(0, equals)
    const value = equals >= 0 ? word.slice(equals + 1) : withValue.has(name) ? (words[next++] ?? '') : ''
    if (name === '--env') setVariable(found.environment, value)
    else if (name === '--cwd') found.workingDirectory = value
    else found.left.push(word)
  }
  found.program = words[next] ?? ''
  found.args = words.slice(next + 1)
  if (found.program === '') throw inputError(file, at, 'the command line names no program')
  for (const word of [found.program, ...found.args]) {
    const variable = /\$(\{?\w+)/.exec(word)?.[0]
    if (variable !== undefined) {
      const fix = 'Write the value itself.'
      throw inputError(
        file,
        at,
        `${variable} in the command line: ufr knows no variables there but $OSV_CPUS`,
        { fix },
      )
    }
  }
  return found
}

function setVariable(environment: Record<string, string>, setting: string): void {
  const equals = setting.indexOf('=')
  const name = (equals < 0 ? setting : setting.slice(0, equals)).replace(/\?$/, '')
  if (name !== '') environment[name] = equals < 0 ? '' : setting.slice(equals + 1)
}

function split(file: TextFile, at: number, line: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quote: string | undefined
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!
    if (quote !== undefined && c === quote) quote = undefined
    else if (quote === undefined && (c === '"' || c === "'")) {
      quote = c
      word ??= ''
    } else if (c === '\\' && i + 1 < line.length && quote !== "'") word = (word ?? '') + line[++i]!
    else if (quote === undefined && /\s/.test(c)) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else if (quote === undefined && (c === '&' || c === ';')) {
      const rest = line.slice(i + 1).trim()
      if (c === ';' && rest === '') break
      const fix = 'Let one program start the others, or make a function of each.'
      throw inputError(file, at, `${c} in the command line: ufr starts one program`, { fix })
    } else word = (word ?? '') + c
  }
  if (quote !== undefined) throw inputError(file, at, `a ${quote} in the command line is never closed`)
  if (word !== undefined) words.push(word)
  // `!` at the end has the kernel not wait for threads (osv: core/commands.cc).
  if (words.at(-1) === '!') words.pop()
  return words
}
