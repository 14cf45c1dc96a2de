import { findKernel, findKernelIfAny } from '../../kernel/store.ts'
import type { UnikernelKind } from '../unikernel.ts'
import { unikraft } from './unikraft.ts'

/** Fetched only when asked for: see `ufr kernel pull unikraft` and `ufr kernel import unikraft`. */
export const unikraftKind: UnikernelKind = {
  name: 'unikraft',
  present: () => findKernelIfAny('unikraft') !== undefined,
  open: async (_, version) => unikraft(findKernel('unikraft', version)),
}
