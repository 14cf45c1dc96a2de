import { UfrError } from '../base/errors.ts'
import { chooseFunctions, functionOf, type KernelChoice, kernelOf } from '../bench/choose.ts'
import {
  type CellComparison,
  type CompareOptions,
  compareCells,
  differencesOf,
  pairsOf,
  type Verdict,
} from '../bench/compare.ts'
import { leastP, runsNeeded } from '../bench/rank-test.ts'
import { readReport } from '../bench/read-report.ts'
import { comparisonText } from '../bench/render/comparison.ts'
import type { BootReport, Cell } from '../bench/report.ts'
import { type StepName, stepNames } from '../bench/steps.ts'
import { unikernels } from '../unikernel/unikernels.ts'
import { commonOptions, measured, readCounts, readKernels, readVmms, writeReports } from './bench.ts'
import { readNumber, readOut, textOption } from './bench-input.ts'
import { type Action, type Call, interrupted, printJson } from './outcome.ts'
import type { BenchCompareReport } from './schema/bench.ts'

export const usualThreshold = 5
export const usualLevel = 0.05

export const benchCompare: Action = async (call) => {
  const { options, words } = call
  const how = readHow(options)
  const [first, second] = words.map(String) as [string, string]
  if (options['ab'] === true) return measureAb(call, first, second, how)
  refuseMeasuring(options)
  const force = options['force'] === true
  const [a, b] = [readReport(first, force), readReport(second, force)]
  const { grave, notes } = differencesOf(a, b)
  if (grave.length > 0 && !force) {
    throw new UfrError('UFR-BENCH-REPORT', `${first} and ${second} cannot be compared: ${grave.join('; ')}`, {
      fix: 'Measure both on one machine in one way, or compare all the same with --force.',
    })
  }
  const { pairs, lonely } = pairsOf(a, b)
  if (pairs.length === 0) {
    throw new UfrError('UFR-BENCH-REPORT', `${first} and ${second} have no cell in common`, {
      fix: 'Compare reports of the same functions on the same kernels and VMMs.',
    })
  }
  const cells = pairs.map((pair) => compareCells(pair.what, pair.first, pair.second, how))
  const forced = grave.map((each) => `compared by force: ${each}`)
  return tell(call, { first, second, cells, notes: [...forced, ...notes, ...lonely], how })
}

function readHow(options: Call['options']): CompareOptions {
  const step = (options['phase'] ?? 'total') as StepName
  if (!stepNames.includes(step)) throw new Error(`${step} is no phase`)
  return {
    step,
    threshold: readNumber('--threshold', options['threshold'], usualThreshold, [0, 1000]),
    level: readNumber('--level', options['level'], usualLevel, [0.0001, 0.5]),
  }
}

/** @throws UfrError UFR-USAGE for what only has a meaning where something is measured. */
function refuseMeasuring(options: Call['options']): void {
  const measuring = [
    'functions',
    'unikernels',
    'vmms',
    'runs',
    'discard',
    'event',
    'request',
    'accel',
  ] as const
  const more = ['link', 'memory', 'timeout', 'pin', 'out'] as const
  const given = [...measuring, ...more].find((name) => options[name] !== undefined)
  if (given === undefined) return
  throw new UfrError('UFR-USAGE', `--${given} goes with --ab only: two reports are not measured again`, {
    fix: 'Leave it out, or give two functions or kernels with --ab.',
  })
}

interface Compared {
  first: string
  second: string
  cells: CellComparison[]
  notes: string[]
  how: CompareOptions
}

/** Prints a comparison. @returns the exit status: 1 where there is a regression. */
function tell({ json, progress }: Call, { first, second, cells, notes, how }: Compared): number {
  requireEnough(cells, how)
  const regressions = cells.filter(({ verdict }) => verdict === 'regression').length
  if (json) {
    const { step, threshold, level } = how
    const head = { schemaVersion: 1 as const, kind: 'compare' as const, first, second }
    printJson<BenchCompareReport>({ ...head, phase: step, threshold, level, regressions, cells, notes })
  } else {
    process.stdout.write(comparisonText(cells, notes, how))
    progress.note(sumOf(cells))
  }
  return regressions === 0 ? 0 : 1
}

function sumOf(cells: readonly CellComparison[]): string {
  const count = (wanted: Verdict) => cells.filter(({ verdict }) => verdict === wanted).length
  const [regressions, unclear] = [count('regression'), count('unclear')]
  const first = regressions === 0 ? 'No regression' : `${regressions} of ${cells.length} are regressions`
  return unclear === 0 ? `${first}.` : `${first}; ${unclear} unclear: more runs would tell.`
}

/** A gate that cannot close would be worse than none. @throws UfrError UFR-USAGE */
function requireEnough(cells: readonly CellComparison[], { level }: CompareOptions): void {
  const judged = cells.filter(({ p }) => p !== null)
  const able = judged.some(({ first, second }) => leastP(first.count, second.count) < level)
  if (judged.length === 0 || able || cells.some(({ verdict }) => verdict === 'regression')) return
  const { first, second } = judged[0]!
  const counts = `${first.count} and ${second.count} runs`
  throw new UfrError('UFR-USAGE', `${counts} that count can never differ at the level ${level}`, {
    fix: `Measure ${runsNeeded(level)} or more runs each, beyond those that are discarded (--runs), or raise --level.`,
  })
}

/** Measures two functions, or two kernels, in turns, and compares them. */
async function measureAb(call: Call, first: string, second: string, how: CompareOptions): Promise<number> {
  const { options } = call
  if (first === second) {
    throw new UfrError('UFR-USAGE', `A and B are both ${first}`, {
      fix: 'Name two functions, two kernels, or two versions of one: NAME@VERSION.',
    })
  }
  const counts = readCounts(options)
  requireReach(counts, how)
  const kernels = [first, second].map(kernelIfAny)
  const [a, b] = kernels
  const what = a && b ? await kernelArms(options, [a, b]) : functionArms(options, [first, second], kernels)
  const out = readOut(options['out'])
  const { vmms, accel, accelReason } = await readVmms(options)
  const settings = await commonOptions(call)
  const measuredOptions = { ...settings, ...counts, vmms, accel, accelReason, peers: [], control: false }
  const report = await measured(call, { ...measuredOptions, ...what.plan })
  if (out !== undefined) writeReports(report, out)
  const cells = what.pairs(report).map((pair) => compareCells(pair.what, pair.first, pair.second, how))
  if (report.partial) {
    call.progress.note('Interrupted: nothing is judged by what was measured until then.')
    return interrupted
  }
  return tell(call, { first, second, cells, notes: [], how })
}

/** Known before minutes are spent. @throws UfrError UFR-USAGE */
function requireReach({ runs, discard }: { runs: number; discard: number }, { level }: CompareOptions): void {
  const left = runs - discard
  if (leastP(left, left) < level) return
  throw new UfrError('UFR-USAGE', `${left} runs that count can never differ at the level ${level}`, {
    fix: `Give --runs ${runsNeeded(level) + discard} or more, or raise --level.`,
  })
}

/** A word that names a kernel, rather than a folder. */
function kernelIfAny(word: string): KernelChoice | undefined {
  const [name] = word.split('@')
  return unikernels.some((kind) => kind.name === name) ? kernelOf(word) : undefined
}

interface Arms {
  plan: { functions: ReturnType<typeof chooseFunctions>; kernels: KernelChoice[] }
  pairs(report: BootReport): { what: string; first: Cell; second: Cell }[]
}

/** Two kernels, or two versions of one: every function on both. */
async function kernelArms(
  options: Call['options'],
  kernels: readonly [KernelChoice, KernelChoice],
): Promise<Arms> {
  if (options['unikernels'] !== undefined) {
    throw new UfrError('UFR-USAGE', '--unikernels does not go with two kernels as A and B', {
      fix: 'Leave it out; --functions says what is run on them.',
    })
  }
  const { findKernel } = await import('../kernel/store.ts')
  const stored = ({ name, version }: KernelChoice): StoredKernel => findKernel(name, version)
  const [a, b] = [stored(kernels[0]), stored(kernels[1])]
  if (a.digest === b.digest) {
    throw new UfrError('UFR-USAGE', `A and B are the same kernel, ${a.name}@${a.version}`, {
      fix: '`ufr kernel ls` shows the versions there are.',
    })
  }
  const ofKernel = (report: BootReport, kernel: StoredKernel) =>
    report.cells.filter(
      (cell) => cell.unikernel === kernel.name && cell.kernelVersion === kernel.version && cell.arm === 'ufr',
    )
  return {
    plan: {
      functions: chooseFunctions(textOption(options, 'functions') ?? 'hello-node'),
      kernels: [...kernels],
    },
    pairs: (report) =>
      ofKernel(report, a).flatMap((first) => {
        const same = (cell: Cell) => cell.source === first.source && cell.vmm === first.vmm
        const second = ofKernel(report, b).find(same)
        const what = `${first.function} on ${first.vmm}: ${a.name} ${a.version} > ${b.name} ${b.version}`
        return second ? [{ what, first, second }] : []
      }),
  }
}

/** What is looked at of a kernel of the store. */
interface StoredKernel {
  name: string
  version: string
  digest: string
}

/** Two functions, on every kernel. */
function functionArms(
  options: Call['options'],
  words: readonly [string, string],
  kernels: readonly (KernelChoice | undefined)[],
): Arms {
  const mixed = words.find((_, i) => kernels[i] !== undefined)
  if (mixed !== undefined) {
    throw new UfrError('UFR-USAGE', `${mixed} is a kernel, and the other is none`, {
      fix: `Name two functions or two kernels; a folder of that name is ./${mixed}.`,
    })
  }
  if (options['functions'] !== undefined) {
    throw new UfrError('UFR-USAGE', '--functions does not go with two functions as A and B', {
      fix: 'Leave it out; --unikernels says where they are run.',
    })
  }
  const functions = words.map((word) => functionOf(word))
  const list = readKernels(options)
  return {
    plan: { functions, kernels: list },
    pairs: (report) =>
      report.cells.flatMap((first) => {
        if (first.source !== functions[0]!.source || first.arm !== 'ufr') return []
        const same = (cell: Cell) =>
          cell.source === functions[1]!.source &&
          cell.arm === 'ufr' &&
          cell.unikernel === first.unikernel &&
          cell.kernelVersion === first.kernelVersion &&
          cell.vmm === first.vmm
        const second = report.cells.find(same)
        const what = `${first.unikernel} ${first.kernelVersion} on ${first.vmm}: ${words[0]} > ${words[1]}`
        return second ? [{ what, first, second }] : []
      }),
  }
}
