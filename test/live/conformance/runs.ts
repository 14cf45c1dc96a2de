import type { UnikernelName } from '../../../src/function/spec.ts'
import type { LinkKind } from '../../../src/vmm/machine.ts'

/** What was run at last where it cannot be run with every change: on Firecracker, in the lab. */
export interface LabRun {
  kernel: UnikernelName
  version: string
  link: LinkKind
  /** Cases that passed, and cases of limits.ts that failed as they have to, or cannot be run. */
  passed: number
  limits: number
  /** Bytes there and back over one connection, in MB. */
  largeBody: number
  /** Most starts in a row without a leak. */
  starts: number
}

export const labRunsAt = '2026-11-24'
export const labFirecracker = '1.16.1'

export const labRuns: readonly LabRun[] = [
  { kernel: 'nanos', version: 'b9c3671d', link: 'tap', passed: 26, limits: 14, largeBody: 100, starts: 5 },
  { kernel: 'linux', version: '6.1.192-2', link: 'tap', passed: 39, limits: 1, largeBody: 100, starts: 5 },
  { kernel: 'linux', version: '6.1.192-2', link: 'vsock', passed: 36, limits: 1, largeBody: 10, starts: 5 },
  { kernel: 'osv', version: '0.57.0-398', link: 'tap', passed: 38, limits: 2, largeBody: 100, starts: 5 },
  { kernel: 'unikraft', version: '0.17.0', link: 'tap', passed: 37, limits: 3, largeBody: 100, starts: 5 },
]
