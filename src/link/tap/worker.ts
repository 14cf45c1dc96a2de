import { spawn } from 'node:child_process'
import { lastLines } from '../../base/process.ts'

/** A program at work beside ufr. */
export interface Worker {
  readonly pid: number
  write(text: string): void
  /**
   * Waits until a text is among what it has printed.
   * @throws WorkerError with its complaints where it ends before.
   */
  says(text: string): Promise<void>
  /** Waits for its end. @throws WorkerError where that is not a good one. */
  done(): Promise<void>
  /** Ends it and waits until it is gone. Safe to call again; never rejects. */
  stop(): Promise<void>
}

/** What a program complained of before it ended. */
export class WorkerError extends Error {
  override name = 'WorkerError'
  readonly lines: string[]
  constructor(program: string, lines: string[]) {
    super(lines.at(-1) ?? `${program} ended without a word`)
    this.lines = lines
  }
}

/**
 * Starts a program whose standard input ends when ufr does, however ufr ends: that is to be its own end. Ctrl-C does not
 * reach it, for what it holds is needed until the last of the guest is gone.
 */
export function startWorker(file: string, args: readonly string[], env: NodeJS.ProcessEnv): Worker {
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  let printed = ''
  let complaints = ''
  let status: number | null | undefined
  let news = Promise.withResolvers<void>()
  const tell = () => {
    news.resolve()
    news = Promise.withResolvers()
  }
  child.stdin.on('error', () => {})
  child.stdout.on('data', (chunk: Buffer) => {
    printed = (printed + chunk.toString()).slice(-8192)
    tell()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-8192)
  })
  const ended = new Promise<void>((resolve) => {
    const end = (code: number | null) => {
      status = code
      tell()
      resolve()
    }
    child.on('close', end)
    child.on('error', (error) => {
      complaints += error.message
      end(null)
    })
  })
  const failure = () => new WorkerError(file, lastLines(complaints))
  return {
    pid: child.pid ?? 0,
    write: (text) => void child.stdin.write(text),
    async says(text) {
      while (!printed.includes(text)) {
        if (status !== undefined) throw failure()
        await news.promise
      }
    },
    async done() {
      child.stdin.end()
      await ended
      if (status !== 0) throw failure()
    },
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
  }
}
