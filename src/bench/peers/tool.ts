import { setTimeout as sleep } from 'node:timers/promises'
import { systemCode, UfrError } from '../../base/errors.ts'
import { runGroup } from '../../base/process-group.ts'
import { handlerRequest } from '../../instance/invoke.ts'
import type { Phases } from '../../instance/phases.ts'
import { type GuestRequest, request } from '../../link/http.ts'
import type { Accel } from '../../vmm/vmm.ts'
import type { PeerTarget } from './peer.ts'

/** A command that starts a guest, and ends with it. */
export interface ToolStart {
  command: string
  args: readonly string[]
  cwd: string
  env: NodeJS.ProcessEnv
  /** Where the guest answers, on the loopback. */
  port: number
  what: GuestRequest
  accel: Accel
}

const limitMs = 180_000
const mostBytes = 64 << 20
/** Until a guest has refused a connection, one that QEMU has accepted may be answered by nobody. */
const patienceMs = 250
/** Every attempt costs the guest a packet and its refusal, which an emulated one feels. */
const pauseMs: Record<Accel, number> = { kvm: 2, tcg: 20 }

/** What a function is asked, as it goes over the wire; undefined for one that nobody asks. */
export function questionOf({ prepared, question }: PeerTarget): GuestRequest | undefined {
  const { shape, timeoutSeconds } = prepared.spec
  if (shape === 'handler') return handlerRequest(question.event, timeoutSeconds * 1000)
  return shape === 'web' ? { method: 'GET', path: question.path } : undefined
}

/**
 * Starts a tool and asks its guest until it answers; nothing else is seen of it. Then the tool is ended, with all that
 * it has started.
 * @throws UfrError UFR-COMMAND where the tool ends before, UFR-BOOT-TIMEOUT, UFR-BENCH-ANSWER; the signal's reason.
 */
export async function untilAnswer(start: ToolStart, signal: AbortSignal): Promise<Phases> {
  const over = new AbortController()
  const all = AbortSignal.any([signal, over.signal])
  const begun = performance.now()
  const { cwd, env } = start
  let tail: string[] = []
  const ended = runGroup(start.command, start.args, { cwd, env, signal: all, grace: 100 }).then(
    (result) => {
      tail = result.tail
      over.abort(
        new UfrError(
          'UFR-COMMAND',
          `${start.command} ended with status ${result.status} before its guest answered`,
          {
            detail: result.tail,
          },
        ),
      )
    },
    () => tail,
  )
  try {
    const at = await answered(start, all, begun + limitMs)
    return { vmm: 0, vcpu: null, kernel: null, entry: null, ready: null, response: round(at - begun) }
  } finally {
    over.abort(new Error('over'))
    await ended
  }
}

async function answered({ port, what, accel }: ToolStart, signal: AbortSignal, end: number): Promise<number> {
  const address = { host: '127.0.0.1', port }
  let refused = false
  while (performance.now() < end) {
    signal.throwIfAborted()
    const patience = AbortSignal.timeout(
      refused ? Math.max(1, Math.ceil(end - performance.now())) : patienceMs,
    )
    try {
      const both = AbortSignal.any([signal, patience])
      const { status, headers, body } = await request(address, what, { signal: both, maxBytes: mostBytes })
      if (status < 400 && headers['x-amz-function-error'] === undefined) return performance.now()
      throw new UfrError(
        'UFR-BENCH-ANSWER',
        `the guest answered with HTTP status ${status}: ${String(body).slice(0, 200)}`,
      )
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof UfrError && error.code === 'UFR-BENCH-ANSWER') throw error
      // Refused by the host, for the VMM does not listen yet, says nothing about the guest.
      if (!patience.aborted && systemCode(error) !== 'ECONNREFUSED') refused = true
    }
    await sleep(pauseMs[accel])
  }
  throw new UfrError('UFR-BOOT-TIMEOUT', `nobody answered within ${limitMs / 1000} s`)
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}
