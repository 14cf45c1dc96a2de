import { layMachine } from '../../../src/bench/peers/firecracker-config.ts'
import type { MachineSpec } from '../../../src/vmm/machine.ts'
import type { LinkEnd } from '../../../src/vmm/vmm.ts'
import type { BareVmm } from './vmm.ts'

/** A Firecracker by hand: see `layMachine`. */
export function bareFirecracker(file: string, spec: MachineSpec, link: LinkEnd): BareVmm {
  return { link, lay: ({ folder }) => [file, ...layMachine(spec, link, folder)] }
}
