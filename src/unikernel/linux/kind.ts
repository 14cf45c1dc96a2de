import { findKernel, findKernelIfAny } from '../../kernel/store.ts'
import type { UnikernelKind } from '../unikernel.ts'
import { linux } from './linux.ts'

/** The embedded default: fetches its kernel by itself, where apt is to be had. */
export const linuxKind: UnikernelKind = {
  name: 'linux',
  present: () => findKernelIfAny('linux') !== undefined,
  async open(progress, version) {
    const there = version === undefined ? findKernelIfAny('linux') : findKernel('linux', version)
    if (there) return linux(there)
    const { pullLinux } = await import('./pull.ts')
    return linux((await pullLinux(progress)).kernel)
  },
}
