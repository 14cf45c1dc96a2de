import { difference, leastP, runsNeeded } from './rank-test.ts'
import type { BootReport, Cell } from './report.ts'
import { median } from './statistics.ts'
import { durations, type StepName, steps } from './steps.ts'

export interface CompareOptions {
  /** The step that is compared. */
  step: StepName
  /** Percent by which the second may be slower. */
  threshold: number
  /** Level of significance: how often equal ones may be taken for different. */
  level: number
}

/**
 * `regression`: slower by more than the threshold, and significantly so; also what ran before and no longer does.
 * `improvement`: the other way round. `unclear`: beyond the threshold, but not significantly. `same`: within it.
 */
export type Verdict = 'regression' | 'improvement' | 'same' | 'unclear' | 'not compared'

/** One side of a comparison. */
export interface Side {
  /** How many runs it has to show. */
  count: number
  /** Milliseconds; null where there is none. */
  median: number | null
}

export interface CellComparison {
  /** What is compared, for people. */
  what: string
  first: Side
  second: Side
  /** By how many milliseconds the second is slower (Hodges and Lehmann), and in percent of the first's median. */
  shift: number | null
  percent: number | null
  /** Where the shift lies with a confidence of 1 - level; null where there are too few runs to say. */
  interval: { low: number; high: number } | null
  p: number | null
  /** Cliff's delta: 1 where every run of the second is slower than every one of the first. */
  delta: number | null
  verdict: Verdict
  /** Why it was not compared, or what else there is to know. */
  note: string | null
}

/** Compares two cells: for the second being slower. */
export function compareCells(
  what: string,
  first: Cell,
  second: Cell,
  options: CompareOptions,
): CellComparison {
  const { step, threshold, level } = options
  const [a, b] = [first, second].map(({ runs }) => durations(runs, steps[step])) as [number[], number[]]
  const sides = { what, first: sideOf(a), second: sideOf(b) }
  const nothing = { shift: null, percent: null, interval: null, p: null, delta: null }
  if (a.length === 0 || b.length === 0) {
    const gone = a.length > 0 && step === 'total'
    const why = [second.reason, ...second.runs.map(({ error }) => error)].findLast((each) => each)
    const lacking = a.length === 0 ? 'the first has no run to compare' : 'the second has no run to compare'
    const words = a.length > 0 && why ? `${lacking}: ${why.code}: ${why.message}` : lacking
    return { ...sides, ...nothing, verdict: gone ? 'regression' : 'not compared', note: words }
  }
  const { shift, interval, p, delta } = difference(a, b, 1 - level)
  const percent = (100 * shift) / median(a)
  const far = Math.abs(percent) > threshold
  const sure = p < level
  const verdict = !far ? 'same' : !sure ? 'unclear' : percent > 0 ? 'regression' : 'improvement'
  return {
    ...sides,
    ...{ shift, percent, p, delta, verdict },
    interval: interval ? { low: interval[0], high: interval[1] } : null,
    note: tooFew(a.length, b.length, level),
  }
}

function tooFew(first: number, second: number, level: number): string | null {
  if (leastP(first, second) < level) return null
  return `${first} and ${second} runs cannot differ at the level ${level}: that takes ${runsNeeded(level)} of each`
}

function sideOf(values: readonly number[]): Side {
  return { count: values.length, median: values.length > 0 ? median(values) : null }
}

/** Pairs of cells that are the same thing in two reports, and those that only one of them has. */
export function pairsOf(
  first: BootReport,
  second: BootReport,
): { pairs: { what: string; first: Cell; second: Cell }[]; lonely: string[] } {
  const [a, b] = [first, second].map(({ cells }) => cells.filter(({ arm }) => arm === 'ufr')) as [
    Cell[],
    Cell[],
  ]
  const pairs: { what: string; first: Cell; second: Cell }[] = []
  const taken = new Set<Cell>()
  for (const cell of a) {
    const found = partnerOf(
      cell,
      a,
      b.filter((other) => !taken.has(other)),
    )
    if (!found) continue
    taken.add(found)
    pairs.push({ what: wordsOf(cell, found), first: cell, second: found })
  }
  const paired = new Set(pairs.flatMap((pair) => [pair.first, pair.second]))
  const alone = (cells: readonly Cell[], which: string) =>
    cells.filter((cell) => !paired.has(cell)).map((cell) => `${wordsOf(cell)} is only in the ${which}`)
  return { pairs, lonely: [...alone(a, 'first'), ...alone(b, 'second')] }
}

/** The same function on the same kernel; of several versions of that the same one, else the only one there is. */
function partnerOf(cell: Cell, own: readonly Cell[], others: readonly Cell[]): Cell | undefined {
  const alike = others.filter((other) => keyOf(other) === keyOf(cell))
  const same = alike.find(({ kernelVersion }) => kernelVersion === cell.kernelVersion)
  const only = own.filter((other) => keyOf(other) === keyOf(cell)).length === 1 && alike.length === 1
  return same ?? (only ? alike[0] : undefined)
}

function keyOf({ function: name, unikernel, vmm }: Cell): string {
  return JSON.stringify([name, unikernel, vmm])
}

function wordsOf(cell: Cell, other = cell): string {
  const versions = [...new Set([cell.kernelVersion ?? '?', other.kernelVersion ?? '?'])]
  return `${cell.function}, ${cell.unikernel} ${versions.join(' > ')} on ${cell.vmm}`
}

/** What two reports have not in common that makes them no comparison, and what a reader ought to know. */
export function differencesOf(first: BootReport, second: BootReport): { grave: string[]; notes: string[] } {
  const told = (name: string, a: unknown, b: unknown) =>
    a === b ? [] : [`${name}: ${String(a)} in the first, ${String(b)} in the second`]
  const [a, b] = [first, second]
  const versions = ({ conditions: { vmms } }: BootReport) =>
    vmms.map(({ name, version }) => `${name} ${version}`).join(', ')
  return {
    grave: [
      ...told('schema', a.schemaVersion, b.schemaVersion),
      ...told('acceleration', a.conditions.accel, b.conditions.accel),
      ...told('processor', a.machine.processor, b.machine.processor),
      ...told('CPUs', a.machine.cores, b.machine.cores),
      ...told('memory in GiB', a.machine.memoryGiB, b.machine.memoryGiB),
      ...told('an emulated machine', a.machine.emulated, b.machine.emulated),
    ],
    notes: [
      ...told('ufr', a.ufr, b.ufr),
      ...told('host kernel', a.machine.hostKernel, b.machine.hostKernel),
      ...told('Node.js', a.machine.node, b.machine.node),
      ...told('VMMs', versions(a), versions(b)),
      ...told('pinned to CPUs', a.conditions.cpus, b.conditions.cpus),
      ...[a, b].flatMap(({ partial }, i) =>
        partial ? [`the ${i === 0 ? 'first' : 'second'} is partial`] : [],
      ),
    ],
  }
}
