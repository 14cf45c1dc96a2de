import { findKernel, findKernelIfAny } from '../../kernel/store.ts'
import type { UnikernelKind } from '../unikernel.ts'
import { osv } from './osv.ts'

/** Fetched only when asked for: see `ufr kernel pull osv` and `ufr kernel import osv`. */
export const osvKind: UnikernelKind = {
  name: 'osv',
  present: () => findKernelIfAny('osv') !== undefined,
  open: async (_, version) => osv(findKernel('osv', version)),
}
