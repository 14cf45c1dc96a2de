import { type Mark, markNames } from '../../link/marks.ts'
import type { VmExit } from '../../vmm/vmm.ts'
import type { ConsoleState, KernelLine } from '../unikernel.ts'

/**
 * What the kernel says while a program runs or when it ends, also behind an unfinished line of the program's: linux.cc,
 * core/mempool.cc, drivers/random.cc, libc/signal.cc.
 */
const anywhere = [
  'syscall\\(\\): unimplemented system call \\d+',
  'random: (?:device unblocked|blocking on read)\\.',
  'Uncaught signal \\d+ \\("[^"]{1,60}"\\)\\. Powering off\\.',
  'Out of memory: could not reclaim any further\\. Current memory: \\d+ Kb',
].join('|')
const ending = new RegExp(`(?:${anywhere})$`)
/** Longer than any of these. */
const longestEnding = 200

/** Whole lines of its own: core/{app,elf}.cc, fs/vfs, runtime.cc, include/osv/stubbing.hh. */
const whole =
  /^(?:\w+\(\) stubbed|page fault outside application, addr: 0x[0-9a-f]{16}|Failed to load object: .*\. Powering off\.|\[backtrace\]|\[registers\]|VFS: mounting \S+ at \S+)$/

/** Said by runtime.cc (exit). A program may say so too, about another one: then it is not followed by a shutdown. */
const exited = /program exited with status (-?\d+)$/
const shutdown = /^VFS: unmounting \S+$/

/** Lines that are told by their beginning. */
const begins =
  /^(?:runscript expand fn='|Setting in environment: |0x[0-9a-f]{16} <|(?:RIP|RFL|RAX|RSI|R9|R13): +0x[0-9a-f]{16} |\[[-DIWE]\/\d+ [\w-]+\]: )/

/** Of a shutdown, and of system calls (capget, rseq) that glibc and libuv do without. */
const dull =
  /^(?:ROFS: (?:spent|read|allocated|hit ratio) .*|syscall\(\): unimplemented system call (?:125|334))$/

/** The last of what the kernel says before it starts a program (loader.cc, prepare_commands). */
const lastWords = 'Cmdline: '

/**
 * What it says when nothing more will come. Firecracker has ACPI tables without a way to power off (no \_S5): there
 * the kernel halts for ever after the second of these (arch/x64/power.cc), and the host has to end the machine.
 */
const lastGasp = /^(?:Powering off\.|AcpiEnterSleepState(?:Prep)? failed: \w+)$/

/** Everything up to the echo of the command line is the kernel's; by then it has set its network up. */
export function kernelLine(line: string, state: ConsoleState): KernelLine | undefined {
  if (!state.started && !lastGasp.test(line)) {
    if (!line.startsWith(lastWords)) return {}
    state.started = true
    return { mark: { name: markNames.network, value: undefined } }
  }
  const wasPerhaps = state.ended === 'perhaps'
  if (wasPerhaps) state.ended = shutdown.test(line)
  if (shutdown.test(line)) return { dull: true, ...(wasPerhaps && { confirms: true }) }
  if (lastGasp.test(line) && (state.ended === true || line.startsWith('Acpi'))) {
    return { dull: true, mark: { name: markNames.exit, value: undefined } }
  }
  if (dull.test(line)) return { dull: true }
  if (whole.test(line) || begins.test(line)) return {}
  return lineEnd(line, state)
}

function lineEnd(line: string, state: ConsoleState): KernelLine | undefined {
  const end = line.slice(-longestEnding)
  const status = exited.exec(end)?.[0]
  const tail = status ?? ending.exec(end)?.[0]
  if (tail === undefined) return undefined
  if (status !== undefined) state.ended = 'perhaps'
  else if (tail.startsWith('Uncaught')) state.ended = true
  return { tail, ...(status !== undefined && { doubtful: true }) }
}

/**
 * The kernel powers the machine off in the same way whatever happened; on the console it says what. A program that
 * accesses memory it does not have ends the kernel's way, by `abort`: that is a death by SIGSEGV elsewhere.
 */
export function exitStatus(
  _exit: VmExit,
  console: { marks: Mark[]; tail(lines?: number): string[] },
): number | undefined {
  const lines = console.tail(400)
  for (let i = lines.length - 1; i >= 0; i--) {
    const line = lines[i]!
    const status = exited.exec(line.slice(-longestEnding))
    if (status) return Number(status[1]) & 0xff
    const signal = /Uncaught signal (\d+) \("[^"]*"\)\. Powering off\.$/.exec(line)
    if (signal) return 128 + Number(signal[1])
    if (line === '[backtrace]') return faults.test(lines[i - 1] ?? '') ? 128 + segmentationFault : undefined
  }
  return undefined
}

/** osv: libc/signal.cc, core/mmu.cc (vm_sigsegv), arch/x64/exceptions.cc and mmu.cc: what comes before the backtrace. */
const faults = /(?:Aborted|general protection fault|trying to execute null pointer)$/
const segmentationFault = 11
