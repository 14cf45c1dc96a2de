import type { Phases } from '../../instance/phases.ts'
import type { Prepared } from '../../instance/prepare.ts'
import type { MachineSpec, NetworkSpec } from '../../vmm/machine.ts'
import type { Accel, Vmm } from '../../vmm/vmm.ts'
import type { Question } from '../start.ts'

/** What a peer is to do as ufr does it. */
export interface PeerTarget {
  prepared: Prepared
  vmm: Vmm
  accel: Accel
  /** The machine that ufr starts for it. */
  machine: MachineSpec
  network: NetworkSpec | undefined
  question: Question
  /** An empty folder for what it needs; gone when everything is measured. */
  folder: string
}

export interface PeerStart {
  /** One cold start until the answer. Marks that only ufr knows how to take are null. */
  start(signal: AbortSignal): Promise<Phases>
  /** What is different from what ufr does. */
  notes: string[]
  /** Its image, where it is not ufr's. */
  image?: { digest: string; bytes: number }
}

/** Another way to start the same program on the same kernel. */
export interface Peer {
  /** As tables have it. */
  readonly name: string
  /** As the command line has it. */
  readonly key: string
  /** The program that has to be on the PATH. */
  readonly command: string
  /** Whether it is a way to start this kernel on this VMM at all. */
  starts(target: Pick<PeerTarget, 'prepared' | 'vmm'>): boolean
  /** Why it cannot do the same all the same, in words; undefined where it can. */
  unfit(target: Pick<PeerTarget, 'prepared' | 'vmm' | 'accel'>): string | undefined
  /** Makes ready what a start needs and nobody takes the time of. */
  prepare(target: PeerTarget, signal: AbortSignal): Promise<PeerStart>
}

/** Nobody tells when the vCPU of a VMM starts that is not controlled. */
export function withoutVcpu(phases: Phases): Phases {
  return { ...phases, vcpu: null }
}

/** Why a function cannot be asked by anybody but ufr; undefined where it can. */
export function unasked({ prepared }: Pick<PeerTarget, 'prepared'>): string | undefined {
  if (prepared.program.callsRuntimeApi) return 'its program asks ufr for its events, and nobody else answers'
  if (prepared.spec.shape === 'program') return 'a program that runs to its end is asked for nothing'
  return undefined
}
