import { findKernel, findKernelIfAny } from '../../kernel/store.ts'
import type { UnikernelKind } from '../unikernel.ts'
import { nanos } from './nanos.ts'

/** Fetched only when asked for: see `ufr kernel pull nanos` and `ufr kernel import nanos`. */
export const nanosKind: UnikernelKind = {
  name: 'nanos',
  present: () => findKernelIfAny('nanos') !== undefined,
  open: async (_, version) => nanos(findKernel('nanos', version)),
}
