import { type BootReport, type Cell, tableOf } from '../report.ts'
import { median } from '../statistics.ts'
import {
  durations,
  mediansOf,
  type SegmentMark,
  segmentMarks,
  segments,
  segmentTitles,
  steps,
  titleOf,
} from '../steps.ts'
import { accelWords, cellName, failureWords, milliseconds, tableTitle } from './words.ts'

const width = 960
const nameWidth = 250
const figureWidth = 170
const barHeight = 18
const rowHeight = 28
const titleHeight = 34

/** Colours that can be told apart on light and on dark, also by those who do not see all (after Okabe and Ito). */
const colours: Record<SegmentMark, string> = {
  vcpu: '#0072b2',
  kernel: '#56b4e9',
  entry: '#009e73',
  ready: '#e69f00',
  response: '#cc79a7',
}
/** More than one phase, for want of a mark. */
const mixed = '#999999'

/**
 * Stacked bars, one a cell: medians of the phases, with a line from the fastest to the slowest run's answer and a dot
 * for each. It stands on no background of its own and follows what the reader prefers, light or dark.
 */
export function svgReport(report: BootReport): string {
  const { cells, conditions } = report
  const names = [...new Set(cells.map(tableOf))]
  const most = Math.max(1, ...cells.flatMap(({ runs }) => durations(runs, steps.total)))
  const scale = (width - nameWidth - figureWidth) / axisEnd(most)
  const parts: string[] = []
  let y = 58
  for (const name of names) {
    const own = cells.filter((cell) => tableOf(cell) === name)
    parts.push(text(16, y + 20, tableTitle(own[0]!), 'title'))
    y += titleHeight
    for (const cell of own) {
      parts.push(...row(cell, y, scale))
      y += rowHeight
    }
    parts.push(...axis(y, axisEnd(most), scale))
    y += 44
  }
  const machine = `${report.machine.processor}, ${report.machine.cores} CPUs`
  const caption = `${accelWords(conditions.accel)}; medians, line and dots: all runs that count; ${machine}; ${report.startedAt.slice(0, 10)}${report.partial ? '; PARTIAL' : ''}`
  return `<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 24}" viewBox="0 0 ${width} ${y + 24}" role="img" aria-labelledby="t">
<title id="t">Cold starts in milliseconds, by phase</title>
<style>
text { font: 13px system-ui, sans-serif; fill: #1f2328; }
.title { font-weight: 600; }
.small { font-size: 11px; fill: #59636e; }
.end { text-anchor: end; }
.middle { text-anchor: middle; }
.grid { stroke: #8c959f; stroke-opacity: .35; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
.run { fill: #1f2328; fill-opacity: .65; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.small { fill: #9198a1; }
.spread { stroke: #e6edf3; }
.run { fill: #e6edf3; }
}
</style>
${key()}
${parts.join('\n')}
${text(16, y + 10, caption, 'small')}
</svg>
`
}

function key(): string {
  const all = [...segmentMarks.map((mark) => [colours[mark], segmentTitles[mark]]), [mixed, 'several phases']]
  return all
    .map(([colour, title], i) => {
      const x = 16 + i * 150
      return `${rectangle(x, 16, 14, 14, colour!)}${text(x + 20, 28, title!)}`
    })
    .join('\n')
}

function row(cell: Cell, y: number, scale: number): string[] {
  const middle = y + barHeight / 2
  const name = text(nameWidth - 10, middle + 4, shortened(cellName(cell), 34), 'end')
  const totals = durations(cell.runs, steps.total)
  if (totals.length === 0) {
    const why = shortened(failureWords(cell) ?? 'no run counts', 90)
    return [name, text(nameWidth, middle + 4, why, 'small')]
  }
  let x = nameWidth
  const bars = segments(mediansOf(cell.runs)).map((part) => {
    const wide = part.milliseconds * scale
    const title = `${titleOf(part)}: ${milliseconds(part.milliseconds)} ms`
    const bar = rectangle(x, y, wide, barHeight, part.several ? mixed : colours[part.to], title)
    x += wide
    return bar
  })
  const [least, most] = [Math.min(...totals), Math.max(...totals)]
  const at = (ms: number) => round(nameWidth + ms * scale)
  const spread = `<line class="spread" x1="${at(least)}" x2="${at(most)}" y1="${middle}" y2="${middle}"/>`
  const dots = totals.map((ms) => `<circle class="run" cx="${at(ms)}" cy="${middle}" r="2.5"/>`)
  const failed = cell.runs.filter(({ error }) => error !== null).length
  const figure = `${milliseconds(median(totals))} ms${failed > 0 ? `, ${failed} failed` : ''}`
  return [name, ...bars, spread, ...dots, text(at(most) + 8, middle + 4, figure)]
}

function axis(y: number, end: number, scale: number): string[] {
  const step = axisStep(end)
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step)
  return ticks.map((ms) => {
    const x = round(nameWidth + ms * scale)
    return `<line class="grid" x1="${x}" x2="${x}" y1="${y - 4}" y2="${y + 4}"/>${text(x, y + 18, `${ms}${ms === 0 ? ' ms' : ''}`, 'small middle')}`
  })
}

/** A round number not below the largest, and steps of which there are four to ten. */
function axisEnd(most: number): number {
  const step = axisStep(most)
  return Math.ceil(most / step) * step
}

function axisStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most / 5))
  const factor = [1, 2, 5, 10].find((each) => most / (each * power) <= 7.5) ?? 10
  return factor * power
}

function rectangle(x: number, y: number, wide: number, high: number, fill: string, title = ''): string {
  const inside = title === '' ? '/>' : `><title>${escaped(title)}</title></rect>`
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(wide)}" height="${high}" fill="${fill}"${inside}`
}

function text(x: number, y: number, words: string, style = ''): string {
  const named = style === '' ? '' : ` class="${style}"`
  return `<text x="${round(x)}" y="${round(y)}"${named}>${escaped(words)}</text>`
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function shortened(words: string, most: number): string {
  return words.length <= most ? words : `${words.slice(0, most - 1)}…`
}

/** What XML cannot hold at all is left out: names of functions and messages of guests may hold anything. */
function escaped(words: string): string {
  return words
    .replaceAll(/[\0-\x1f\x7f-\x9f\ufffe\uffff]|[\ud800-\udfff]/gu, ' ')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
