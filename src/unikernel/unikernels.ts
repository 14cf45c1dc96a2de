import type { Progress } from '../base/progress.ts'
import type { UnikernelName } from '../function/spec.ts'
import { linuxKind } from './linux/kind.ts'
import { nanosKind } from './nanos/kind.ts'
import { osvKind } from './osv/kind.ts'
import type { Unikernel, UnikernelKind } from './unikernel.ts'
import { unikraftKind } from './unikraft/kind.ts'

/** All guest kernels. A further one is a folder beside these and a line here. */
export const unikernels: UnikernelKind[] = [nanosKind, linuxKind, osvKind, unikraftKind]

/**
 * Opens the kernel that was asked for; `auto` is Nanos where it is in the store and starts all that the function needs,
 * and else the Linux guest, which runs everything and can always be had.
 * @param forks whether the function needs further processes.
 * @param version of the kernel that was asked for; its default one where none is named.
 * @returns the unikernel, and why it is this one in words that can follow its name.
 * @throws UfrError as the kind's `open` does.
 */
export async function chooseUnikernel(
  wanted: UnikernelName | 'auto',
  progress: Progress,
  forks = false,
  version?: string,
): Promise<{ unikernel: Unikernel; reason: string }> {
  if (wanted !== 'auto') {
    const kind = unikernels.find(({ name }) => name === wanted)!
    return { unikernel: await kind.open(progress, version), reason: 'as asked for' }
  }
  if (forks) return { unikernel: await linuxKind.open(progress), reason: 'as it starts further programs' }
  const kind = nanosKind.present() ? nanosKind : linuxKind
  const reason =
    kind === nanosKind
      ? 'the preferred kernel, and in the store'
      : `no kernel of nanos in the store (ufr kernel pull nanos)`
  return { unikernel: await kind.open(progress), reason }
}
