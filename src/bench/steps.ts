import type { Phases } from '../instance/phases.ts'
import type { CellRun } from './report.ts'
import { median, type Summary, summarize } from './statistics.ts'

/** From one mark of a cold start to a later one. */
export interface Step {
  name: StepName
  /** As the heads of tables have it: after the field's own tables. */
  title: string
  from: keyof Phases
  to: keyof Phases
}

export const stepNames = ['start', 'kernel', 'entry', 'ready', 'work', 'total'] as const
export type StepName = (typeof stepNames)[number]

const vmm = 'VMM_MAIN'
const vcpu = 'START VCPU'
const kernel = "KERNEL'S FIRST MARK"
const entry = 'EXEC ENTRY POINT'
const ready = 'READY'
const response = 'RESPONSE'

export const steps: Record<StepName, Step> = {
  start: { name: 'start', title: `${vmm} > ${vcpu}`, from: 'vmm', to: 'vcpu' },
  kernel: { name: 'kernel', title: `${vcpu} > ${kernel}`, from: 'vcpu', to: 'kernel' },
  entry: { name: 'entry', title: `${vcpu} > ${entry}`, from: 'vcpu', to: 'entry' },
  ready: { name: 'ready', title: `${entry} > ${ready}`, from: 'entry', to: 'ready' },
  work: { name: 'work', title: `${ready} > ${response}`, from: 'ready', to: 'response' },
  total: { name: 'total', title: `${vmm} > ${response}`, from: 'vmm', to: 'response' },
}

/** The columns of the tables. */
export const columns: readonly Step[] = [steps.start, steps.entry, steps.ready, steps.work, steps.total]

/** Milliseconds that a step took; undefined where one of its marks was not to be had. */
export function duration(phases: Phases, { from, to }: Pick<Step, 'from' | 'to'>): number | undefined {
  const [start, end] = [phases[from], phases[to]]
  return start === null || end === null ? undefined : end - start
}

/** What every step of the runs that count took. */
export function durations(runs: readonly CellRun[], step: Pick<Step, 'from' | 'to'>): number[] {
  return counted(runs).flatMap((phases) => duration(phases, step) ?? [])
}

/** The marks of the runs that are neither discarded nor failed. */
export function counted(runs: readonly CellRun[]): Phases[] {
  return runs.flatMap(({ phases, discarded }) => (phases && !discarded ? [phases] : []))
}

export function statisticsOf(runs: readonly CellRun[]): Record<StepName, Summary | null> {
  const entries = stepNames.map((name) => {
    const found = durations(runs, steps[name])
    return [name, found.length > 0 ? summarize(found) : null] as const
  })
  return Object.fromEntries(entries) as Record<StepName, Summary | null>
}

/** A part of a bar: the time before a mark. */
export interface Segment {
  /** The mark that it ends with. */
  to: SegmentMark
  milliseconds: number
  /** Whether a mark in between was not to be had, so that it is more than one phase. */
  several: boolean
}

export type SegmentMark = (typeof segmentMarks)[number]

export const segmentMarks = ['vcpu', 'kernel', 'entry', 'ready', 'response'] as const

/** The parts of one run, or of medians: a mark that was not to be had leaves its time to the next one. */
export function segments(phases: Phases): Segment[] {
  const found: Segment[] = []
  let before = 0
  let several = false
  for (const to of segmentMarks) {
    const at = phases[to]
    if (at === null) {
      several = true
      continue
    }
    found.push({ to, milliseconds: Math.max(0, at - before), several })
    several = false
    before = Math.max(before, at)
  }
  return found
}

/** The phase that a segment shows, for keys of charts. */
export const segmentTitles: Record<SegmentMark, string> = {
  vcpu: 'VMM',
  kernel: 'to the kernel',
  entry: 'to the program',
  ready: 'runtime',
  response: 'work',
}

const ends: Record<SegmentMark, string> = {
  vcpu: 'VMM',
  kernel: 'until the kernel',
  entry: 'until the program',
  ready: 'until ready',
  response: 'until the end',
}

/** What a segment shows, in a word or two. */
export function titleOf({ to, several }: Pick<Segment, 'to' | 'several'>): string {
  return several ? ends[to] : segmentTitles[to]
}

/** Marks in the middle of the runs; a bar may end a little beside the median answer. */
export function mediansOf(runs: readonly CellRun[]): Phases {
  const phases = counted(runs)
  const middle = (mark: keyof Phases) => {
    const found = phases.flatMap((each) => each[mark] ?? [])
    return found.length > 0 ? median(found) : null
  }
  const entries = segmentMarks.map((mark) => [mark, middle(mark)] as const)
  return { vmm: 0, ...Object.fromEntries(entries) } as Phases
}
