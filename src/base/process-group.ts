import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { lastLines } from './process.ts'

export interface GroupOptions {
  cwd: string
  env: NodeJS.ProcessEnv
  /** Ends the whole group: SIGTERM first, SIGKILL for those that are still there after the grace. */
  signal: AbortSignal
  /** Milliseconds between the two. Default: 5,000. */
  grace?: number
  /** Gets both outputs as they come. */
  output?: (chunk: Buffer) => void
}

export interface GroupResult {
  /** As a shell has it: 128 and the signal's number where a signal ended it. */
  status: number
  /** The first mebibyte of standard output. */
  stdout: string
  /** Last lines of both outputs. */
  tail: string[]
}

const keptOutput = 1 << 20
const keptTail = 64 << 10
const drainMs = 1000
const goneMs = 2000

/**
 * The leader of the group becomes the command itself. Before, it starts a watcher in the same group that kills the
 * group when file descriptor 3 ends, which is when this process closes it or is no more. The watcher is nobody's child,
 * so that a command that waits for all its children does not wait for it.
 */
const script = `( ( trap '' HUP INT TERM; read -r _ <&3; kill -KILL 0 ) >/dev/null 2>&1 & ); exec "$@" 3<&-`

/**
 * Runs a command as the leader of a process group and session of its own, without a terminal to ask anything on, and
 * ends what is left of the group when the command ends, when the signal aborts, and when this process is gone, by
 * SIGKILL too. A command that cannot be started has status 126 or 127 and says why on standard error.
 * @throws the signal's reason.
 */
export async function runGroup(
  command: string,
  args: readonly string[],
  options: GroupOptions,
): Promise<GroupResult> {
  options.signal.throwIfAborted()
  const child = spawn('sh', ['-c', script, 'sh', command, ...args], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    detached: true,
  })
  const heard = listen(child, options.output)
  const closed = once(child, 'close')
  closed.catch(() => {})
  const killGroup = () => child.stdio[3]?.destroy()
  let late: NodeJS.Timeout | undefined
  const stop = () => {
    terminate(child.pid)
    late = setTimeout(killGroup, options.grace ?? 5000)
  }
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null]
    killGroup()
    // A process that left the group may hold the output open for as long as it likes.
    await Promise.race([closed, sleep(drainMs, undefined, { ref: false })])
    await gone(child.pid)
    options.signal.throwIfAborted()
    return { status: code ?? 128 + signalNumber(signal), ...heard() }
  } finally {
    clearTimeout(late)
    options.signal.removeEventListener('abort', stop)
    child.stdout?.destroy()
    child.stderr?.destroy()
  }
}

function listen(
  child: ChildProcess,
  output: GroupOptions['output'],
): () => { stdout: string; tail: string[] } {
  const stdout: Buffer[] = []
  let bytes = 0
  let tail = ''
  const take = (chunk: Buffer) => {
    tail = (tail + chunk.toString()).slice(-keptTail)
    output?.(chunk)
  }
  const first = (chunk: Buffer) => {
    if (bytes < keptOutput) stdout.push(chunk)
    bytes += chunk.length
  }
  // A watcher that is killed resets its socket: that is how it ends.
  child.stdio[3]?.on('error', () => {})
  const streams = [child.stdout, child.stderr] as Readable[]
  for (const stream of streams) stream.on('data', take).on('error', () => {})
  streams[0]?.on('data', first)
  return () => ({ stdout: Buffer.concat(stdout).toString(), tail: lastLines(tail.replaceAll('\r', '\n')) })
}

/** The group may be gone already. */
function terminate(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGTERM')
  } catch {
    // As wanted.
  }
}

/** Waits for the last process of a group. */
async function gone(pid: number | undefined): Promise<void> {
  const end = performance.now() + goneMs
  while (pid !== undefined && isAlive(pid) && performance.now() < end) await sleep(5)
}

/** Whether a group has a process that is more than a zombie: some machines' init takes its time to reap those. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0)
  } catch {
    return false
  }
  return fs.readdirSync('/proc').some((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'latin1')
      // proc(5): the name in parentheses can hold anything; then state, parent, group.
      const [state, , own] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      return Number(own) === group && state !== 'Z' && state !== 'X'
    } catch {
      return false
    }
  })
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal]
}
