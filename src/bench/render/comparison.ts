import type { CellComparison, CompareOptions } from '../compare.ts'
import { steps } from '../steps.ts'
import { escaped, table } from './markdown-parts.ts'
import { milliseconds } from './words.ts'

/** A comparison for people, as Markdown. */
export function comparisonText(
  cells: readonly CellComparison[],
  notes: readonly string[],
  { step, threshold, level }: CompareOptions,
): string {
  const head = [
    '',
    'first',
    'second',
    'shift',
    `${percentText(100 * (1 - level))} interval`,
    '%',
    'p',
    'delta',
    '',
  ]
  const rows = cells.map((cell) => [
    escaped(cell.what),
    sideText(cell.first),
    sideText(cell.second),
    cell.shift === null ? '' : signed(cell.shift),
    cell.interval ? `${signed(cell.interval.low)} to ${signed(cell.interval.high)}` : '',
    cell.percent === null ? '' : `${cell.percent < 0 ? '' : '+'}${cell.percent.toFixed(1)}`,
    cell.p === null ? '' : pText(cell.p),
    cell.delta === null ? '' : cell.delta.toFixed(2),
    cell.verdict === 'regression' ? '**REGRESSION**' : cell.verdict,
  ])
  const told = [...cells.flatMap(({ what, note }) => (note === null ? [] : [`${what}: ${note}`])), ...notes]
  return [
    `${steps[step].title} in milliseconds: medians, and by how much the second is slower. A regression is more than ${threshold} % slower and significant (p < ${level}, two-sided rank sum test).`,
    '',
    ...table(head, rows),
    '',
    ...told.map((text) => `- ${escaped(text)}`),
    ...(told.length > 0 ? [''] : []),
  ].join('\n')
}

function percentText(value: number): string {
  return `${Number(value.toFixed(2))} %`
}

function sideText({ median, count }: CellComparison['first']): string {
  return median === null ? 'none' : `${milliseconds(median)} (${count})`
}

function signed(value: number): string {
  return `${value < 0 ? '' : '+'}${milliseconds(value)}`
}

function pText(p: number): string {
  return p < 0.0001 ? '<0.0001' : p.toFixed(4)
}
