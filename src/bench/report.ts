import type { UnikernelName, VmmName } from '../function/spec.ts'
import type { Phases } from '../instance/phases.ts'
import type { Accel } from '../vmm/vmm.ts'
import type { Machine } from './machine.ts'
import type { Summary } from './statistics.ts'
import type { StepName } from './steps.ts'

/** Raise it when a report of before can no longer be read as one of now. */
export const schemaVersion = 1

/** Why something is not there. */
export interface Reason {
  code: string
  message: string
}

/** One cold start, or the attempt at one. */
export interface CellRun {
  /** From 1 on. */
  round: number
  /** Whether it is one of the first, which only warm the caches. */
  discarded: boolean
  phases: Phases | null
  error: Reason | null
}

/**
 * Who starts the machine: ufr; ufr with an image that has no entry mark, which shows what the mark costs; or a tool of
 * others by its name.
 */
export type Arm = 'ufr' | 'without mark' | (string & {})

/** A function on a kernel on a VMM, started by one arm. */
export interface Cell {
  /** The function's name, and how it was named on the command line. */
  function: string
  source: string
  /** AWS's identifier of its runtime; null where not even that could be found out. */
  runtime: string | null
  unikernel: UnikernelName
  kernelVersion: string | null
  vmm: VmmName
  accel: Accel
  arm: Arm
  /** Digest and size of the image; null where there is none, or it is not ufr's. */
  image: { digest: string; bytes: number } | null
  /** The ELF file in the guest whose first instruction is the mark `entry`. */
  entryOf: string | null
  /** What a reader ought to know of this cell. */
  notes: string[]
  /** Why it could not be run at all, or not any more. */
  reason: Reason | null
  runs: CellRun[]
  /** Of the runs that were neither discarded nor failed; null where the marks for a step were not to be had. */
  statistics: Record<StepName, Summary | null>
}

/** What `ufr bench boot` finds out. */
export interface BootReport {
  schemaVersion: typeof schemaVersion
  kind: 'boot'
  /** Version of ufr. */
  ufr: string
  startedAt: string
  endedAt: string
  /** Whether it was interrupted: then it has fewer rounds than were asked for. */
  partial: boolean
  machine: Machine
  conditions: Conditions
  /** Rounds that were asked for, and how many of them are not looked at. */
  runs: number
  discard: number
  /** What was not measured, and why. */
  leftOut: { what: string; reason: Reason }[]
  cells: Cell[]
}

/** What decides about the figures besides machine and software. */
export interface Conditions {
  /** The same for all cells: emulated guests and KVM's are never in one report. */
  accel: Accel
  accelReason: string
  /** CPUs that ufr and all VMMs ran on, as taskset has them; null where they were not pinned. */
  cpus: string | null
  pinning: string
  /** What was in which cache. */
  caches: string
  /** Processes that wanted to run, averaged over a minute. */
  loadBefore: number
  loadAfter: number
  vmms: { name: VmmName; version: string; note?: string }[]
  kernels: { name: UnikernelName; version: string; digest: string }[]
}

/** Cells of the same table have the same kernel and VMM. */
export function tableOf({ unikernel, kernelVersion, vmm }: Cell): string {
  return `${unikernel}@${kernelVersion ?? '?'} on ${vmm}`
}
