import { type Mark, markNames } from '../../link/marks.ts'
import type { VmExit } from '../../vmm/vmm.ts'
import type { ConsoleState, KernelLine } from '../unikernel.ts'

/** What the first program says before it starts the function's (start.S). */
export const started = 'ufr: the program starts'

/** A line of lib/ukdebug or lib/ukprint: time, level, library, file and line of its source. */
const own = /\[ *\d+\.\d{6}\] (?:CRIT|ERR|WARN|INFO|DBG): .*$/

/** Firmware and kernel have the console to themselves until the first program runs; by then the network is up. */
export function kernelLine(line: string, state: ConsoleState): KernelLine | undefined {
  if (!state.started) {
    if (!line.endsWith(started)) return {}
    state.started = true
    return { mark: { name: markNames.network, value: undefined } }
  }
  const found = own.exec(line)
  if (!found) return undefined
  // A program's unfinished line goes on with what the kernel says next.
  return found.index === 0 ? {} : { tail: found[0] }
}

/** SIGILL, SIGFPE, SIGKILL, SIGSEGV; traps of x86 by number as Linux makes signals of them. */
const signals = { illegal: 4, arithmetic: 8, killed: 9, fault: 11 }
const trapSignals: Record<number, number> = {
  0: signals.arithmetic,
  6: signals.illegal,
  16: signals.arithmetic,
  19: signals.arithmetic,
}
/** Programs are linked to 4 MiB or more, or are put far above; the kernel is below. */
const firstOfPrograms = 0x400000n

/**
 * The first program tells how the function's ends, by a mark. Where it dies of a fault, the kernel goes with it: then
 * lib/ukvmem/pagefault.c and plat/common/x86/trap{s,ce}.c say what it was, and where.
 */
export function exitStatus(
  _exit: VmExit,
  console: { marks: Mark[]; tail(lines?: number): string[] },
): number | undefined {
  const told = console.marks.findLast((mark) => mark.name === markNames.exit)?.value
  if (told !== undefined) return Number(told)
  const lines = console.tail(400)
  const fault = /CRIT: .*(?:Cannot handle \w+ page fault at |Unhandled Trap (\d+) )/
  for (const [index, line] of lines.entries()) {
    const found = fault.exec(line)
    if (!found) continue
    const where = /RIP: ([0-9a-f]{16})/.exec(lines[index + 1] ?? '')?.[1]
    if (where === undefined || BigInt(`0x${where}`) < firstOfPrograms) return undefined
    if (/Cannot allocate memory/.test(line)) return 128 + signals.killed
    return 128 + (found[1] === undefined ? signals.fault : (trapSignals[Number(found[1])] ?? signals.fault))
  }
  return undefined
}
