import { UfrError } from '../base/errors.ts'
import type { VmmName } from '../function/spec.ts'
import { locateFirecracker } from './firecracker/binary.ts'
import { firecracker } from './firecracker/firecracker.ts'
import { locateQemu } from './qemu/binary.ts'
import { qemu } from './qemu/qemu.ts'
import type { Accel, Vmm } from './vmm.ts'

/**
 * The VMM that was asked for; `auto` is QEMU, which runs whatever there is, or what is there where QEMU is not.
 * @throws UfrError UFR-QEMU-MISSING, UFR-VMM-MISSING.
 */
export function chooseVmm(wanted: VmmName | 'auto'): Vmm {
  if (wanted === 'firecracker') return firecracker()
  if (wanted === 'auto' && !locateQemu() && locateFirecracker()) return firecracker()
  return qemu()
}

/**
 * The VMM for one machine: `auto` is Firecracker where there is one, it suits the machine, and KVM works in it.
 * @param suits whether a VMM has what the machine needs.
 * @throws UfrError as `chooseVmm`.
 */
export async function chooseVmmFor(
  wanted: VmmName | 'auto',
  accel: Accel | 'auto',
  suits: (vmm: Vmm) => Promise<boolean>,
): Promise<Vmm> {
  if (wanted !== 'auto') return chooseVmm(wanted)
  if (accel === 'tcg') return qemu()
  const usual = chooseVmm(wanted)
  if (usual.name === 'firecracker' || !locateFirecracker()) return usual
  const candidate = firecracker()
  return (await suits(candidate)) && (await hasKvm(candidate)) ? candidate : usual
}

async function hasKvm(vmm: Vmm): Promise<boolean> {
  try {
    await vmm.chooseAccel('kvm')
    return true
  } catch (error) {
    if (error instanceof UfrError && error.code === 'UFR-KVM') return false
    throw error
  }
}
