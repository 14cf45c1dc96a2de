import type { Progress } from '../base/progress.ts'
import type { UnikernelName } from '../function/spec.ts'
import type { Layout } from '../image/layout.ts'
import type { Volume, VolumePlan } from '../image/store/volume.ts'
import type { Tree } from '../image/tree.ts'
import type { Kernel } from '../kernel/store.ts'
import type { Program } from '../language/program.ts'
import type { Mark } from '../link/marks.ts'
import type { LinkKind, MachineSpec, NetworkSpec } from '../vmm/machine.ts'
import type { VmExit, VmmTraits } from '../vmm/vmm.ts'

/** What a unikernel makes of a program: volumes by role, in the order in which the digest takes them. */
export interface ImagePlan<Role extends string = string> {
  volumes: Record<Role, VolumePlan>
  /** What else decides how the image behaves. */
  settings: string[]
}

export interface MachineSettings {
  memoryMiB: number
  cpus: number
  /** What the machine will run on. */
  traits: VmmTraits
  /** The guest's network, where it has one. */
  network?: NetworkSpec | undefined
  /** Frequency of the guest's time stamp counter, where the VMM knows and the kernel should be told. */
  tscKhz?: number | undefined
  /** Whether what it prints and its exit status are the result: standard error is kept apart where that can be. */
  program: boolean
}

/** A console line that is the kernel's own, or ends with words of its own. */
export interface KernelLine {
  /** A mark that the line is as good as. */
  mark?: Mark
  /** The kernel's own words, where they stand behind an unfinished line of a program's; then only they are its own. */
  tail?: string
  /** Whether it is of no help to anybody who wants to know why something went wrong. */
  dull?: boolean
  /** Whether a program may have said the same: then it is the kernel's only where the next line `confirms` that. */
  doubtful?: boolean
  confirms?: boolean
}

/** What is kept of an instance's console from line to line. */
export interface ConsoleState {
  /** Whether the kernel has come to the program, for the kernels that say so. */
  started: boolean
  /** Whether it has said that the program ended: `perhaps` where a program may have said so. */
  ended?: boolean | 'perhaps'
}

/** A kernel's side of an image: opened once, good for any number of programs. */
export interface Unikernel {
  readonly name: UnikernelName
  readonly kernel: Kernel
  /** Least memory in MiB with which the kernel itself starts a program of any kind. */
  readonly leastMemoryMiB: number
  /** Whether a program can start further ones (fork and exec). */
  readonly forks: boolean
  /**
   * The file descriptor that a program's entry mark goes to: standard output, which is the console, unless programs can
   * start others, who would write the mark to wherever theirs leads.
   */
  readonly entryDescriptor: number
  /** The links that it can be reached over. */
  readonly links: readonly LinkKind[]
  plan(program: Program): ImagePlan
  /**
   * The machine for an image.
   * @throws UfrError UFR-MACHINE for what this kernel cannot do on such a VMM, or over such a link.
   */
  machine(program: Program, volumes: Record<string, Volume>, settings: MachineSettings): MachineSpec
  /** The guest's root as the program finds it, with what the kernel's side adds to base and function. */
  guestTree(program: Program): Tree
  /** One disk with everything on it, for upstream's own tools. */
  disk(program: Program): Layout
  /** Recognises a console line that is the kernel's own and no program's, and what it stands for. */
  kernelLine(line: string, state?: ConsoleState): KernelLine | undefined
  /** Whether the kernel's terminal puts a carriage return before each line feed. */
  readonly carriageReturns: boolean
  /** The program's exit status as a shell has it, where the guest told: by the exit device or on the console. */
  exitStatus(exit: VmExit, console: { marks: Mark[]; tail(lines?: number): string[] }): number | undefined
  /** Whether a failed start is one that the kernel is known to have now and then, and that another try cures. */
  worthRetrying(console: { tail(lines?: number): string[] }): boolean
}

/** How a unikernel is had: one line in the table of `unikernels.ts`. */
export interface UnikernelKind {
  readonly name: UnikernelName
  /** Whether a kernel is in the store. */
  present(): boolean
  /**
   * Opens the kernel of the store: the default one, or the version that is named.
   * @throws UfrError UFR-KERNEL-MISSING with the way to get one; kinds that may fetch by themselves do so instead.
   */
  open(progress: Progress, version?: string): Promise<Unikernel>
}
