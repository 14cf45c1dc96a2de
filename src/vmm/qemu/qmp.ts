import type { Duplex } from 'node:stream'

interface Reply {
  return?: unknown
  error?: { class: string; desc: string }
  QMP?: unknown
  event?: string
  /** When the event was, by the host's clock of the day. */
  timestamp?: { seconds: number; microseconds: number }
  data?: unknown
}

export class QmpError extends Error {
  override name = 'QmpError'
}

/** A client for the QEMU Machine Protocol on a connected socket: commands are answered in the order they were sent. */
export interface Qmp {
  /** @throws QmpError where QEMU refuses, or when the connection ends first. */
  execute(command: string, parameters?: Record<string, unknown>): Promise<unknown>
}

/**
 * Starts to speak QMP. QEMU answers nothing before `qmp_capabilities`, which is sent at once: commands may follow
 * without waiting for the greeting.
 * @param event is told of each event's name, such as SHUTDOWN, and when it was by QEMU's own word (`performance.now()`).
 */
export function openQmp(socket: Duplex, event: (name: string, at: number) => void = () => {}): Qmp {
  const waiting: { resolve(value: unknown): void; reject(error: Error): void }[] = []
  let pending = ''
  let ended: Error | undefined

  function end(error: Error): void {
    ended ??= error
    for (const one of waiting.splice(0)) one.reject(ended)
  }

  function receive(line: string): void {
    const reply = JSON.parse(line) as Reply
    if (reply.event) event(reply.event, timeOf(reply))
    if (reply.error) waiting.shift()?.reject(new QmpError(reply.error.desc))
    else if ('return' in reply) waiting.shift()?.resolve(reply.return)
  }

  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n')
    pending = lines.pop() ?? ''
    for (const line of lines) if (line.trim()) receive(line)
  })
  socket.on('error', end)
  socket.on('close', () => end(new QmpError('QEMU closed the control connection')))

  const qmp: Qmp = {
    execute(command, parameters) {
      if (ended) return Promise.reject(ended)
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject })
        socket.write(
          `${JSON.stringify({ execute: command, ...(parameters && { arguments: parameters }) })}\n`,
        )
      })
    },
  }
  qmp.execute('qmp_capabilities').catch(() => {})
  return qmp
}

/** QEMU has the clock of the day, whose distance to ours is taken as it was when this process began. */
function timeOf({ timestamp }: Reply): number {
  if (!timestamp) return performance.now()
  return timestamp.seconds * 1000 + timestamp.microseconds / 1000 - performance.timeOrigin
}
