import type { FileRule } from '../image/folder/file-rule.ts'

/** What a function answers with: a handler a JSON result, a web function HTTP, a program its standard output. */
export type Shape = 'handler' | 'web' | 'program'

export type UnikernelName = 'nanos' | 'osv' | 'unikraft' | 'linux'
export type VmmName = 'firecracker' | 'qemu'

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
  /** Empty: all files of the folder but what .ufrignore names. */
  files: FileRule[]
  unikernel?: UnikernelName | 'auto'
  vmm?: VmmName | 'auto'
  network: 'none' | 'egress'
  snapshot?: boolean
}
