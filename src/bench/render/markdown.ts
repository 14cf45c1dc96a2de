import { type MarkCost, markCosts, markLimit } from '../mark-cost.ts'
import { type BootReport, type Cell, tableOf } from '../report.ts'
import type { Summary } from '../statistics.ts'
import { columns, duration, stepNames, steps } from '../steps.ts'
import { escaped, table } from './markdown-parts.ts'
import {
  cellName,
  conditionLines,
  failureWords,
  hasFigures,
  milliseconds,
  missingMarks,
  tableTitle,
} from './words.ts'

const missing = 'not available'

/** A report for people, as Markdown. */
export function markdownReport(report: BootReport): string {
  const tables = [...new Set(report.cells.map(tableOf))].map((name) =>
    report.cells.filter((cell) => tableOf(cell) === name),
  )
  const lines = [
    '# Boot benchmark',
    '',
    ...(report.partial ? ['**Partial: interrupted before all runs were done.**', ''] : []),
    ...conditionLines(report).map((line) => `- ${escaped(line)}`),
    '',
    'Milliseconds. `Average` is the mean of the runs that count.',
    '',
    ...tables.flatMap(overview),
    ...costTable(report),
    ...leftOutList(report),
    '## Runs',
    '',
    ...tables.flatMap((cells) => cells.flatMap(runTable)),
    '## Statistics',
    '',
    ...tables.flatMap(statisticsTable),
  ]
  return `${lines.join('\n').trimEnd()}\n`
}

/** The averages of one kernel on one VMM: a row a function, as in the field's own tables. */
function overview(cells: readonly Cell[]): string[] {
  const rows = cells.map((cell) => [
    cellName(cell),
    ...columns.map(({ name }) => average(cell.statistics[name])),
    failedCount(cell),
  ])
  return [
    `## ${escaped(tableTitle(cells[0]!))}`,
    '',
    ...table(['Average (ms)', ...columns.map(({ title }) => title), 'failed'], rows),
    '',
    ...footnotes(cells),
  ]
}

function average(summary: Summary | null): string {
  return summary ? milliseconds(summary.mean) : missing
}

function failedCount({ runs }: Cell): string {
  const failed = runs.filter(({ error }) => error !== null).length
  return runs.length === 0 ? 'not run' : failed === 0 ? '' : `${failed} of ${runs.length}`
}

function footnotes(cells: readonly Cell[]): string[] {
  const lines = cells.flatMap((cell) => {
    const failure = failureWords(cell)
    return [...(failure === undefined ? [] : [failure]), ...missingMarks(cell), ...cell.notes].map(
      (text) => `- ${escaped(cellName(cell))}: ${escaped(text)}`,
    )
  })
  const where = [...new Set(cells.flatMap(entryWords))].map((words) => `- Entry point: ${words}.`)
  const all = [...where, ...lines]
  return all.length > 0 ? [...all, ''] : []
}

/** What the mark `entry` of a cell is. */
function entryWords({ entryOf, unikernel }: Cell): string[] {
  if (entryOf === null) return []
  const first = `the first instruction of ${escaped(entryOf)}`
  if (/\/ld[-.][^/]*$/.test(entryOf))
    return [`${first}, the dynamic linker, before it has loaded the program and its libraries`]
  return [unikernel === 'osv' ? `${first}, after the kernel has linked it` : `${first}, the program itself`]
}

function costTable({ cells }: BootReport): string[] {
  const costs = markCosts(cells)
  if (costs.length === 0) return []
  const rows = costs.map((cost) => [
    `${cost.cell.function}, ${cost.cell.unikernel} on ${cost.cell.vmm}`,
    milliseconds(cost.withMark),
    milliseconds(cost.withoutMark),
    `${cost.ratio.toFixed(3)}`,
    shiftWords(cost),
    `+${milliseconds(cost.limit)}`,
    cost.within === 'no' ? '**NO**' : cost.within,
  ])
  const percent = Math.round((markLimit.ratio - 1) * 100)
  return [
    '## What the entry mark costs',
    '',
    `Medians until the answer, with the mark and without, started in turns. Allowed: ${percent} % or ${markLimit.milliseconds} ms more, whichever is more. Unclear: the interval of the shift lies on both sides of that, or there are too few runs for one.`,
    '',
    ...table(['', 'with', 'without', 'ratio of pairs', 'shift of pairs (90 %)', 'allowed', 'within'], rows),
    '',
  ]
}

function shiftWords({ difference: { shift, interval } }: MarkCost): string {
  const sign = (value: number) => `${value < 0 ? '' : '+'}${milliseconds(value)}`
  return interval ? `${sign(shift)} (${sign(interval[0])} to ${sign(interval[1])})` : sign(shift)
}

function leftOutList({ leftOut }: BootReport): string[] {
  if (leftOut.length === 0) return []
  const lines = leftOut.map(
    ({ what, reason }) => `- ${escaped(what)}: ${reason.code}: ${escaped(reason.message)}`,
  )
  return ['## Left out', '', ...lines, '']
}

/** Every run of a cell, and their average. */
function runTable(cell: Cell): string[] {
  if (cell.runs.length === 0) return []
  const head = [escaped(`${cellName(cell)}, ${cell.unikernel} on ${cell.vmm}`), ...columns.map(titleOf)]
  const rows = cell.runs.map(({ round, discarded, phases, error }) => [
    `${round}${discarded ? ' (not counted)' : ''}`,
    ...columns.map((step) => {
      const found = phases && duration(phases, step)
      return error
        ? `failed: ${error.code}`
        : found === undefined || found === null
          ? missing
          : milliseconds(found)
    }),
  ])
  const averages = ['**Average (ms)**', ...columns.map(({ name }) => `**${average(cell.statistics[name])}**`)]
  return [...table(head, hasFigures(cell) ? [...rows, averages] : rows), '']
}

function titleOf({ title }: { title: string }): string {
  return title
}

function statisticsTable(cells: readonly Cell[]): string[] {
  const measured = cells.filter(hasFigures)
  if (measured.length === 0) return []
  const rows = measured.flatMap((cell) =>
    stepNames.flatMap((name) => {
      const summary = cell.statistics[name]
      return summary ? [[cellName(cell), steps[name].title, ...figures(summary)]] : []
    }),
  )
  const head = [
    escaped(tableTitle(cells[0]!)),
    'from > to',
    'runs',
    'median',
    'mean',
    'p95',
    'deviation',
    'least',
    'most',
  ]
  return [...table(head, rows, 2), '']
}

function figures({ count, ...rest }: Summary): string[] {
  const { median, mean, p95, deviation, least, most } = rest
  return [String(count), ...[median, mean, p95, deviation, least, most].map(milliseconds)]
}
