import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { dataError, makeFolder } from './atomic.ts'
import { systemCode, UfrError } from './errors.ts'
import { noProgress, type Progress } from './progress.ts'

export interface LockOptions {
  progress?: Progress
  /** What the lock protects, for the line that tells of waiting: `the download of nanos 0.1.54`. */
  what?: string
  /** Longest wait in milliseconds. Default: 30 minutes. */
  wait?: number
  /** Ends the waiting. */
  signal?: AbortSignal
}

const defaultWait = 30 * 60_000
const conflictStatus = 75
const noticeMs = 500

/**
 * Runs `use` while no other process (nor another call in this one) holds the lock of this file.
 *
 * The lock is flock(2), taken by util-linux's flock(1) with a child that lives as long as its standard input is open:
 * the kernel drops it however this process ends, so there is no stale lock and no guessing about process ids. The
 * lock file itself stays; removing it would let two processes lock two different files.
 * @throws UfrError UFR-LOCKED after waiting too long; UFR-COMMAND where flock is not installed; the signal's reason.
 */
export async function withLock<T>(
  file: string,
  use: () => Promise<T>,
  options: LockOptions = {},
): Promise<T> {
  const progress = options.progress ?? noProgress()
  try {
    makeFolder(path.dirname(file))
    // Made here, not by flock, so that a folder that cannot be written has its own error.
    fs.closeSync(fs.openSync(file, 'a', 0o644))
  } catch (error) {
    throw dataError(error, path.dirname(file))
  }
  const notice = setTimeout(
    () => progress.note(`Waiting for another ufr process: ${options.what ?? file}`),
    noticeMs,
  )
  let holder: ChildProcess
  try {
    holder = await takeLock(file, options)
  } finally {
    clearTimeout(notice)
  }
  try {
    options.signal?.throwIfAborted()
    return await use()
  } finally {
    const closed = once(holder, 'close')
    holder.stdin?.end()
    await closed
  }
}

async function takeLock(file: string, options: LockOptions): Promise<ChildProcess> {
  const seconds = (options.wait ?? defaultWait) / 1000
  const args = ['-x', '-w', String(seconds), '-E', String(conflictStatus), file]
  // detached: Ctrl-C goes to the whole process group and would drop the lock before our own clean-up is done.
  const child = spawn('flock', [...args, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  child.stdin.on('error', () => {})
  // While it waits, flock(1) does not look at its input.
  const stop = () => {
    child.stdin.end()
    child.kill('SIGKILL')
  }
  options.signal?.addEventListener('abort', stop, { once: true })
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>()
  child.stdout.once('data', () => {
    options.signal?.removeEventListener('abort', stop)
    resolve(child)
  })
  child.on('error', (error) => {
    const missing = systemCode(error) === 'ENOENT'
    reject(
      new UfrError(
        'UFR-COMMAND',
        missing ? 'flock is not installed' : `flock cannot be started: ${error.message}`,
        {
          cause: error,
          ...(missing ? { fix: 'Install it: apt-get install util-linux' } : {}),
        },
      ),
    )
  })
  child.on('close', (status) => {
    options.signal?.removeEventListener('abort', stop)
    if (options.signal?.aborted) reject(options.signal.reason)
    else if (status === conflictStatus) {
      reject(
        new UfrError(
          'UFR-LOCKED',
          `${options.what ?? file}: another ufr process did not finish in ${seconds} s`,
        ),
      )
    } else reject(new UfrError('UFR-COMMAND', `flock failed with status ${status} on ${file}`))
  })
  return promise
}
