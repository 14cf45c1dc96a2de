import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import type { FunctionSpec, UnikernelName } from '../function/spec.ts'
import { languageOf } from '../language/languages.ts'
import type { Language, Program } from '../language/program.ts'
import { withRoot } from '../language/root-files.ts'
import type { Unikernel } from '../unikernel/unikernel.ts'
import { chooseUnikernel } from '../unikernel/unikernels.ts'
import { buildImage, type Image } from './build.ts'
import { withEntryMark } from './entry-mark.ts'
import { loadInput } from './input.ts'
import { isObserved, type Observation } from './observe/record.ts'

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
 * From a folder, or an input of another tool, to a program and the kernel it is for: fetches the language's runtime,
 * and for the Linux guest its kernel, where they are not there yet.
 * @param kernelVersion of the kernel that is asked for by name; its default one where it is missing.
 * @throws UfrError naming what is wrong with the function or missing on the host.
 */
export async function prepareProgram(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
  accept?: Accept,
  kernelVersion?: string,
): Promise<Omit<Prepared, 'image'>> {
  const spec = await loadInput(folder, overrides, progress)
  refusePlanned(spec)
  await accept?.(spec)
  const language = await languageOf(spec.runtime)
  const wanted: UnikernelName | 'auto' = spec.unikernel ?? 'auto'
  const { unikernel, reason } = await chooseUnikernel(
    wanted,
    progress,
    spec.forks !== undefined,
    kernelVersion,
  )
  requireForks(spec, unikernel)
  requireMemory(spec, unikernel)
  if (wanted === 'auto') progress.note(`Kernel: ${unikernel.name} ${unikernel.kernel.version}, ${reason}.`)
  return { spec, unikernel, program: await programOf(spec, language, progress) }
}

/**
 * What runs in the guest for a function.
 * @throws UfrError as the language does; UFR-NOT-YET where it cannot run files that have places of their own there.
 */
export async function programOf(
  spec: FunctionSpec,
  language: Language,
  progress: Progress,
): Promise<Program> {
  const { root } = spec
  const program =
    spec.workingDirectory === undefined
      ? await language.prepare(spec, progress)
      : await interpreted(spec, language, progress)
  return root ? withRoot(program, root) : program
}

function interpreted(spec: FunctionSpec, language: Language, progress: Progress): Promise<Program> {
  if (language.interpret) return language.interpret(spec, progress)
  const what = `functions for ${spec.runtime} cannot be started in a folder of their own yet`
  throw new UfrError('UFR-NOT-YET', what, {
    fix: 'Put the files into a folder with a ufr.json that names the handler or the command (docs/ufr-json.md).',
  })
}

/** Keys of ufr.json that have a meaning, but no effect yet: to pass over them in silence would be worse than an error. */
function refusePlanned(spec: FunctionSpec): void {
  if (spec.snapshot) {
    throw new UfrError('UFR-NOT-YET', 'functions cannot be started from a snapshot yet', {
      fix: 'Leave "snapshot" out of ufr.json.',
    })
  }
}

/** @throws UfrError UFR-CONTAINER where a kernel cannot start what the function starts. */
export function requireForks({ name, forks }: FunctionSpec, unikernel: Unikernel): void {
  if (!forks || unikernel.forks) return
  const what = `${name} cannot run on ${unikernel.name}, which has no fork and exec: ${forks.why}`
  throw new UfrError('UFR-CONTAINER', what, { fix: forks.fix })
}

/** Too little is told now: a guest without room for its kernel may be silent until a time limit ends it. */
export function requireMemory({ memoryMiB }: FunctionSpec, { name, leastMemoryMiB }: Unikernel): void {
  if (memoryMiB >= leastMemoryMiB) return
  throw new UfrError('UFR-USAGE', `${name} does not start in ${memoryMiB} MiB of memory`, {
    fix: `Give it ${leastMemoryMiB} MiB or more, and room for the program: --memory, or "memory" in ufr.json.`,
  })
}

/** With the files that the function was observed to use, where somebody has had it observed as it is now. */
async function observed(
  prepared: Omit<Prepared, 'image'>,
  progress: Progress,
): Promise<Omit<Prepared, 'image'> & { observation?: Observation }> {
  const { spec, program } = prepared
  if (!isObserved(spec.folder)) return prepared
  const { currentObservation, observedProgram } = await import('./observe/apply.ts')
  const observation = currentObservation(spec, program, progress)
  return observation ? { ...prepared, program: observedProgram(program, observation), observation } : prepared
}

/** What an image is made of: the program as `observed`, and telling when it begins unless the function is not to. */
export async function imageProgram(
  prepared: Omit<Prepared, 'image'>,
  progress: Progress,
): Promise<Omit<Prepared, 'image'> & { observation?: Observation }> {
  const found = await observed(prepared, progress)
  if (found.spec.entryMark === false) return found
  return { ...found, program: withEntryMark(found.program, found.unikernel.entryDescriptor) }
}

/** As `prepareProgram`, and builds what is missing of the image. */
export async function prepare(
  folder: string,
  overrides: Partial<FunctionSpec>,
  progress: Progress,
  accept?: Accept,
  kernelVersion?: string,
): Promise<Prepared> {
  const startedAt = performance.now()
  const program = await prepareProgram(folder, overrides, progress, accept, kernelVersion)
  const prepared = await imageProgram(program, progress)
  progress.step(`Building the image of ${prepared.spec.name}`)
  const image = await buildImage(prepared.spec, prepared.program, prepared.unikernel, startedAt)
  progress.done()
  return { ...prepared, image }
}
