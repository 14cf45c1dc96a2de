import type { UnikernelName } from '../function/spec.ts'
import {
  dispatchMain,
  goAsks,
  incidental,
  processCalls,
  processFunctions,
  rustDoesWithout,
  swiftDoesWithout,
  withFallback,
  withProcesses,
} from './facts.ts'
import type { ProgramCode } from './modules.ts'
import { isSystem, type Reached, type Use } from './reach.ts'
import type { Need, ScriptUse } from './scripts.ts'
import { callName, hasProcesses, type KnownKernel } from './tables.ts'

/**
 * How bad it is: it cannot work; it fails when the program comes to that place; it cannot be seen from outside; or it
 * is only worth knowing.
 */
export type Level = 'fails' | 'may fail' | 'unknown' | 'note'

/** Codes of findings, each explained by `ufr explain`. */
export type FindingCode = 'UFR-CALL' | 'UFR-PROCESS' | 'UFR-SYMBOL' | 'UFR-LIMIT' | 'UFR-UNSEEN'

/** One thing about a function that matters on a kernel. */
export interface Finding {
  level: Level
  /** One of `FindingCode`, or the code of the error that starting the function there would end with. */
  code: string
  /** One sentence. */
  message: string
  /** System calls that it is about. */
  calls: string[]
  /** Where: `index.mjs:3`, or the file with the code. */
  where?: string
  /** What to do. */
  fix?: string
}

/** What is known of a function before it runs, the same for all kernels. */
export interface Evidence {
  code: ProgramCode
  reached: Reached
  scripts: ScriptUse[]
  cpus: number
}

/** What a kernel lacks of what a function may use, worst first; what others have said in better words is left out. */
export function findingsFor(evidence: Evidence, kernel: KnownKernel): Finding[] {
  const found = [
    ...linking(evidence),
    ...asyncMain(evidence, kernel),
    ...processes(evidence, kernel),
    ...calls(evidence, kernel),
    ...scripts(evidence, kernel),
    ...linkedByKernel(evidence, kernel),
    ...unseen(evidence),
    ...limits(evidence, kernel),
  ]
  const order: Level[] = ['fails', 'may fail', 'unknown', 'note']
  return found.sort((a, b) => order.indexOf(a.level) - order.indexOf(b.level))
}

/** Calls that a kernel lacks and that those who make them do without. */
export function doneWithout({ reached }: Evidence, kernel: KnownKernel): string[] {
  const names = [...reached.calls.keys()].map(callName)
  return names.filter((name) => withFallback.has(name) && !kernel.has(name)).sort()
}

/** What no file of the image has: the dynamic linker ends the program for that, on any kernel. */
function linking({ code }: Evidence): Finding[] {
  const { modules } = code
  const found: Finding[] = []
  const defined = new Set<string>()
  const versions = new Map<string, Set<string>>()
  for (const { path, summary } of modules) {
    for (const name of Object.keys(summary.exports)) defined.add(name)
    for (const name of summary.data) defined.add(name)
    const names = [summary.soname, path.slice(path.lastIndexOf('/') + 1)]
    for (const name of names) if (name) versions.set(name, new Set(summary.definesVersions))
  }
  for (const { path, summary } of modules) {
    for (const [library, needed] of Object.entries(summary.needsVersions)) {
      const there = versions.get(library)
      const missing = there?.size ? needed.filter((version) => !there.has(version)) : []
      if (missing.length === 0) continue
      found.push({
        ...{ level: 'fails', code: 'UFR-SYMBOL', calls: [], where: path },
        message: `${path} needs ${missing.at(-1)} of ${library}, which is older`,
        fix: `Build it where it finds the same ${library} as here, or link it statically.`,
      })
    }
    // What an interpreter has for its extensions is not looked at, nor are files that were not found.
    if (code.interpreter !== undefined || isSystem(path) || code.opaque.length > 0) continue
    const everything = summary.needed.every((name) => versions.has(name.slice(name.lastIndexOf('/') + 1)))
    const missing = everything ? summary.wanted.filter((name) => !defined.has(name)) : []
    if (missing.length === 0) continue
    found.push({
      ...{ level: summary.bindsNow ? 'fails' : 'may fail', code: 'UFR-SYMBOL', calls: [], where: path },
      message: `${path} needs ${listed(missing)}, which none of its libraries has`,
      fix: 'Build it against the libraries that are in the image, or bring the one with you that it was built against.',
    })
  }
  return found
}

/**
 * A kernel that links programs itself is asked to by none but those of musl, whose own dynamic linker it cannot run:
 * then it has to have the functions that they take from their C library.
 */
function linkedByKernel({ code }: Evidence, { symbols }: KnownKernel): Finding[] {
  if (!symbols || !code.modules.some(({ path }) => isMusl(path))) return []
  const others = code.modules.filter(({ path }) => !isMusl(path))
  const defined = new Set(others.flatMap(({ summary }) => [...Object.keys(summary.exports), ...summary.data]))
  return others.flatMap(({ path, summary }): Finding[] => {
    const missing = summary.wanted.filter((name) => !symbols.has(name) && !defined.has(name))
    if (missing.length === 0) return []
    const message = `${path} takes ${listed(missing)} from musl, which the kernel does not have for programs that it links`
    return [{ level: 'may fail', code: 'UFR-SYMBOL', message, calls: [], where: path }]
  })
}

function isMusl(path: string): boolean {
  return /\/(?:ld-musl-[^/]*|libc\.musl-[^/]*|libc\.so)$/.test(path)
}

/**
 * Swift's asynchronous main functions wait for signals as their main task, for ever. Nanos returns from that, OSv and
 * Unikraft at once: libdispatch ends the program then.
 */
function asyncMain({ reached }: Evidence, kernel: KnownKernel): Finding[] {
  if (kernel.name === 'linux') return []
  const use = [...dispatchMain].map((name) => reached.symbols.get(name)).find((each) => each !== undefined)
  const waits = [...reached.calls.keys()].some((number) => callName(number) === 'rt_sigsuspend')
  if (!use || !waits) return []
  return [
    {
      ...{ level: 'fails', code: 'UFR-LIMIT', calls: ['rt_sigsuspend'], where: use.user },
      message: `${use.user} has an asynchronous main function, which waits by sigsuspend: that ends it there`,
      fix: 'Let ufr build it from its sources, or link a `sigsuspend` of your own into it that sleeps (docs/check.md).',
    },
  ]
}

/** Files that a language's own library is in, with what that does without. */
function doesWithout(code: ProgramCode): (name: string, user: string) => boolean {
  const maker = new Map(code.modules.map(({ path, summary }) => [path, summary.madeBy]))
  return (name, user) =>
    (maker.get(user) === 'rust' && rustDoesWithout.has(name)) ||
    (maker.get(user) === 'swift' && swiftDoesWithout.has(name))
}

function processes({ code, reached, scripts }: Evidence, kernel: KnownKernel): Finding[] {
  if (hasProcesses(kernel)) return []
  const found = new Map<string, Finding>()
  const unneeded = doesWithout(code)
  const lacks = [...processCalls].filter((name) => !kernel.has(name) || kernel.ignores(name))
  const add = (user: string, what: string, level: Level = 'may fail') => {
    if (found.has(user)) return
    found.set(user, {
      ...{ level, code: 'UFR-PROCESS', calls: lacks, where: user },
      message: `${what}, which starts other programs: only one runs there`,
      fix: 'Do it in the program itself, or take --unikernel linux.',
    })
  }
  for (const use of scriptsOf(scripts, 'processes')) {
    add(place(use), `${use.package ?? place(use)} uses ${use.what}`, use.package ? 'note' : 'may fail')
  }
  for (const [name, use] of reached.symbols) {
    if (processFunctions.has(name) && !unneeded(name, use.user)) add(use.user, `${use.user} calls ${name}`)
  }
  for (const [number, uses] of reached.calls) {
    const use = uses.find(({ user, symbol }) => !isSystem(user) && !unneeded(symbol ?? '', user))
    if (use && processCalls.has(callName(number)))
      add(use.user, `${use.user} makes the call ${callName(number)}`)
  }
  return [...found.values()]
}

function calls({ code, reached }: Evidence, kernel: KnownKernel): Finding[] {
  const unneeded = doesWithout(code)
  const byUse = new Map<string, { use: Use; names: string[] }>()
  for (const [number, uses] of reached.calls) {
    const name = callName(number)
    if (kernel.has(name) || withFallback.has(name) || processCalls.has(name)) continue
    // A number of a later Linux, or no number at all: nothing is known of it.
    if (name.includes(' ')) continue
    const use = uses.find((each) => counts(name, each) && !unneeded(name, each.user))
    if (!use) continue
    // Who starts programs waits for them, too: that has been said.
    if (!hasProcesses(kernel) && (processFunctions.has(use.symbol ?? '') || withProcesses.has(name))) continue
    const key = `${use.user} ${use.symbol ?? ''}`
    const there = byUse.get(key) ?? { use, names: [] }
    there.names.push(name)
    byUse.set(key, there)
  }
  return [...byUse.values()].map(({ use, names }) => {
    const by = use.symbol !== undefined && !names.includes(use.symbol) ? ` by ${use.symbol}` : ''
    return {
      ...{ level: 'may fail', code: 'UFR-CALL', calls: names, where: use.user },
      message: `${use.user} may use ${listed(names)}${by}, which the kernel does not have`,
    }
  })
}

/** Whether a way to a call is one that the program means: not what a C library or a language's runtime does on its own. */
function counts(name: string, { user, symbol, path }: Use): boolean {
  if (isSystem(user) || path.some((each) => goAsks.test(each)) || path.at(-1)?.startsWith('runtime.'))
    return false
  return symbol === name || !incidental.has(name)
}

const needs: Record<Need, { calls: string[]; what: string }> = {
  processes: { calls: [], what: '' },
  watching: { calls: ['inotify_init1', 'inotify_add_watch'], what: 'watches files' },
  'hard-links': { calls: ['link', 'linkat'], what: 'makes a hard link' },
  priorities: { calls: ['getpriority', 'setpriority'], what: 'changes its priority' },
  proc: { calls: [], what: 'reads' },
  maps: { calls: [], what: 'reads' },
  processors: { calls: [], what: '' },
}

function scripts({ scripts }: Evidence, kernel: KnownKernel): Finding[] {
  const found: Finding[] = []
  for (const use of scripts) {
    const level = use.package ? 'note' : 'may fail'
    const where = place(use)
    const who = use.package ? `${where} (${use.package})` : where
    const missing = needs[use.need].calls.filter((name) => !kernel.has(name))
    if (missing.length > 0) {
      const message = `${who} ${needs[use.need].what} (${use.what}) by ${listed(missing)}, which the kernel does not have`
      found.push({ level, code: 'UFR-CALL', message, calls: missing, where })
    }
    const fact = kernelFacts[kernel.name]?.[use.need]
    if (fact) found.push({ level, code: 'UFR-LIMIT', message: `${who}: ${fact(use.what)}`, calls: [], where })
  }
  return onePerPackage(found)
}

/** Tried: research on OSv (procfs_maps asserts; no processors in its /proc/cpuinfo), Unikraft 0.17 (no /proc). */
const kernelFacts: Partial<Record<UnikernelName, Partial<Record<Need, (what: string) => string>>>> = {
  osv: {
    maps: (what) => `reading ${what} ends the guest`,
    processors: (what) => `${what}() is empty there`,
  },
  unikraft: {
    maps: (what) => `there is no ${what} there`,
    proc: (what) => `there is no ${what} there`,
  },
}

/** A package that does the same in twenty files does it once. */
function onePerPackage(findings: Finding[]): Finding[] {
  const seen = new Set<string>()
  return findings.filter((finding) => {
    if (finding.level !== 'note') return true
    const key = `${finding.code} ${finding.calls} ${/\(([^)]*)\)/.exec(finding.message)?.[1]}`
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

function scriptsOf(uses: readonly ScriptUse[], need: Need): ScriptUse[] {
  const packages = new Set<string>()
  return uses.filter((use) => {
    if (use.need !== need) return false
    if (use.package === undefined) return true
    if (packages.has(use.package)) return false
    packages.add(use.package)
    return true
  })
}

function place({ file, line }: ScriptUse): string {
  return `${file}:${line}`
}

function unseen({ code, reached }: Evidence): Finding[] {
  const found: Finding[] = []
  const add = (where: string, message: string) =>
    found.push({ level: 'unknown', code: 'UFR-UNSEEN', message, calls: [], where })
  for (const { path, why } of code.opaque) add(path, `${path} cannot be looked into: ${why}`)
  for (const path of reached.unresolved) add(path, `${path} makes system calls whose numbers cannot be seen`)
  const opens = reached.symbols.get('dlopen')
  if (opens) add(opens.user, `${opens.user} loads further libraries while it runs, which cannot be seen`)
  return found
}

function limits({ cpus }: Evidence, kernel: KnownKernel): Finding[] {
  if (kernel.name !== 'unikraft' || cpus <= 1) return []
  const message = `unikraft uses one of the ${cpus} processors`
  return [{ level: 'note', code: 'UFR-LIMIT', message, calls: [] }]
}

const mostListed = 6

function listed(names: readonly string[]): string {
  if (names.length <= mostListed) return names.join(', ')
  return `${names.slice(0, mostListed).join(', ')} and ${names.length - mostListed} more`
}
