import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import { evidenceOf, type KernelVerdict, verdictFor } from '../check/check.ts'
import type { Finding } from '../check/findings.ts'
import type { FunctionSpec, UnikernelName } from '../function/spec.ts'
import { findKernelIfAny } from '../kernel/store.ts'
import { languageOf } from '../language/languages.ts'
import type { Program } from '../language/program.ts'
import type { UnikernelKind } from '../unikernel/unikernel.ts'
import { unikernels } from '../unikernel/unikernels.ts'
import { loadInput } from './input.ts'
import { programOf, requireForks, requireMemory } from './prepare.ts'

/** What `ufr check` found out. */
export interface Checked {
  spec: FunctionSpec
  kernels: KernelVerdict[]
}

/**
 * Whether a function will run on kernels, by looking at it: nothing is built or booted.
 * @param wanted the kernels to ask about; all where there is none.
 * @throws UfrError as `prepareProgram` does, for what would not run anywhere.
 */
export async function checkFunction(
  input: string,
  overrides: Partial<FunctionSpec>,
  wanted: readonly UnikernelName[],
  progress: Progress,
): Promise<Checked> {
  const spec = await loadInput(input, overrides, progress)
  const program = await programOf(spec, await languageOf(spec.runtime), progress)
  progress.step(`Looking at ${spec.name}`)
  const evidence = evidenceOf(program, spec.cpus)
  const kernels: KernelVerdict[] = []
  for (const kind of unikernels) {
    if (wanted.length > 0 && !wanted.includes(kind.name)) continue
    const version = findKernelIfAny(kind.name)?.version
    const refused = kind.present() ? await refusals(kind, spec, program, progress) : []
    kernels.push(verdictFor(evidence, kind.name, version, refused))
  }
  progress.done()
  return { spec, kernels }
}

/** What a kernel of the store refuses by itself, asked as `ufr run` would ask it. */
async function refusals(
  kind: UnikernelKind,
  spec: FunctionSpec,
  program: Program,
  progress: Progress,
): Promise<Finding[]> {
  try {
    const unikernel = await kind.open(progress)
    requireForks(spec, unikernel)
    requireMemory(spec, unikernel)
    unikernel.plan(program)
    return []
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    const { code, message, fix } = error
    return [{ level: 'fails', code, message, calls: [], fix }]
  }
}
