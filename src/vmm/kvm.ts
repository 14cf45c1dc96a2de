import fs from 'node:fs'
import { systemCode } from '../base/errors.ts'

/** What a probe guest has shown of an accelerator. */
export interface ProbeResult {
  works: boolean
  /** From the vCPU's start to the probe's end; undefined where it did not end by itself. */
  milliseconds?: number
  reason: string
}

/**
 * Emulation needs 0.1 s for the probe's work, hardware 0.01 s, a paravirtual KVM that emulates 10 s. KVM that is nested
 * in emulation (script/kvm-lab) was seen to take 0.8 s on a busy machine.
 */
export const workLimitMs = 1500

export const tooSlow = 'it runs guests, but far too slowly: it emulates them itself'
export const dies = 'a guest that uses xgetbv dies on it'

/** What the time that the probe's work took says. */
export function judge(milliseconds: number): ProbeResult {
  if (milliseconds > workLimitMs) {
    return { works: false, milliseconds, reason: `20 million instructions take ${milliseconds} ms on it` }
  }
  return { works: true, milliseconds, reason: `a probe guest did its work in ${milliseconds} ms` }
}

/** Why /dev/kvm cannot be opened, or undefined. */
export function kvmRights(): string | undefined {
  try {
    fs.closeSync(fs.openSync('/dev/kvm', 'r+'))
    return undefined
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return 'there is no /dev/kvm'
    if (systemCode(error) === 'EACCES') return 'no permission to open /dev/kvm (group kvm)'
    return `/dev/kvm does not open (${systemCode(error)})`
  }
}
