import type { Phases } from '../../instance/phases.ts'
import { segments, titleOf } from '../steps.ts'

/** A part of a run. Times are milliseconds since 1970, with fractions. */
export interface Span {
  name: string
  start: number
  end: number
  attributes: Record<string, string | number | boolean>
  /** Whose work it is: a row of its own in a chart. */
  row: 'host' | 'guest'
  children: Span[]
}

export interface Traced {
  /** When the command began its work. */
  begun: number
  /** When the image was there; undefined where that was not reached. */
  prepared?: number
  /** When the VMM's process was started; undefined where that was not reached. */
  spawned?: number
  ended: number
  phases?: Phases
  /** Of the whole run: function, kernel, … */
  attributes?: Span['attributes']
  /** Of the image. */
  image?: Span['attributes']
}

/** One run as a tree of spans: what the host does before the machine, and the phases of the cold start. */
export function spansOf(traced: Traced): Span {
  const { begun, prepared, spawned, ended, phases, attributes = {}, image = {} } = traced
  const host = (name: string, start: number, end: number, more: Span['attributes'] = {}): Span => {
    return { name, start, end, attributes: more, row: 'host', children: [] }
  }
  const children: Span[] = []
  if (prepared !== undefined) children.push(host('prepare and build the image', begun, prepared, image))
  if (prepared !== undefined && spawned !== undefined)
    children.push(host('choose the VMM, make the link', prepared, spawned))
  if (spawned !== undefined && phases) {
    const parts = phaseSpans(phases, spawned)
    const end = parts.at(-1)?.end ?? spawned
    const marks = Object.entries(phases).flatMap(([mark, at]) => (at === null ? [] : [[`ufr.${mark}`, at]]))
    children.push({
      name: 'cold start',
      start: spawned,
      end,
      attributes: Object.fromEntries(marks),
      row: 'guest',
      children: parts,
    })
    if (ended > end) children.push(host(phases.response === null ? 'until the end' : 'stop', end, ended))
  }
  return { ...host('ufr run', begun, Math.max(ended, begun), attributes), children }
}

function phaseSpans(phases: Phases, spawned: number): Span[] {
  let at = spawned
  return segments(phases).map(({ to, milliseconds, several }) => {
    const start = at
    at += milliseconds
    const name = titleOf({ to, several })
    return { name, start, end: at, attributes: { 'ufr.until': to }, row: 'guest', children: [] }
  })
}
