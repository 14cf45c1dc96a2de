import type { UnikernelName } from '../function/spec.ts'
import { withFallback } from './facts.ts'
import { callName, callNumber } from './tables.ts'

/** What the last lines of a guest say was missing. */
export interface Lack {
  /** A system call that was made and that the kernel does not have. */
  call?: string
  /** A function, or a version of a library, that was not found when the program was linked. */
  symbol?: string
  /** What asked for the symbol, as the lines say it. */
  user?: string
  /** Somebody was told ENOSYS, and the lines do not say for which call. */
  unnamed?: true
}

/** OSv: linux.cc (syscall), core/elf.cc (object::symbol). */
const osvCall = /unimplemented system call (\d+)\s*$/
const osvSymbol = /^(?:(\S+): )?(?:failed looking up symbol|ignoring missing symbol) (\S+)\s*$/
/** Unikraft: lib/syscall_shim (uk_syscall_binary.c), where the kernel was built to say it. */
const unikraftCall = /system call (?:"|')?(\w+)(?:"|')?[^\n]{0,40}(?:not available|not implemented|-38)/i
/** Dynamic linkers: glibc's elf/dl-lookup.c and dl-version.c, musl's ldso/dynlink.c. */
const linkers: { pattern: RegExp; user: number; symbol: number }[] = [
  { pattern: /^(?:[^:]+: )?symbol lookup error: ([^:]+): undefined symbol: ([^\s,]+)/, user: 1, symbol: 2 },
  { pattern: /: ([^:\s]+): version `([^']+)' not found \(required by ([^)]+)\)/, user: 3, symbol: 2 },
  { pattern: /^Error relocating ([^:]+): (\S+): symbol not found/, user: 1, symbol: 2 },
]
/** How C libraries, Node.js, Python, Rust, Go and Java say ENOSYS. */
const notImplemented =
  /\bENOSYS\b|[Ff]unction not implemented|\bos error 38\b|\b[Ee]rrno(?:[: ]|: ?)-?38\b|\[Errno 38\]|\berrno ?= ?38\b/
/** What Node.js names: a function of its own. */
const nodeCalls: Record<string, string> = { spawn: 'execve', spawnSync: 'execve', watch: 'inotify_init1' }
/** Whoever cannot start a program is not always told ENOSYS: on Unikraft it is ENOTSUP or ENOMEM. */
const noProcess =
  /\bspawn(?:Sync)? (?:[^\s'"]{1,200} )?(?:ENOSYS|ENOTSUP|EOPNOTSUPP|ENOMEM)\b|^(?:.{1,200}: )?(?:v?fork|popen|posix_spawnp?|system)(?:\(\))?: (?:Function not implemented|Not supported|Operation not supported|Cannot allocate memory)/

/**
 * What was missing by the last lines of a guest, each once. Calls that everybody does without are no reason for
 * anything.
 */
export function lacksOf(lines: readonly string[]): Lack[] {
  const found: Lack[] = []
  let unnamed = false
  for (const line of lines) {
    const shown = line.slice(0, 4096)
    const linked = linkers
      .map(({ pattern, user, symbol }) => {
        const match = pattern.exec(shown)
        return match ? { user: match[user]!, symbol: match[symbol]! } : undefined
      })
      .find((each) => each !== undefined)
    const osv = osvSymbol.exec(shown)
    if (linked) found.push(linked)
    else if (osv) found.push({ symbol: osv[2]!, ...(osv[1] && { user: osv[1] }) })
    const call = calledIn(shown)
    if (call !== undefined && !withFallback.has(call)) found.push({ call })
    if (call === undefined && notImplemented.test(shown)) unnamed = true
  }
  const seen = new Set<string>()
  const each = found.filter((lack) => {
    const key = `${lack.call} ${lack.symbol}`
    return !seen.has(key) && seen.add(key)
  })
  return each.length === 0 && unnamed ? [{ unnamed: true }] : each
}

/** The system call that a line says is missing. */
function calledIn(line: string): string | undefined {
  const number = osvCall.exec(line)?.[1]
  if (number !== undefined) return callName(Number(number))
  const name = unikraftCall.exec(line)?.[1]
  if (name !== undefined && callNumber(name) !== undefined) return name
  if (noProcess.test(line)) return 'execve'
  if (!notImplemented.test(line)) return undefined
  // `Error: spawn sh ENOSYS`, `syscall: 'spawn'`; `fork: Function not implemented`, as perror writes it.
  const said =
    /\b(\w{2,40}) (?:[^\s'"]{1,200} )?ENOSYS\b/.exec(line)?.[1] ??
    /(?:^|[\s:])(\w{2,40})(?:\(\))?: Function not implemented/.exec(line)?.[1]
  if (said === undefined) return undefined
  return nodeCalls[said] ?? (callNumber(said) !== undefined ? said : undefined)
}

/** Kernels in words: `nanos`, `nanos and linux`, `nanos, osv and linux`. */
export function kernelWords(names: readonly UnikernelName[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
