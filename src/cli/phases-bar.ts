import { barOf, keyOf } from '../bench/render/bar.ts'
import type { Phases } from '../instance/phases.ts'

const mostColumns = 160

/** The phases of one run as a bar as wide as the stream, and in the next line what its parts stand for. */
export function phasesBar(phases: Phases, stream: NodeJS.WriteStream): string {
  const style = { width: columnsOf(stream), colour: hasColour(stream) }
  return `${barOf(phases, style)}\n${keyOf(phases, style)}`
}

/** Colour where the stream takes it: NO_COLOR, FORCE_COLOR and TERM are looked at as Node.js does. */
export function hasColour(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY === true && stream.hasColors()
}

export function columnsOf(stream: NodeJS.WriteStream): number {
  return Math.min(mostColumns, Math.max(40, stream.columns ?? 80))
}
