import { UfrError } from '../../base/errors.ts'
import type { Program } from '../../language/program.ts'

/** How OSv is told what to run: by a script that it reads, and by variables on its command line. */
export interface Start {
  /** The file for the command `runscript` (core/commands.cc): one line with settings, program and arguments. */
  script: string
  /** `NAME=VALUE` for the kernel's option `--env`, where the script cannot hold them. */
  variables: string[]
}

/** What a word of a script can hold: the parser takes ASCII only, and `$` begins the name of a variable. */
const plain = /^[\t-\r -#%-~]*$/
/** Escapes of the parser's for what would end the line (of a file, so `\n` only) or is hard to see. */
const escapes: Record<string, string> = {
  '\t': '\\t',
  '\n': '\\n',
  '\v': '\\v',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
}

/** Name of the variable by which the n-th word comes that a script cannot hold. */
export const wordVariable = (n: number) => `UFR_WORD_${n}`

/**
 * The start of a program. A dynamic one is started by its own dynamic linker, as Linux would: OSv's own would put its
 * C library in place of the program's, does not run what the program has registered for its end, and lacks symbols
 * that Node.js needs. Whatever the parser cannot take goes by way of a variable, which the program then sees as well.
 * @throws UfrError UFR-MACHINE for words that no command line can hold, and for musl's dynamic linker.
 */
export function startOf(program: Program): Start {
  const variables: string[] = []
  const words: string[] = []
  for (const [name, value] of Object.entries(program.environment)) {
    const setting = `${name}=${value}`
    refuseNul(setting, `the variable ${name}`)
    // `NAME?=VALUE` sets a variable only where it is not set yet, wherever the `?` is. The kernel echoes what it sets:
    // a line feed in it would begin a line that looks like the program's.
    const holds = plain.test(setting) && !setting.includes('?=') && !/[\n-\r]/.test(setting)
    if (holds) words.push(quoted(`--env=${setting}`))
    else variables.push(setting)
  }
  let n = 0
  for (const word of commandOf(program)) {
    refuseNul(word, 'an argument')
    if (plain.test(word)) {
      words.push(quoted(word))
      continue
    }
    n++
    variables.push(`${wordVariable(n)}=${word}`)
    words.push(quoted(`$${wordVariable(n)}`))
  }
  return { script: `${words.join(' ')}\n`, variables }
}

function commandOf({ executable, interpreter, argv }: Program): string[] {
  const args = argv.slice(1)
  if (interpreter === undefined) return [executable, ...args]
  if (/^ld-musl-/.test(interpreter.slice(interpreter.lastIndexOf('/') + 1))) {
    throw new UfrError('UFR-MACHINE', `OSv cannot start ${executable}, which is linked to musl's C library`, {
      fix: 'Link it statically, or to glibc; or take another kernel, such as --unikernel linux.',
    })
  }
  const name = argv[0] ?? executable
  return [interpreter, ...(name === executable ? [] : ['--argv0', name]), executable, ...args]
}

function refuseNul(word: string, what: string): void {
  if (!word.includes('\0')) return
  throw new UfrError('UFR-MACHINE', `${what} has a NUL character in it, which no program can be given`, {
    fix: 'Leave it out, or write it in a form that the program decodes.',
  })
}

function quoted(word: string): string {
  return `"${word.replaceAll(/[\t-\r"\\]/g, (character) => escapes[character]!)}"`
}
