import type { UnikernelName } from '../function/spec.ts'
import type { Program } from '../language/program.ts'
import { processFunctions } from './facts.ts'
import { doneWithout, type Evidence, type Finding, findingsFor } from './findings.ts'
import { codeOf } from './modules.ts'
import { reach } from './reach.ts'
import { scriptUses } from './scripts.ts'
import { tableOf } from './tables.ts'

export type Verdict = 'fits' | 'unknown' | 'may fail' | 'fails'

/** What is to be expected of a function on one kernel. */
export interface KernelVerdict {
  unikernel: UnikernelName
  /** Version in the store; undefined where there is none. */
  kernelVersion?: string
  /** The table that was asked: its version, what it was made from, and whether it is of that very version. */
  table: { version: string; origin: string; exact: boolean }
  verdict: Verdict
  findings: Finding[]
  /** Calls that the kernel lacks, and that whoever makes them does without. */
  doneWithout: string[]
}

/** Looks at a program from outside, once for all kernels. */
export function evidenceOf(program: Program, cpus: number): Evidence {
  const code = codeOf(program)
  const reached = reach(code.modules, code.own, processFunctions)
  const scripts = code.interpreter === undefined ? [] : scriptUses(program.task, code.interpreter)
  return { code, reached, scripts, cpus }
}

/**
 * What one kernel makes of it.
 * @param refused what the kernel itself said to the function, where it is there to be asked.
 */
export function verdictFor(
  evidence: Evidence,
  unikernel: UnikernelName,
  kernelVersion: string | undefined,
  refused: Finding[] = [],
): KernelVerdict {
  const kernel = tableOf(unikernel, kernelVersion)
  const findings = [...refused, ...findingsFor(evidence, kernel)]
  const has = (level: Finding['level']) => findings.some((each) => each.level === level)
  return {
    unikernel,
    ...(kernelVersion !== undefined && { kernelVersion }),
    table: { version: kernel.version, origin: kernel.origin, exact: kernel.exact },
    verdict: (['fails', 'may fail', 'unknown'] as const).find(has) ?? 'fits',
    findings,
    doneWithout: doneWithout(evidence, kernel),
  }
}
