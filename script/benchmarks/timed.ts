import { finish } from './process.ts'

export interface TimedCommand {
  command: string
  args: readonly string[]
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** File for its standard input. */
  input?: string
}

/**
 * Runs a command without its output and takes the time in the shell that starts it: nothing of ours is in that.
 * @returns milliseconds.
 * @throws Error with the end of its standard error where it does not exit with 0.
 */
export function timeCommand(
  { command, args, cwd, env = process.env, input = '/dev/null' }: TimedCommand,
  signal: AbortSignal,
): Promise<number> {
  const line =
    'input=$1; shift; start=$EPOCHREALTIME; "$@" <"$input" >/dev/null && echo "$start $EPOCHREALTIME"'
  return timeLine(line, [input, command, ...args], { env, signal, ...(cwd && { cwd }) })
}

/** The same for a line of shell that prints the two times itself, with what it finds in $1, $2 and so on. */
export async function timeLine(
  line: string,
  args: readonly string[],
  { env = process.env, ...options }: { signal: AbortSignal; env?: NodeJS.ProcessEnv; cwd?: string },
): Promise<number> {
  // A comma as the decimal sign would be no number.
  const plain = { ...env, LC_ALL: 'C' }
  const { stdout } = await finish('bash', ['-c', line, 'bash', ...args], { ...options, env: plain })
  const [start, end] = stdout.trim().split('\n').at(-1)!.split(' ').map(Number)
  return (end! - start!) * 1000
}
