import { type ChildProcess, spawn } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import type { Readable } from 'node:stream'
import { systemCode, UfrError } from './errors.ts'

export interface CommandOptions {
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Bytes for standard input; a stream is piped, nothing means an empty standard input. */
  input?: Readable | Uint8Array | string
  /** Milliseconds after which the command is killed. Default: 10 minutes. */
  timeout?: number
  /** Most bytes kept of each output; a command that prints more is killed. Default: 64 MiB. */
  maxOutput?: number
  /** Exit statuses that are no error. Default: only 0. */
  accept?: readonly number[]
  /** What to do where the command is not installed, such as `apt-get install xz-utils`. */
  install?: string
}

export interface CommandResult {
  status: number
  /** Standard output as it came, for commands that print no text. */
  output: Buffer
  stdout: string
  stderr: string
}

/** Runs a command as `runCommand` does; what code that needs outside programs takes, so tests can give another. */
export type Runner = (
  command: string,
  args: readonly string[],
  options?: CommandOptions,
) => Promise<CommandResult>

const defaultTimeout = 600_000
const defaultMaxOutput = 64 << 20
const detailLines = 12

/** The last lines of an output, for a person. */
export function lastLines(text: string, count = detailLines): string[] {
  const lines = text.split('\n').map((line) => line.trimEnd())
  return lines.filter((line) => line !== '').slice(-count)
}

/** Whether a program's last lines say that the disk is full. */
export function saysFull(lines: readonly string[]): boolean {
  return lines.some((line) => /no space left on device|disk quota exceeded|out of disk ?space/i.test(line))
}

interface Collected {
  chunks: Buffer[]
  bytes: number
}

function collect(stream: Readable, limit: number, overflow: () => void): Collected {
  const collected: Collected = { chunks: [], bytes: 0 }
  stream.on('data', (chunk: Buffer) => {
    collected.bytes += chunk.length
    if (collected.bytes > limit) overflow()
    else collected.chunks.push(chunk)
  })
  return collected
}

function feed(child: ChildProcess, input: CommandOptions['input']): void {
  const stdin = child.stdin
  if (!stdin) return
  // A command may end before it has read everything (EPIPE); its exit status then says what happened.
  stdin.on('error', () => {})
  if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) stdin.end(input ?? '')
  else {
    input.on('error', () => child.kill('SIGKILL'))
    child.on('exit', () => input.destroy())
    input.pipe(stdin)
  }
}

/**
 * Runs a command without a shell and gives back what it printed.
 * @throws UfrError UFR-COMMAND where the command is missing, fails, takes too long or prints too much, UFR-DATA where it
 * says that the disk is full; the last lines of its standard error are in `detail`.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeout = options.timeout ?? defaultTimeout
  const shown = [command, ...args].join(' ')
  const { promise, resolve, reject } = Promise.withResolvers<CommandResult>()
  const child = spawn(command, args, {
    cwd: options.cwd,
    // Messages are looked at and shown: they are not to depend on the user's language.
    env: { ...(options.env ?? process.env), LC_ALL: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  let killedFor: string | undefined
  const kill = (why: string) => {
    killedFor ??= why
    child.kill('SIGKILL')
  }
  const limit = options.maxOutput ?? defaultMaxOutput
  const overflow = () => kill(`printed more than ${limit} bytes`)
  const stdout = collect(child.stdout, limit, overflow)
  const stderr = collect(child.stderr, limit, overflow)
  const timer = setTimeout(() => kill(`took longer than ${timeout / 1000} s`), timeout)
  child.on('error', (error) => {
    clearTimeout(timer)
    reject(startError(command, error, options))
  })
  child.on('close', (code, signal) => {
    clearTimeout(timer)
    const output = Buffer.concat(stdout.chunks)
    const result = {
      status: code ?? -1,
      output,
      // Read only by those that want text: tens of megabytes are no text.
      get stdout() {
        return output.toString()
      },
      stderr: Buffer.concat(stderr.chunks).toString(),
    }
    if (!killedFor && code !== null && (options.accept ?? [0]).includes(code)) resolve(result)
    else {
      const how = killedFor ?? (code === null ? `was ended by ${signal}` : `failed with status ${code}`)
      reject(failure(command, `${command} ${how}: ${shown}`, result))
    }
  })
  feed(child, options.input)
  return promise
}

function failure(command: string, message: string, result: CommandResult): UfrError {
  const detail = lastLines(result.stderr === '' ? result.stdout : result.stderr)
  if (saysFull(detail)) {
    return new UfrError('UFR-DATA', `${command} could not write: no space is left`, { detail })
  }
  return new UfrError('UFR-COMMAND', message, { detail })
}

function startError(command: string, error: Error, options: CommandOptions): UfrError {
  // ENOENT stands for a missing working directory too; only the command's absence has an installation as its fix.
  const missing = systemCode(error) === 'ENOENT' && (options.cwd === undefined || fs.existsSync(options.cwd))
  if (!missing)
    return new UfrError('UFR-COMMAND', `${command} cannot be started: ${error.message}`, { cause: error })
  return new UfrError('UFR-COMMAND', `${command} is not installed (not found on PATH)`, {
    cause: error,
    ...(options.install === undefined ? {} : { fix: `Install it: ${options.install}` }),
  })
}

/** The absolute path of a command on PATH, or undefined. */
export function findCommand(name: string, searchPath = process.env['PATH'] ?? ''): string | undefined {
  for (const folder of searchPath.split(path.delimiter)) {
    if (!path.isAbsolute(folder)) continue
    const file = path.join(folder, name)
    try {
      fs.accessSync(file, fs.constants.X_OK)
      if (fs.statSync(file).isFile()) return file
    } catch {
      // Not here; the next folder.
    }
  }
  return undefined
}
