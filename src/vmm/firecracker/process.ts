import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import type { VmExit } from '../vmm.ts'
import type { Fifo } from './fifo.ts'

const keptBytes = 16 << 10

/** The last part of a stream, as text. */
export function tailOf(stream: Readable): () => string {
  let text = ''
  stream.on('data', (chunk: Buffer) => {
    text = (text + chunk.toString()).slice(-keptBytes)
  })
  // Whoever writes goes away with its process; its exit says the rest.
  stream.on('error', () => {})
  return () => text
}

/**
 * Resolves once a process is gone and all that it wrote to its pipes has been read.
 * @param pipes closed at our end when it is gone, so that they end, too.
 * @param words what it said on the way, for an end that is not a good one.
 */
export async function whenGone(child: ChildProcess, pipes: Fifo[], words: () => string): Promise<VmExit> {
  const ended = pipes.map(({ reader }) => once(reader, 'close').catch(() => {}))
  const { code, signal, failed } = await new Promise<{
    code: number | null
    signal: NodeJS.Signals | null
    failed?: Error
  }>((resolve) => {
    child.on('error', (failed) => resolve({ code: null, signal: null, failed }))
    child.on('close', (code, signal) => resolve({ code, signal }))
  })
  for (const pipe of pipes) pipe.release()
  await Promise.all(ended)
  const told = code !== null && code > 128 ? shellSignal(code) : undefined
  const errors = failed ? String(failed) : code === 0 ? '' : words()
  return told ? { code: null, signal: told, errors } : { code, signal, errors }
}

/** The signal that a shell's exit status stands for. Firecracker's own are from 148 on (FcExitCode). */
function shellSignal(status: number): NodeJS.Signals | undefined {
  if (status >= firstOwnStatus) return undefined
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][]
  return names.find(([, number]) => number === status - 128)?.[0]
}

const firstOwnStatus = 148
