import type { Cell } from '../report.ts'
import { median } from '../statistics.ts'
import { counted, durations, mediansOf, steps } from '../steps.ts'
import { type BarStyle, barOf } from './bar.ts'
import { cellName, milliseconds } from './words.ts'

const nameColumns = 38
const figureColumns = 22

/** The cells as they stand: a line each, with the medians so far as a bar. */
export function chartLines(cells: readonly Cell[], { width, colour }: BarStyle): string[] {
  const barWidth = Math.max(10, width - nameColumns - figureColumns - 3)
  const whole = Math.max(1, ...cells.map((cell) => total(cell) ?? 0))
  return cells.map((cell) => {
    const name = `${cellName(cell)} ${cell.unikernel} ${cell.vmm}`
    const found = total(cell)
    const bar =
      found === undefined
        ? ''
        : barOf(mediansOf(cell.runs), { width: (barWidth * found) / whole, colour }, found)
    return `${fitted(name, nameColumns)} ${bar} ${stateOf(cell)}`
  })
}

function total(cell: Cell): number | undefined {
  const found = durations(cell.runs, steps.total)
  return found.length > 0 ? median(found) : undefined
}

function stateOf(cell: Cell): string {
  const { runs, reason } = cell
  if (reason) return reason.code
  const failed = runs.filter(({ error }) => error !== null).length
  const words = failed > 0 ? `, ${failed} failed` : ''
  const found = total(cell)
  if (found === undefined) return runs.length === 0 ? '' : `warming up${words}`
  return `${milliseconds(found)} ms of ${counted(runs).length}${words}`
}

/** Names can hold anything, also what a terminal would obey. */
function fitted(text: string, columns: number): string {
  const plain = text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, '?')
  return plain.length > columns ? `${plain.slice(0, columns - 1)}…` : plain.padEnd(columns)
}
