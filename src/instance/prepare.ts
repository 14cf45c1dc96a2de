import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import { loadFunction } from '../function/load.ts'
import type { FunctionSpec, UnikernelName } from '../function/spec.ts'
import { detectors } from '../language/detectors.ts'
import { languageOf } from '../language/languages.ts'
import type { Program } from '../language/program.ts'
import type { Unikernel } from '../unikernel/unikernel.ts'
import { chooseUnikernel } from '../unikernel/unikernels.ts'
import { buildImage, type Image } from './build.ts'

/** A function, ready to boot on a unikernel. */
export interface Prepared {
  spec: FunctionSpec
  program: Program
  unikernel: Unikernel
  image: Image
}

/** Is told what a function is before anything is fetched or built; what it throws ends the preparation. */
export type Accept = (spec: FunctionSpec) => void | Promise<void>

/**
 * From a folder to a program and the kernel it is for: fetches the language's runtime, and for the Linux guest its
 * kernel, where they are not there yet.
 * @throws UfrError naming what is wrong with the function or missing on the host.
 */
export async function prepareProgram(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
  accept?: Accept,
): Promise<Omit<Prepared, 'image'>> {
  const spec = loadFunction(folder, overrides, detectors)
  refusePlanned(spec)
  await accept?.(spec)
  const language = await languageOf(spec.runtime)
  const wanted: UnikernelName | 'auto' = spec.unikernel ?? 'auto'
  const { unikernel, reason } = await chooseUnikernel(wanted, progress)
  requireMemory(spec, unikernel)
  if (wanted === 'auto') progress.note(`Kernel: ${unikernel.name} ${unikernel.kernel.version}, ${reason}.`)
  return { spec, unikernel, program: await language.prepare(spec, progress) }
}

/** Keys of ufr.json that have a meaning, but no effect yet: to pass over them in silence would be worse than an error. */
function refusePlanned(spec: FunctionSpec): void {
  if (spec.snapshot) {
    throw new UfrError('UFR-NOT-YET', 'functions cannot be started from a snapshot yet', {
      fix: 'Leave "snapshot" out of ufr.json.',
    })
  }
}

/** Too little is told now: a guest without room for its kernel may be silent until a time limit ends it. */
function requireMemory({ memoryMiB }: FunctionSpec, { name, leastMemoryMiB }: Unikernel): void {
  if (memoryMiB >= leastMemoryMiB) return
  throw new UfrError('UFR-USAGE', `${name} does not start in ${memoryMiB} MiB of memory`, {
    fix: `Give it ${leastMemoryMiB} MiB or more, and room for the program: --memory, or "memory" in ufr.json.`,
  })
}

/** As `prepareProgram`, and builds what is missing of the image. */
export async function prepare(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
  accept?: Accept,
): Promise<Prepared> {
  const startedAt = performance.now()
  const prepared = await prepareProgram(folder, overrides, progress, accept)
  progress.step(`Building the image of ${prepared.spec.name}`)
  const image = await buildImage(prepared.spec, prepared.program, prepared.unikernel, startedAt)
  progress.done()
  return { ...prepared, image }
}
