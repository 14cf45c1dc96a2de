import type { Watcher } from '../bench/boot.ts'
import { chartLines } from '../bench/render/chart.ts'
import { cellName, milliseconds } from '../bench/render/words.ts'
import type { Cell } from '../bench/report.ts'
import { columnsOf, hasColour } from './phases-bar.ts'
import { printableLines } from './printable.ts'

/**
 * Shows how far it is: on a terminal as a chart that is drawn anew after each start, elsewhere in plain lines.
 * @returns the watcher, and what ends the drawing.
 */
export function chart(
  runs: number,
  stream: NodeJS.WriteStream = process.stderr,
): { watcher: Watcher; end(): void } {
  let cells: readonly Cell[] = []
  let drawn = 0

  function draw(status: string): void {
    const lines = chartLines(cells, { width: columnsOf(stream), colour: hasColour(stream) })
    const fitting = lines.slice(0, Math.max(1, (stream.rows ?? 24) - 2))
    const more = lines.length > fitting.length ? ` (${lines.length - fitting.length} more cells)` : ''
    const all = [...fitting, `${status}${more}`]
    clear()
    stream.write(`${all.join('\n')}\n`)
    drawn = all.length
  }

  function clear(): void {
    if (drawn > 0) stream.write(`\x1b[${drawn}A\x1b[J`)
    drawn = 0
  }

  const terminal = stream.isTTY === true
  const watcher: Watcher = {
    cells(all) {
      cells = all
      if (!terminal) stream.write(`${all.length} ${all.length === 1 ? 'cell' : 'cells'}, ${runs} rounds\n`)
    },
    before(cell, round) {
      if (terminal) draw(`round ${round} of ${runs}: ${nameOf(cell)}`)
    },
    after(cell) {
      if (!terminal) stream.write(`${printableLines(lineOf(cell, runs))}\n`)
    },
  }
  return { watcher, end: clear }
}

function nameOf(cell: Cell): string {
  return `${cellName(cell)} on ${cell.unikernel}, ${cell.vmm}`
}

function lineOf(cell: Cell, runs: number): string {
  const last = cell.runs.at(-1)
  const what = last?.error
    ? `failed: ${last.error.code}: ${last.error.message}`
    : `${milliseconds(last?.phases?.response ?? 0)} ms${last?.discarded ? ' (not counted)' : ''}`
  return `round ${last?.round ?? 0} of ${runs}: ${nameOf(cell)}: ${what}`
}
