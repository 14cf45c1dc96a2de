import { type PairedShift, pairedShift } from './rank-test.ts'
import type { Cell } from './report.ts'
import { median } from './statistics.ts'
import { durations, steps } from './steps.ts'

/** What telling its entry costs a boot: the same function, with and without the mark, started in turns. */
export interface MarkCost {
  cell: Cell
  /** Medians in milliseconds. */
  withMark: number
  withoutMark: number
  /** Median of the ratios of neighbouring runs. */
  ratio: number
  /** Of the differences of neighbouring runs. */
  difference: PairedShift
  /** What is allowed, in milliseconds. */
  limit: number
  /**
   * Whether the shift is within that: `yes` and `no` where its whole interval is on one side, `unclear` where the runs
   * scatter too much to say, or are too few.
   */
  within: 'yes' | 'no' | 'unclear'
}

/** At most this share, or this many milliseconds, longer. */
export const markLimit = { ratio: 1.02, milliseconds: 1 } as const

/** Five pairs, what is left of the usual six runs, have an interval of this confidence and none of 95 %. */
export const markConfidence = 0.9

/** For every cell that was measured both ways. */
export function markCosts(cells: readonly Cell[]): MarkCost[] {
  return cells.flatMap((cell) => {
    const control = cell.arm === 'ufr' && cells.find((other) => isControlOf(other, cell))
    const found = control && costOf(cell, control)
    return found ? [found] : []
  })
}

function isControlOf(other: Cell, cell: Cell): boolean {
  return (
    other.arm === 'without mark' &&
    other.function === cell.function &&
    other.unikernel === cell.unikernel &&
    other.kernelVersion === cell.kernelVersion &&
    other.vmm === cell.vmm
  )
}

function costOf(cell: Cell, control: Cell): MarkCost | undefined {
  const pairs = cell.runs.flatMap((run) => {
    const [marked] = durations([run], steps.total)
    const [plain] = durations(
      control.runs.filter(({ round }) => round === run.round),
      steps.total,
    )
    return marked === undefined || plain === undefined ? [] : [{ marked, plain }]
  })
  if (pairs.length === 0) return undefined
  const withMark = median(pairs.map(({ marked }) => marked))
  const withoutMark = median(pairs.map(({ plain }) => plain))
  const ratio = median(pairs.map(({ marked, plain }) => marked / plain))
  const difference = pairedShift(
    pairs.map(({ marked, plain }) => marked - plain),
    markConfidence,
  )
  const limit = Math.max(markLimit.milliseconds, (markLimit.ratio - 1) * withoutMark)
  const [low, high] = difference.interval ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
  const within = high <= limit ? 'yes' : low > limit ? 'no' : 'unclear'
  return { cell, withMark, withoutMark, ratio, difference, limit, within }
}
