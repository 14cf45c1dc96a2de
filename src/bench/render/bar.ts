import { styleText } from 'node:util'
import type { Phases } from '../../instance/phases.ts'
import { type Segment, type SegmentMark, segments, titleOf } from '../steps.ts'
import { milliseconds } from './words.ts'

type Look = { fill: string; colour: Parameters<typeof styleText>[0] }

/** How each phase is drawn: told apart by colour where there is one, and without. */
const looks: Record<SegmentMark, Look> = {
  vcpu: { fill: '█', colour: 'blue' },
  kernel: { fill: '▓', colour: 'cyan' },
  entry: { fill: '▒', colour: 'green' },
  ready: { fill: '░', colour: 'yellow' },
  response: { fill: '▞', colour: 'magenta' },
}

/** For more than one phase. */
const mixed: Look = { fill: '▪', colour: 'gray' }

function lookOf({ to, several }: Segment): Look {
  return several ? mixed : looks[to]
}

export interface BarStyle {
  /** Columns. */
  width: number
  colour: boolean
}

/** The phases as one bar. @param whole milliseconds that the width stands for; those of the bar itself by default. */
export function barOf(phases: Phases, { width, colour }: BarStyle, whole?: number): string {
  const parts = segments(phases)
  const sum = parts.reduce((all, each) => all + each.milliseconds, 0)
  const perColumn = width / Math.max(whole ?? sum, sum, Number.MIN_VALUE)
  let drawn = 0
  let passed = 0
  return parts
    .map((part) => {
      passed += part.milliseconds
      const columns = Math.max(0, Math.round(passed * perColumn) - drawn)
      drawn += columns
      const { fill, colour: painted } = lookOf(part)
      const text = fill.repeat(columns)
      return colour && columns > 0 ? styleText(painted, text, { validateStream: false }) : text
    })
    .join('')
}

/** What the parts of a bar stand for, with their times. */
export function keyOf(phases: Phases, { colour }: Pick<BarStyle, 'colour'>): string {
  const words = segments(phases).map((part) => {
    const { fill, colour: painted } = lookOf(part)
    const sample = colour ? styleText(painted, fill, { validateStream: false }) : fill
    return `${sample} ${titleOf(part)} ${milliseconds(part.milliseconds)}`
  })
  return `${words.join('  ')}  (ms)`
}
