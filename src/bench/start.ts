import { UfrError } from '../base/errors.ts'
import { noProgress } from '../base/progress.ts'
import type { Phases } from '../instance/phases.ts'
import type { Prepared } from '../instance/prepare.ts'
import { awaitEnd, invokeOnce, type Run, requestOnce, type Times, withInstance } from '../instance/run.ts'
import type { LinkKind } from '../vmm/machine.ts'
import type { Accel, Vmm } from '../vmm/vmm.ts'

/** What every function is asked. */
export interface Question {
  /** For a handler: JSON. */
  event: Uint8Array
  /** For a web function. */
  path: string
}

export interface ColdStart {
  accel: Accel
  link: LinkKind | 'auto'
  question: Question
  signal: AbortSignal
  /** Starts the machine, in the place of the VMM that the function's settings name. */
  vmm?: Vmm
}

/**
 * One cold start of a function whose image is there, as `ufr run` does it, until its answer.
 * @throws UfrError as `withInstance` does; UFR-BENCH-ANSWER where it answered with an error; the signal's reason.
 */
export function coldStart(prepared: Prepared, { question, ...start }: ColdStart): Promise<Phases> {
  const none = () => {}
  return withInstance(
    {
      folder: prepared.spec.folder,
      overrides: {},
      prepareWith: async () => prepared,
      ...{ ...start, progress: noProgress() },
      ...{ output: none, errors: none, kernelLines: none },
    },
    async (run, times) => {
      await ask(run, times, question)
      return run.phases()
    },
  )
}

/** A wrong answer is no answer, however fast. */
async function ask(run: Run, times: Times, { event, path }: Question): Promise<void> {
  const { spec } = run.prepared
  if (spec.shape === 'handler') {
    const { error, body } = await invokeOnce(run, times, event)
    if (error) throw wrong(spec.name, `with the error ${body.toString('utf8', 0, 200)}`)
  } else if (spec.shape === 'web') {
    const { status } = await requestOnce(run, times, path)
    if (status >= 400) throw wrong(spec.name, `with HTTP status ${status}`)
  } else {
    const status = await awaitEnd(run, times)
    if (status !== 0) throw wrong(spec.name, `by ending with status ${status}`)
  }
}

function wrong(name: string, how: string): UfrError {
  return new UfrError('UFR-BENCH-ANSWER', `${name} answered ${how}`)
}
