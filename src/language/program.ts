import type { Progress } from '../base/progress.ts'
import type { FunctionSpec } from '../function/spec.ts'
import type { Tree } from '../image/tree.ts'

/** Where the function's own files are in the guest, as on AWS Lambda. */
export const taskFolder = 'var/task'

/** What a function shares with others: a language runtime with its libraries, or the libraries of a program. */
export interface Base {
  /** Names everything that goes into the base's tree: the same key always stands for the same files. */
  key: string
  /** For people: `node 24.21.0`, `libraries of hello`. */
  title: string
  /** Names of what lies directly in the base's root, such as `usr`; none for a program that needs no base. */
  topLevel: string[]
  /** The files, relative to the guest's root; read only where no image of this key is there yet. */
  tree(): Tree
}

/** What runs in the guest, whatever the kernel: what a language makes of a function. */
export interface Program {
  base: Base
  /** The function's own files, relative to `taskFolder`. */
  task: Tree
  /** Absolute path in the guest of an ELF file: no kernel here runs scripts by itself. */
  executable: string
  /**
   * The path to start it by, where that is a link to it: some programs do what their name says. A kernel that is told
   * a name apart from a file has it in `argv`.
   */
  startedAs?: string
  /** The dynamic linker that the executable names: absolute path in the guest. A static program has none. */
  interpreter?: string | undefined
  /** Arguments, the first being the program's own name. */
  argv: string[]
  /**
   * The same for a kernel whose threads run until they wait (Unikraft): there a thread that asks again and again how far
   * another one has come waits for ever. Where it is missing, `argv`.
   */
  cooperativeArgv?: string[]
  /**
   * Features of the processor, in QEMU's names, that it tries out by provoking a fault which it handles itself: to be
   * hidden from it on a kernel that hands no faults to programs (Unikraft).
   */
  triedByFault?: readonly string[]
  environment: Record<string, string>
  /** Absolute path in the guest. */
  workingDirectory: string
  /** Whether it may write anywhere in the guest, as in a container: what it writes is gone with the guest. */
  writable?: boolean
  /** Whether the guest itself tells when it is ready (an APC mark, see link/marks.ts), or the host has to look. */
  tellsReady: boolean
  /** Where it tells that it begins, if its files do (instance/entry-mark.ts). */
  entryMark?: EntryMark
  /** Whether it gets its events from the Runtime API, and is ready when it asks for the first: then it is not called. */
  callsRuntimeApi?: boolean
}

export interface EntryMark {
  /** The file descriptor in the guest that the mark is written to; any but 1 is the mark's own. */
  descriptor: number
  /** The file that tells: absolute path in the guest of the dynamic linker, or of the program where it has none. */
  file: string
  /** The same program, without. */
  plain: Program
}

/** Turns a function's source into a program and files. */
export interface Language {
  readonly name: string
  /**
   * @param progress is told of anything that takes longer than a second.
   * @throws UfrError where the function cannot run: missing handler, wrong architecture, missing library, …
   */
  prepare(spec: FunctionSpec, progress: Progress): Promise<Program>
  /**
   * The runtime itself as the program, with `spec.args` as they are and in `spec.workingDirectory`: for functions whose
   * files have places of their own in the guest (`spec.root`, which the caller lays over the base). Languages without
   * it prepare such functions by `prepare`.
   */
  interpret?(spec: FunctionSpec, progress: Progress): Promise<Program>
}
