import { type Mark, markNames, markParser } from '../link/marks.ts'
import type { ConsoleState, KernelLine } from '../unikernel/unikernel.ts'

export interface TimedMark extends Mark {
  /** Milliseconds of `performance.now()` when the host saw it begin. */
  at: number
}

export interface ConsoleOptions {
  /** Recognises a line (without its end) that is the kernel's own. */
  kernelLine(line: string, state: ConsoleState): KernelLine | undefined
  /** Whether the guest's terminal puts a carriage return before each line feed. */
  carriageReturns: boolean
  /** Whether the image tells when the program begins: then what looks like that is taken as it, once. */
  entryMark?: boolean
  /** Takes what the program printed: whole lines as they come, at the end what is left. */
  program?(bytes: Buffer): void
  /** Takes the kernel's own lines. */
  kernel?(bytes: Buffer): void
}

/** What a guest says on its serial line, sorted into marks, the kernel's lines and the program's output. */
export interface GuestConsole {
  push(chunk: Buffer): void
  /** Hands on what is left of an unfinished line. */
  end(): void
  readonly marks: TimedMark[]
  /** When the first byte came, of whatever kind. */
  readonly firstAt: number | undefined
  /** The last lines, the kernel's included: what a person wants to see when something went wrong. */
  tail(lines?: number): string[]
  /** Calls back for each mark from now on; gives a function that ends that. */
  watch(listener: (mark: TimedMark) => void): () => void
}

const longestLine = 64 * 1024
const keptBytes = 32 * 1024
const newline = 0x0a

export function guestConsole(options: ConsoleOptions): GuestConsole {
  const marks: TimedMark[] = []
  const listeners = new Set<(mark: TimedMark) => void>()
  const parser = markParser((mark, at, since) => {
    if (mark.name === markNames.entry) {
      if (!entryAwaited) return false
      entryAwaited = false
    }
    if (mark.name === markNames.exit) overAt ??= at
    return tell(mark, since)
  })
  /** A program that begins has printed nothing yet: what looks like the mark later on is something of its own. */
  let entryAwaited = options.entryMark === true
  /** Where in the bytes at hand the program has ended: what the kernel says on its way down is not the program's. */
  let overAt: number | undefined
  let over = false
  const state: ConsoleState = { started: false }
  let firstAt: number | undefined
  let line = Buffer.alloc(0)
  /** The last lines, and how many bytes they have. */
  const kept: Buffer[] = []
  let keptSize = 0
  /** A line of which the next one says whose it is. */
  let doubtful: { bytes: Buffer; own: KernelLine } | undefined

  function tell(mark: Mark, at = performance.now()): void {
    const timed = { ...mark, at }
    marks.push(timed)
    for (const listener of listeners) listener(timed)
  }

  function take(plain: Buffer): void {
    if (plain.length === 0) return
    let rest = line.length > 0 ? Buffer.concat([line, plain]) : plain
    for (;;) {
      const end = rest.indexOf(newline)
      if (end < 0 && rest.length <= longestLine) break
      const stop = end < 0 ? rest.length : end + 1
      hand(rest.subarray(0, stop))
      rest = rest.subarray(stop)
    }
    line = Buffer.from(rest)
  }

  function finishLine(): void {
    if (line.length > 0) hand(line)
    line = Buffer.alloc(0)
  }

  function sort(plain: Buffer): void {
    let rest = plain
    if (!over) {
      take(plain.subarray(0, overAt))
      if (overAt === undefined) return
      finishLine()
      over = true
      rest = plain.subarray(overAt)
    }
    if (rest.length > 0) options.kernel?.(unix(rest))
  }

  function hand(bytes: Buffer): void {
    const own = options.kernelLine(unix(bytes).toString().trimEnd(), state)
    settle(own?.confirms === true)
    if (own?.doubtful) doubtful = { bytes: Buffer.from(bytes), own }
    else give(bytes, own)
  }

  function settle(isKernels: boolean): void {
    if (!doubtful) return
    const { bytes, own } = doubtful
    doubtful = undefined
    give(bytes, isKernels ? own : undefined)
  }

  function give(bytes: Buffer, own: KernelLine | undefined): void {
    if (!own?.dull) keep(bytes)
    if (own?.mark) tell(own.mark)
    const whole = unix(bytes)
    if (own?.tail !== undefined) {
      const at = whole.lastIndexOf(own.tail)
      options.program?.(whole.subarray(0, at))
      options.kernel?.(whole.subarray(at))
    } else if (own) options.kernel?.(whole)
    else options.program?.(whole)
  }

  function unix(bytes: Buffer): Buffer {
    return options.carriageReturns ? unixEnd(bytes) : bytes
  }

  function keep(bytes: Buffer): void {
    kept.push(Buffer.from(bytes))
    keptSize += bytes.length
    while (keptSize - kept[0]!.length >= keptBytes) keptSize -= kept.shift()!.length
  }

  return {
    marks,
    push(chunk) {
      firstAt ??= performance.now()
      sort(parser.push(chunk))
    },
    end() {
      sort(parser.end())
      finishLine()
      settle(true)
    },
    get firstAt() {
      return firstAt
    },
    tail(lines = 15) {
      const all = [...kept, ...(doubtful ? [doubtful.bytes] : []), line]
      const text = Buffer.concat(all).toString().replaceAll('\r', '').split('\n')
      return text.filter((one) => one.trim() !== '').slice(-lines)
    },
    watch(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** Terminals put a carriage return before each line feed (ONLCR): taking exactly one away gives back what was written. */
function unixEnd(bytes: Buffer): Buffer {
  if (bytes.length < 2 || bytes[bytes.length - 1] !== newline || bytes[bytes.length - 2] !== 0x0d)
    return bytes
  return Buffer.concat([bytes.subarray(0, -2), Buffer.of(newline)])
}
