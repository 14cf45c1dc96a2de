import { median, pairRatios } from '../../src/bench/statistics.ts'

/** A figure with what it is to be compared with. All samples are milliseconds. */
export interface Line {
  what: string
  ufr: number[]
  /** Measured in turns with it. */
  against?: { name: string; samples: number[] }
  goal?: Goal
}

/** What a figure ought to be at most. */
export interface Goal {
  text: string
  /** Highest time of ours that is good enough, by the time of what it is compared with. */
  limit(against: number): number
}

export interface Section {
  name: string
  title: string
  /** What was measured, in sentences. */
  how: string[]
  lines: Line[]
}

export interface Summary {
  ufr: number
  against?: number
  ratio?: number
  ratioOfPairs?: number
  limit?: number
  met?: boolean
}

/**
 * Medians, their ratio, the median of the pairs' ratios, and whether the goal is met: by the median of neighbouring
 * pairs, too, for a machine whose speed drifts moves both of a pair.
 */
export function summarize({ ufr, against, goal }: Line): Summary {
  const ours = median(ufr)
  const theirs = against && median(against.samples)
  const limit = goal?.limit(theirs ?? 0)
  return {
    ufr: ours,
    ...(against &&
      theirs !== undefined && {
        against: theirs,
        ratio: ours / theirs,
        ratioOfPairs: median(pairRatios(ufr, against.samples)),
      }),
    ...(goal && limit !== undefined && { limit, met: median(excess(ufr, goal, against?.samples)) <= 0 }),
  }
}

/** By how much each sample is above what is allowed beside its neighbour. */
function excess(ours: number[], goal: Goal, theirs?: number[]): number[] {
  const pairs = theirs ? Math.min(ours.length, theirs.length) : ours.length
  return ours.slice(0, pairs).map((ms, i) => ms - goal.limit(theirs?.[i] ?? 0))
}

const head = ['', 'ufr', 'against', 'ms', 'more', 'ratio', 'of pairs', 'goal', '']
const toTheRight = new Set([1, 3, 4, 5, 6])

/** A section for people to read; figures are medians in milliseconds. */
export function sectionText({ title, how, lines }: Section): string {
  const rows = [head, ...lines.map(cells)]
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const text = rows.map((row) =>
    row
      .map((cell, i) => (toTheRight.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
  return `${title}\n${how.map((sentence) => `  ${sentence}\n`).join('')}\n${text.join('\n')}\n`
}

function cells(line: Line): string[] {
  const { ufr, against, ratio, ratioOfPairs, met } = summarize(line)
  const compared =
    against === undefined
      ? ['', '', '', '', '']
      : [line.against!.name, against.toFixed(1), signed(ufr - against), times(ratio!), times(ratioOfPairs!)]
  const verdict = met === undefined ? '' : met ? 'met' : 'NOT MET'
  return [line.what, ufr.toFixed(1), ...compared, line.goal?.text ?? '', verdict]
}

function signed(milliseconds: number): string {
  return `${milliseconds < 0 ? '' : '+'}${milliseconds.toFixed(1)}`
}

function times(ratio: number): string {
  return `${ratio < 0.1 ? ratio.toPrecision(2) : ratio.toFixed(2)}x`
}

/** The last line: how many goals are met, and which are not. */
export function verdictText(sections: readonly Section[]): string {
  const judged = sections.flatMap(({ lines }) => lines.filter(({ goal }) => goal !== undefined))
  const missed = judged.filter((line) => summarize(line).met === false)
  const words = `${judged.length - missed.length} of ${judged.length} goals met`
  return missed.length === 0 ? words : `${words}; not met: ${missed.map(({ what }) => what).join('; ')}`
}

/** The same for programs, with every sample. */
export function sectionJson({ name, lines }: Section) {
  return {
    name,
    lines: lines.map((line) => {
      const { what, ufr, against, goal } = line
      return {
        what,
        ...(against && { against: against.name }),
        ...(goal && { goal: goal.text }),
        ...summarize(line),
        samples: { ufr, ...(against && { against: against.samples }) },
      }
    }),
  }
}
