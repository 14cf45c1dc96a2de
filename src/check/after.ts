import type { UnikernelName } from '../function/spec.ts'
import type { Program } from '../language/program.ts'
import { evidenceOf } from './check.ts'
import { kernelWords, type Lack, lacksOf } from './console.ts'
import { processCalls, processFunctions } from './facts.ts'
import { type Evidence, type Finding, findingsFor } from './findings.ts'
import { isSystem } from './reach.ts'
import { callName, callNumber, hasProcesses, type KnownKernel, tableOf } from './tables.ts'

export interface Explanation {
  /** One sentence for each thing that was missing: what lacks it, what used it, which kernels have it. */
  sentences: string[]
  /** What to do. */
  fix: string
}

const others: readonly UnikernelName[] = ['nanos', 'osv', 'unikraft', 'linux']
const mostSentences = 4

/**
 * Why a run failed, where its last lines say that the kernel, or a library, lacks something.
 * @returns undefined where they do not.
 */
export function explainLines(
  lines: readonly string[],
  program: Program,
  kernelName: UnikernelName,
  kernelVersion: string,
): Explanation | undefined {
  const lacks = lacksOf(lines)
  if (lacks.length === 0) return undefined
  const kernel = tableOf(kernelName, kernelVersion)
  const evidence = evidenceOf(program, 1)
  const told = lacks.flatMap((lack) => explain(lack, evidence, kernel))
  if (told.length === 0) return undefined
  const fit = told
    .map(({ kernels }) => kernels)
    .reduce((one, other) => one.filter((name) => other.includes(name)))
  const fix =
    fit.length === 0
      ? 'See what needs it: `ufr check` names it.'
      : `Take a kernel that has it: ${fit.map((name) => `--unikernel ${name}`).join(', or ')}. \`ufr check\` says more.`
  return { sentences: told.slice(0, mostSentences).map(({ sentence }) => sentence), fix }
}

interface Told {
  sentence: string
  /** Kernels that have what was missing. */
  kernels: UnikernelName[]
}

function explain(lack: Lack, evidence: Evidence, kernel: KnownKernel): Told[] {
  if (lack.symbol !== undefined) return [explainSymbol(lack.symbol, lack.user, evidence)]
  if (lack.call !== undefined) return [explainCall(lack.call, evidence, kernel)]
  // Nobody says which call it was: those that the function may make and the kernel lacks.
  return findingsFor(evidence, kernel)
    .filter(({ level, calls }) => level === 'may fail' && calls.length > 0)
    .map((finding) => suspect(finding, kernel))
}

function explainCall(call: string, evidence: Evidence, kernel: KnownKernel): Told {
  const kernels = whoHas(call, kernel)
  const user = userOf(call, evidence)
  const number = callNumber(call)
  const named = number === undefined ? call : `the system call ${call} (${number})`
  const what = processCalls.has(call) ? `${named}: it runs one program only` : named
  const used = user === undefined ? '' : `; ${user} uses it`
  return { sentence: `${kernel.name} lacks ${what}${used}${havingWords(kernels)}`, kernels }
}

/** Who uses a call: a place in the sources, else a file of the image with the function by which it does. */
function userOf(call: string, { reached, scripts }: Evidence): string | undefined {
  if (processCalls.has(call)) {
    const script = scripts.find((use) => use.need === 'processes')
    if (script) return `${script.file}:${script.line} (${script.what})`
    for (const [name, use] of reached.symbols) if (processFunctions.has(name)) return `${use.user} (${name})`
  }
  const watching = scripts.find((use) => use.need === 'watching' && call.startsWith('inotify_'))
  if (watching) return `${watching.file}:${watching.line} (${watching.what})`
  for (const [number, uses] of reached.calls) {
    if (callName(number) !== call) continue
    const use = uses.find(({ user }) => !isSystem(user)) ?? uses[0]!
    return use.symbol === undefined ? use.user : `${use.user} (${use.symbol} of ${use.from ?? 'a library'})`
  }
  return undefined
}

function explainSymbol(symbol: string, user: string | undefined, { code }: Evidence): Told {
  const has = code.modules.find(({ summary }) => Object.hasOwn(summary.exports, symbol))
  const asks =
    user ?? code.modules.find(({ summary }) => summary.wanted.includes(symbol))?.path ?? 'the program'
  const isVersion = /^[A-Z]+[A-Z0-9]*_[\d.]+$/.test(symbol)
  const what = isVersion ? `the version ${symbol} of a library` : `the function ${symbol}`
  const end = has ? `; ${has.path} has it, and was not loaded` : ', which no file of the image has'
  return { sentence: `${asks} needs ${what}${end}`, kernels: [] }
}

function suspect({ calls, message }: Finding, kernel: KnownKernel): Told {
  const kernels = others.filter((name) => {
    const each = tableOf(name, undefined)
    return calls.every((call) => each.has(call) && (!processCalls.has(call) || hasProcesses(each)))
  })
  return { sentence: `${kernel.name} may be what fails here: ${message}${havingWords(kernels)}`, kernels }
}

function whoHas(call: string, kernel: KnownKernel): UnikernelName[] {
  return others.filter((name) => {
    if (name === kernel.name) return false
    const each = tableOf(name, undefined)
    return each.has(call) && (!processCalls.has(call) || hasProcesses(each))
  })
}

function havingWords(kernels: readonly UnikernelName[]): string {
  if (kernels.length === 0) return ''
  return `; ${kernelWords(kernels)} ${kernels.length === 1 ? 'has' : 'have'} it`
}
