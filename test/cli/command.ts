import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { CommandSpec } from '../../src/cli/commands/spec.ts'

export const root = path.join(import.meta.dirname, '../..')
const limitMs = 60_000

/** What starts the command: Node.js and its arguments, without `bin/ufr` looking for one. */
export const command = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  path.join(root, 'src/cli/main.ts'),
] as const

export interface Result {
  status: number | null
  stdout: string
  stderr: string
  /** Standard output as it came. */
  output: Buffer
}

export interface Options {
  /** Default: a folder that is not there. */
  home?: string
  cwd?: string
  env?: NodeJS.ProcessEnv
  input?: string | Uint8Array
}

/** The environment of a command that must not reach the user's data, nor take settings from outside. */
export function environment({ home = '/nonexistent/ufr', env = {} }: Options = {}): NodeJS.ProcessEnv {
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(UFR_|NODE_TEST|NODE_OPTIONS|FORCE_COLOR)/.test(name),
  )
  return { ...Object.fromEntries(clean), NO_COLOR: '1', UFR_HOME: home, ...env }
}

/** Runs any program to its end. */
export async function runProgram(words: readonly string[], options: Options = {}): Promise<Result> {
  const [file, ...args] = words
  const child = spawn(file!, args, {
    cwd: options.cwd ?? root,
    env: environment(options),
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: limitMs,
    killSignal: 'SIGKILL',
  })
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
  // It may end before it has read everything.
  child.stdin.on('error', () => {})
  child.stdin.end(options.input ?? '')
  const [status] = (await once(child, 'close')) as [number | null]
  const output = Buffer.concat(out)
  return { status, output, stdout: output.toString(), stderr: Buffer.concat(err).toString() }
}

/** Runs the command to its end. */
export function ufr(args: readonly string[], options: Options = {}): Promise<Result> {
  return runProgram([...command, ...args], options)
}

/** A folder of the test's own, gone after it. */
export function scratch(t: TestContext): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-cli-')))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** All commands with their words, those that only have others below them included. */
export function allCommands(
  specs: readonly CommandSpec[],
  before: string[] = [],
): { words: string[]; spec: CommandSpec }[] {
  return specs.flatMap((spec) => {
    const words = [...before, spec.name]
    return [{ words, spec }, ...allCommands(spec.commands ?? [], words)]
  })
}
