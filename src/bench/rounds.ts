import { UfrError } from '../base/errors.ts'
import type { Phases } from '../instance/phases.ts'
import { orderOf } from './interleave.ts'
import type { Cell, Reason } from './report.ts'
import { statisticsOf } from './steps.ts'

/** A cell with the way to start it once. */
export interface Runnable {
  cell: Cell
  start(signal: AbortSignal): Promise<Phases>
}

export interface Rounds {
  /** How many, and how many of them are not looked at. */
  runs: number
  discard: number
  signal: AbortSignal
  /** Is told of each attempt before it begins, and after it has ended. */
  before?(cell: Cell, round: number): void
  after?(cell: Cell): void
}

/** A cell that has failed so often, and never anything else, is not tried any more. */
const mostFailures = 3

/**
 * Starts each of the cells once a round, in an order that turns round, and notes in them what came of it.
 * @returns whether all rounds were run: false where the signal aborted. What was noted until then stays.
 */
export async function runRounds(runnables: readonly Runnable[], rounds: Rounds): Promise<boolean> {
  const { runs, discard, signal } = rounds
  for (let round = 1; round <= runs; round++) {
    for (const { cell, start } of orderOf(runnables, round - 1)) {
      if (signal.aborted) return false
      if (cell.reason) continue
      rounds.before?.(cell, round)
      const discarded = round <= discard
      try {
        const phases = await start(signal)
        cell.runs.push({ round, discarded, phases, error: null })
      } catch (error) {
        if (signal.aborted) return false
        cell.runs.push({ round, discarded, phases: null, error: reasonOf(error) })
        if (isFinal(error) || isHopeless(cell)) cell.reason = reasonOf(error)
      }
      cell.statistics = statisticsOf(cell.runs)
      rounds.after?.(cell)
    }
  }
  return !signal.aborted
}

/** What is wrong with the use or the host is so the next time, too. */
function isFinal(error: unknown): boolean {
  return error instanceof UfrError && (error.exitStatus === 2 || error.code === 'UFR-VMM-START')
}

function isHopeless({ runs }: Cell): boolean {
  return runs.length >= mostFailures && runs.every(({ error }) => error !== null)
}

/** An error as reports have it. */
export function reasonOf(error: unknown): Reason {
  if (error instanceof UfrError) return { code: error.code, message: error.message }
  return { code: 'UFR-INTERNAL', message: error instanceof Error ? error.message : String(error) }
}
