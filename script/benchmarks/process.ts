import { spawn } from 'node:child_process'

export interface ProcessOptions {
  signal: AbortSignal
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** Milliseconds after which it is killed. Default: 3 minutes. */
  timeout?: number
}

export interface Finished {
  /** From right before its start to its end as this process hears of it. */
  milliseconds: number
  stdout: string
}

/**
 * Runs a command to its end and takes the time. It gets a process group of its own, which is killed as a whole when the
 * signal aborts or the time is over: a shell's children must not outlive it.
 * @throws Error with the end of what it said where it does not exit with 0; the signal's reason.
 */
export function finish(command: string, args: readonly string[], options: ProcessOptions): Promise<Finished> {
  const { signal, env = process.env, cwd, timeout = 180_000 } = options
  signal.throwIfAborted()
  const { promise, resolve, reject } = Promise.withResolvers<Finished>()
  const stdout: Buffer[] = []
  let stderr = ''
  const start = performance.now()
  const child = spawn(command, args, { env, cwd, stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  let end = Number.NaN
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk).slice(-4000)
  })
  const kill = () => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
  }
  const timer = setTimeout(kill, timeout)
  signal.addEventListener('abort', kill)
  child.on('exit', () => {
    end = performance.now()
  })
  child.on('error', reject)
  child.on('close', (code, by) => {
    clearTimeout(timer)
    signal.removeEventListener('abort', kill)
    if (signal.aborted) return reject(signal.reason)
    const text = Buffer.concat(stdout).toString()
    if (code === 0) return resolve({ milliseconds: end - start, stdout: text })
    // With --json, ufr says on standard output what is wrong.
    const words = stderr.trim() || text.slice(-4000)
    reject(new Error(`${command} ${args.slice(0, 4).join(' ')} … ended with ${code ?? by}\n${words}`))
  })
  return promise
}
