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

/**
 * From a folder to a program and the kernel it is for: fetches the language's runtime, and for the Linux guest its
 * kernel, where they are not there yet.
 * @throws UfrError naming what is wrong with the function or missing on the host.
 */
export async function prepareProgram(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
): Promise<Omit<Prepared, 'image'>> {
  const spec = loadFunction(folder, overrides, detectors)
  if (spec.network === 'egress') {
    throw new UfrError('UFR-NOT-YET', 'a network with egress cannot be had yet', {
      fix: 'Leave "network" out of ufr.json: the function is then reached by the host and reaches nothing.',
    })
  }
  const wanted: UnikernelName | 'auto' = spec.unikernel ?? 'auto'
  const { unikernel, reason } = await chooseUnikernel(wanted, progress)
  if (wanted === 'auto') progress.note(`Kernel: ${unikernel.name} ${unikernel.kernel.version}, ${reason}.`)
  const language = await languageOf(spec.runtime)
  return { spec, unikernel, program: await language.prepare(spec, progress) }
}

/** As `prepareProgram`, and builds what is missing of the image. */
export async function prepare(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
): Promise<Prepared> {
  const startedAt = performance.now()
  const prepared = await prepareProgram(folder, overrides, progress)
  progress.step(`Building the image of ${prepared.spec.name}`)
  const image = buildImage(prepared.spec, prepared.program, prepared.unikernel, startedAt)
  progress.done()
  return { ...prepared, image }
}
