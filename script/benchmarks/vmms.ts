import { UfrError } from '../../src/base/errors.ts'
import type { VmmName } from '../../src/function/spec.ts'
import type { Accel, Vmm } from '../../src/vmm/vmm.ts'
import { chooseVmm } from '../../src/vmm/vmms.ts'

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
  missing: { name: VmmName; reason: string }[]
}

const names: readonly VmmName[] = ['qemu', 'firecracker']

/** Looks which VMMs there are, and decides how guests run on each as `ufr run` does. */
export async function lookForVmms(): Promise<VmmsHere> {
  const here: VmmsHere = { usable: [], missing: [] }
  for (const name of names) {
    try {
      const vmm = chooseVmm(name)
      here.usable.push({ vmm, version: vmm.version(), ...(await vmm.chooseAccel('auto')) })
    } catch (error) {
      if (!(error instanceof UfrError)) throw error
      here.missing.push({ name, reason: error.message })
    }
  }
  return here
}
