import { type Mark, markNames } from '../link/marks.ts'
import type { VmTimes } from '../vmm/vmm.ts'
import type { GuestConsole, TimedMark } from './console.ts'

/**
 * When an instance came to each step of its cold start: milliseconds since the VMM's process was started, all taken
 * by the host's clock. null where a mark is not to be had. How each is taken, and how wrong it can be: docs/phases.md.
 */
export interface Phases {
  /** The VMM's process was started: 0 by definition. */
  vmm: number
  /** The first virtual CPU ran. */
  vcpu: number | null
  /** The guest's first sign of life on the console. */
  kernel: number | null
  /** The program's first instruction, or its dynamic linker's where it has one. */
  entry: number | null
  /** The function could take work. */
  ready: number | null
  /** The whole answer was there. */
  response: number | null
}

export function phasesOf(times: VmTimes, console: GuestConsole, ready?: number, response?: number): Phases {
  const { firstAt, marks } = console
  const since = (at: number | undefined) => (at === undefined ? null : round(at - times.spawned))
  return {
    vmm: 0,
    // The VMM says that it runs when it already does: a guest that was heard before that ran at the latest then.
    vcpu: since(Math.min(times.vcpu, firstAt ?? times.vcpu)),
    kernel: since(firstAt),
    entry: since(firstMark(marks, markNames.entry)?.at),
    ready: since(ready),
    response: since(response),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}

function firstMark(marks: readonly TimedMark[], name: string): TimedMark | undefined {
  return marks.find((mark) => mark.name === name)
}

/** The last mark of a name, if there is one. */
export function lastMark<M extends Mark>(marks: readonly M[], name: string): M | undefined {
  return marks.findLast((mark) => mark.name === name)
}
