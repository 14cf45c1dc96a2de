import type { FileRule } from '../image/folder/file-rule.ts'
import type { Tree } from '../image/tree.ts'

/** What a function answers with: a handler a JSON result, a web function HTTP, a program its standard output. */
export type Shape = 'handler' | 'web' | 'program'

export type UnikernelName = 'nanos' | 'osv' | 'unikraft' | 'linux'
export type VmmName = 'firecracker' | 'qemu'

/** Files at absolute places in the guest: they become part of the base, over a language's own files. */
export interface RootFiles {
  /** Names everything that is in the tree: the same key always stands for the same files. */
  key: string
  /** For people: `files of config.json`, `debian:12`. */
  title: string
  /** The files, relative to the guest's root. Asked for at every run, so what is expensive about it is to be kept. */
  tree(): Tree
  /** Whether it is a whole root file system: programs and libraries come from it, and none from the host. */
  whole: boolean
  /** Whether the program may write anywhere, as in a container; else only to /tmp, and where a kernel lets it. */
  writable?: boolean
  /** Folder of the host that programs and libraries come from where it is not whole; default `/`. */
  sysroot?: string
}

/** A function as ufr knows it: `ufr.json` read, checked, and completed by what the folder shows. */
export interface FunctionSpec {
  name: string
  /** Absolute path of the function's folder on the host. */
  folder: string
  /** AWS's identifier (`nodejs24.x`) or `native`. */
  runtime: string
  shape: Shape
  /** `file.export` for a handler; for provided.al2023 whatever the program makes of it. */
  handler?: string
  /** Web functions, programs and provided.al2023: a path, or a name for the language to make sense of. */
  command?: string
  args: string[]
  /** Port in the guest; undefined where the folder does not say and the program is to be asked. */
  port?: number
  environment: Record<string, string>
  memoryMiB: number
  cpus: number
  timeoutSeconds: number
  /** Empty: all files of the folder but what .ufrignore names; none of them where there is a `root`. */
  files: FileRule[]
  root?: RootFiles
  /**
   * Absolute path in the guest that the program starts in and that relative paths of `command` and `args` start from.
   * Undefined: /var/task, and the language finds the file that is meant. Where it is set, a language's runtime is given
   * `args` as they are: `Language.interpret`.
   */
  workingDirectory?: string
  unikernel?: UnikernelName | 'auto'
  vmm?: VmmName | 'auto'
  network: 'none' | 'egress'
  snapshot?: boolean
  /** Whether its image tells when the program begins; default true. */
  entryMark?: boolean
  /** Why it needs a kernel that can start further programs, and what to do where there is none. */
  forks?: { why: string; fix: string }
  /** What whoever starts the function should know: what was left out of a foreign input, and why. */
  notes?: string[]
}
