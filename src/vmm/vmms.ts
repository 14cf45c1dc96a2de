import { UfrError } from '../base/errors.ts'
import type { VmmName } from '../function/spec.ts'
import { qemu } from './qemu/qemu.ts'
import type { Vmm } from './vmm.ts'

/**
 * The VMM that was asked for; `auto` is QEMU until there is another.
 * @throws UfrError UFR-NOT-YET, UFR-QEMU-MISSING.
 */
export function chooseVmm(wanted: VmmName | 'auto'): Vmm {
  if (wanted === 'firecracker') {
    throw new UfrError('UFR-NOT-YET', 'firecracker cannot be used yet', { fix: 'Use --vmm qemu.' })
  }
  return qemu()
}
