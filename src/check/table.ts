import type { UnikernelName } from '../function/spec.ts'

/** What a version of a kernel has, by names. Made by script/kernel-tables from the kernel's own files. */
export interface KernelTable {
  kernel: UnikernelName
  version: string
  /** What it was made from: repository, commit or file, and what was read there. */
  origin: string
  /** System calls that it has, names parted by blanks. */
  has: string
  /** Of those, the ones that do nothing and say that all went well. */
  ignores?: string
  /** Functions that it has for programs which it links itself. */
  symbols?: string
}
