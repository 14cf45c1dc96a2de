import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import type { UnikernelName } from '../function/spec.ts'
import { linuxKind } from './linux/kind.ts'
import { nanosKind } from './nanos/kind.ts'
import type { Unikernel, UnikernelKind } from './unikernel.ts'

/** All guest kernels, the preferred one first. A further one is a folder beside these and a line here. */
export const unikernels: UnikernelKind[] = [nanosKind, linuxKind]

/** Of which ufr knows that they are to come. */
const planned: UnikernelName[] = ['osv', 'unikraft']

/**
 * Opens the kernel that was asked for; `auto` takes the first whose kernel is there, at last the Linux guest, which
 * can always be had.
 * @returns the unikernel, and why it is this one in words that can follow its name.
 * @throws UfrError UFR-NOT-YET, or as the kind's `open` does.
 */
export async function chooseUnikernel(
  wanted: UnikernelName | 'auto',
  progress: Progress,
): Promise<{ unikernel: Unikernel; reason: string }> {
  if (wanted !== 'auto') {
    const kind = unikernels.find(({ name }) => name === wanted)
    if (kind) return { unikernel: await kind.open(progress), reason: 'as asked for' }
    throw new UfrError('UFR-NOT-YET', `${wanted} cannot be used yet`, {
      fix: 'Use --unikernel nanos or linux.',
    })
  }
  const kind = unikernels.find((each) => each.present()) ?? linuxKind
  const skipped = unikernels.slice(0, unikernels.indexOf(kind)).map(({ name }) => name)
  const reason =
    skipped.length === 0
      ? 'the preferred kernel, and in the store'
      : `no kernel of ${skipped.join(', ')} in the store (ufr kernel pull ${skipped[0]})`
  return { unikernel: await kind.open(progress), reason }
}

/** Names for messages and completion. */
export function unikernelNames(): { ready: UnikernelName[]; planned: UnikernelName[] } {
  return { ready: unikernels.map(({ name }) => name), planned }
}
