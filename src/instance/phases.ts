import type { Mark } from '../link/marks.ts'
import type { VmTimes } from '../vmm/vmm.ts'
import type { GuestConsole } from './console.ts'

/**
 * When an instance came to each step of its cold start: milliseconds since the VMM's process was started, all taken
 * by the host's clock. null where a mark is not to be had.
 */
export interface Phases {
  /** The VMM's process was started: 0 by definition. */
  vmm: number
  /** The first virtual CPU ran. */
  vcpu: number | null
  /** The guest's first sign of life on the console. */
  kernel: number | null
  /** The program's first instruction. Not measured yet: it comes with the boot benchmark. */
  entry: number | null
  /** The function could take work. */
  ready: number | null
  /** The whole answer was there. */
  response: number | null
}

export function phasesOf(times: VmTimes, console: GuestConsole, ready?: number, response?: number): Phases {
  const since = (at: number | undefined) => (at === undefined ? null : round(at - times.spawned))
  return {
    vmm: 0,
    vcpu: since(times.vcpu),
    kernel: since(console.firstAt),
    entry: null,
    ready: since(ready),
    response: since(response),
  }
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 100) / 100
}

/** The last mark of a name, if there is one. */
export function lastMark<M extends Mark>(marks: readonly M[], name: string): M | undefined {
  return marks.findLast((mark) => mark.name === name)
}
