import type { UnikernelName } from '../function/spec.ts'
import type { KernelTable } from './table.ts'
import { linux } from './tables/linux.ts'
import { nanos } from './tables/nanos.ts'
import { systemCalls } from './tables/numbers.ts'
import { osv } from './tables/osv.ts'
import { unikraft } from './tables/unikraft.ts'

const tables: Record<UnikernelName, readonly KernelTable[]> = { nanos, osv, unikraft, linux }

/** A table, ready to be asked. */
export interface KnownKernel {
  name: UnikernelName
  version: string
  origin: string
  /** Whether the table is of the version that was asked for, and not only of another one of the same kernel. */
  exact: boolean
  has(call: string): boolean
  ignores(call: string): boolean
  /** Functions that it has for programs which it links itself; undefined for kernels that link none. */
  symbols: ReadonlySet<string> | undefined
}

/**
 * What is known of a version of a kernel; where there is no table of it, of the version whose table is the newest.
 * Digits that a store adds to a version (`0.17.0-4e2d9bdc`) tell builds apart, not versions.
 */
export function tableOf(name: UnikernelName, version: string | undefined): KnownKernel {
  const known = tables[name]
  const found = known.find((each) => each.version === version || version?.startsWith(`${each.version}-`))
  const { has, ignores, symbols, ...facts } = found ?? known.at(-1)!
  const calls = new Set(has.split(' '))
  const ignored = new Set(ignores?.split(' '))
  return {
    name,
    version: facts.version,
    origin: facts.origin,
    exact: found !== undefined,
    has: (call) => calls.has(call),
    ignores: (call) => ignored.has(call),
    symbols: symbols === undefined ? undefined : new Set(symbols.split(' ')),
  }
}

/** Whether a kernel starts other programs. */
export function hasProcesses({ has }: KnownKernel): boolean {
  return has('execve') && (has('fork') || has('vfork'))
}

/** The name of a system call by its number: `syscall 999` where there is none. */
export function callName(number: number): string {
  return systemCalls[number] || `system call ${number}`
}

export function callNumber(name: string): number | undefined {
  const number = systemCalls.indexOf(name)
  return number < 0 ? undefined : number
}
