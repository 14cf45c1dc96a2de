import type { CodeSummary } from './code/summary.ts'

/** A file of the image with code in it. */
export interface Module {
  /** Absolute path in the guest. */
  path: string
  summary: CodeSummary
}

/** Who makes a system call: from the program's own code to the function that makes it. */
export interface Use {
  /** The file that begins it: the program, or a library by a function that runs when it is loaded. */
  user: string
  /** What that file takes from another one: `fork` of `/lib/libc.so.6`; undefined where it makes the call itself. */
  symbol?: string
  from?: string
  /** Names of functions on the way, as far as files tell them. */
  path: string[]
}

export interface Reached {
  /** By the number of the system call: the shortest ways to it, one for each file that begins one. */
  calls: Map<number, Use[]>
  /** Functions that files of the image take from other files of it, by name. */
  symbols: Map<string, Use>
  /** Files with system calls on the way whose numbers could not be found out. */
  unresolved: string[]
}

interface Node {
  module: number
  index: number
}

interface Step extends Node {
  before: Step | undefined
  /** How this function was come to from another file. */
  symbol?: string
}

/**
 * Follows calls from where files begin to run to every system call that they lead to: direct calls, functions whose
 * address is taken, and functions of other files by their names in the order in which a dynamic linker looks. What is
 * called by way of data (tables of functions) is followed for the program and its own libraries, not for the C library:
 * there nearly everything would be reached from everything.
 * @param modules the program, then libraries in the order in which they are loaded.
 * @param started the modules whose code counts as the function's own: a program, or extensions of an interpreter.
 * @param watched names of functions that are noted in `symbols` also where the program has them itself.
 */
export function reach(
  modules: readonly Module[],
  started: ReadonlySet<number>,
  watched: ReadonlySet<string> = new Set(),
): Reached {
  const reached: Reached = { calls: new Map(), symbols: new Map(), unresolved: [] }
  const owners = exportOwners(modules)
  const seen = modules.map(({ summary }) => new Uint8Array(summary.functions.length))
  const queue: Step[] = []
  const visit = (step: Step) => {
    if (seen[step.module]![step.index]) return
    seen[step.module]![step.index] = 1
    queue.push(step)
  }
  // The program's own code first: ways from there say most.
  const order = modules.map((_, i) => i).sort((a, b) => Number(started.has(b)) - Number(started.has(a)))
  for (const module of order) {
    if (!started.has(module)) continue
    for (const index of rootsOf(modules[module]!.summary, true)) visit({ module, index, before: undefined })
  }
  const walk = () => {
    for (let next = 0; next < queue.length; next++) follow(queue[next]!)
    queue.length = 0
  }
  const follow = (step: Step) => {
    const { module, index } = step
    const { summary, path } = modules[module]!
    const facts = summary.functions[index]!
    if (facts.name !== undefined && watched.has(facts.name) && !reached.symbols.has(facts.name)) {
      if (started.has(module)) reached.symbols.set(facts.name, { user: path, path: names(modules, step) })
    }
    for (const number of facts.calls) note(reached, modules, number, step)
    if (facts.unresolved > 0 && !isSystem(path) && !reached.unresolved.includes(path))
      reached.unresolved.push(path)
    for (const to of facts.to) visit({ module, index: to, before: step })
    for (const each of facts.imports) {
      const name = summary.imports[each]!
      const owner = owners.get(name)
      if (!reached.symbols.has(name) && !isSystem(path)) {
        reached.symbols.set(name, {
          user: path,
          symbol: name,
          ...(owner && { from: modules[owner.module]!.path }),
          path: names(modules, step),
        })
      }
      if (owner) visit({ ...owner, before: step, symbol: name })
    }
  }
  walk()
  for (const [module, { summary }] of modules.entries()) {
    if (started.has(module)) continue
    for (const index of rootsOf(summary, false)) visit({ module, index, before: undefined })
    walk()
  }
  return reached
}

/** Where a file begins to run. */
function rootsOf({ initial, pointed, exports }: CodeSummary, own: boolean): number[] {
  return own ? [...initial, ...pointed, ...Object.values(exports)] : initial
}

/** The file that a dynamic linker takes a function from: the first that has it. */
function exportOwners(modules: readonly Module[]): Map<string, Node> {
  const owners = new Map<string, Node>()
  for (const [module, { summary }] of modules.entries()) {
    for (const [name, index] of Object.entries(summary.exports)) {
      if (!owners.has(name)) owners.set(name, { module, index })
    }
  }
  return owners
}

const systemLibrary =
  /^(?:ld-linux|ld-musl-|libc\.|libc-|libc\.musl|libpthread|libdl|librt|libm\.|libmvec|libresolv|libnss_|libutil|libanl)/

/** Whether a file belongs to the C library: what it uses, others have asked for. */
export function isSystem(path: string): boolean {
  return systemLibrary.test(path.slice(path.lastIndexOf('/') + 1))
}

const mostUses = 4

function note(reached: Reached, modules: readonly Module[], number: number, step: Step): void {
  const uses = reached.calls.get(number) ?? []
  reached.calls.set(number, uses)
  if (uses.length >= mostUses) return
  const use = useOf(modules, step)
  if (!uses.some(({ user, symbol }) => user === use.user && symbol === use.symbol)) uses.push(use)
}

function useOf(modules: readonly Module[], last: Step): Use {
  let entered: Step | undefined
  let first = last
  for (let step: Step | undefined = last; step; step = step.before) {
    // The last time that it comes out of the program's own files into the C library says most.
    if (step.symbol !== undefined && step.before && !isSystem(modules[step.before.module]!.path))
      entered ??= step
    first = step
  }
  const before = entered?.before
  return {
    user: modules[(before ?? first).module]!.path,
    ...(entered && { symbol: entered.symbol!, from: modules[entered.module]!.path }),
    path: names(modules, last),
  }
}

const longestPath = 12

function names(modules: readonly Module[], last: Step): string[] {
  const found: string[] = []
  for (let step: Step | undefined = last; step; step = step.before) {
    const name = step.symbol ?? modules[step.module]!.summary.functions[step.index]!.name
    if (name !== undefined && found.at(-1) !== name) found.push(name)
  }
  found.reverse()
  return found.length <= longestPath
    ? found
    : [...found.slice(0, longestPath / 2), '…', ...found.slice(-longestPath / 2)]
}
