import { UfrError } from '../base/errors.ts'
import type { VmmName } from '../function/spec.ts'
import type { Accel, Vmm } from '../vmm/vmm.ts'
import { chooseVmm } from '../vmm/vmms.ts'

/** A VMM that guests can be started on here, and how they run on it. */
export interface UsableVmm {
  vmm: Vmm
  version: string
  accel: Accel
  /** Why guests run that way. */
  reason: string
}

export interface VmmsHere {
  usable: UsableVmm[]
  /** Those that cannot be used, and why. */
  missing: { name: VmmName; reason: string; error: UfrError }[]
}

export const vmmNames: readonly VmmName[] = ['qemu', 'firecracker']

/** Looks which VMMs there are, and decides how guests run on each as `ufr run` does. */
export async function lookForVmms(
  names: readonly VmmName[] = vmmNames,
  accel: Accel | 'auto' = 'auto',
): Promise<VmmsHere> {
  const here: VmmsHere = { usable: [], missing: [] }
  for (const name of names) {
    try {
      const vmm = chooseVmm(name)
      here.usable.push({ vmm, version: vmm.version(), ...(await vmm.chooseAccel(accel)) })
    } catch (error) {
      if (!(error instanceof UfrError)) throw error
      here.missing.push({ name, reason: error.message, error })
    }
  }
  return here
}

/**
 * The one way in which guests run on all of some VMMs: emulated milliseconds and real ones are no table.
 * @throws UfrError UFR-USAGE where they run in both.
 */
export function oneAccel(vmms: readonly UsableVmm[]): { accel: Accel; reason: string } {
  const [first] = vmms
  const other = vmms.find(({ accel }) => accel !== first?.accel)
  if (first && !other) return { accel: first.accel, reason: first.reason }
  const how = vmms.map(({ vmm, accel }) => `${accel === 'tcg' ? 'emulated' : 'by KVM'} on ${vmm.name}`)
  throw new UfrError('UFR-USAGE', `guests would run ${how.join(' and ')}: that is not one table`, {
    fix: 'Measure one of them at a time: --vmms qemu, or --accel kvm for both.',
  })
}
