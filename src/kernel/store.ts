import {
  type BrokenEntry,
  type Entry,
  fileOf,
  filesOf,
  findEntry,
  findEntryIfAny,
  type Kind,
  listEntries,
  makeEntryDefault,
  type NewEntry,
  registerEntry,
  removeEntry,
  verifyEntry,
} from './entries.ts'

export type { NewFile } from './entries.ts'

/** A kernel of the store. */
export type Kernel = Entry
export type BrokenKernel = BrokenEntry
export type NewKernel = NewEntry

export interface Registered {
  kernel: Kernel
  /** The very same files were there already. */
  already: boolean
}

/** Guest kernels. */
export const kernelKind: Kind = {
  word: 'kernel',
  folder: 'kernels',
  recordName: 'kernel.json',
  example: 'nanos@0.1.54',
  missing: 'UFR-KERNEL-MISSING',
}

/** As `registerEntry`. */
export async function registerKernel(kernel: NewKernel): Promise<Registered> {
  const { entry, already } = await registerEntry(kernelKind, kernel)
  return { kernel: entry, already }
}

/** All kernels of the store: by name, and within a name the one registered last first; broken ones apart. */
export function listKernels(): { kernels: Kernel[]; broken: BrokenKernel[] } {
  const { entries, broken } = listEntries(kernelKind)
  return { kernels: entries, broken }
}

/**
 * A kernel by name and exact version; without a version the default one (pulled or imported last), or the one
 * registered last where the default is gone.
 * @throws UfrError UFR-KERNEL-MISSING where there is none; UFR-STORE-RECORD where it is broken.
 */
export function findKernel(name: string, version?: string): Kernel {
  return findEntry(kernelKind, name, version)
}

/** As `findKernel`, undefined where there is none; a broken one still throws. */
export function findKernelIfAny(name: string, version?: string): Kernel | undefined {
  return findEntryIfAny(kernelKind, name, version)
}

/** Makes a kernel of the store what its name alone stands for. */
export function makeDefault(kernel: Kernel): Kernel {
  return makeEntryDefault(kernelKind, kernel)
}

/**
 * Removes a kernel, broken ones too.
 * @returns the folder that is gone.
 * @throws UfrError UFR-KERNEL-MISSING where there is none.
 */
export function removeKernel(name: string, version: string): string {
  return removeEntry(kernelKind, name, version)
}

/** Absolute paths of a kernel's files of one role, in their recorded order. */
export function kernelFiles(kernel: Kernel, role: string): string[] {
  return filesOf(kernel, role)
}

/**
 * Absolute path of a kernel's only file of a role.
 * @throws UfrError UFR-STORE-RECORD where the kernel has none.
 */
export function kernelFile(kernel: Kernel, role: string): string {
  return fileOf(kernelKind, kernel, role)
}

/** Reads all files of a kernel again. @throws UfrError UFR-STORE-RECORD naming a file whose sha256 has changed. */
export function verifyKernel(kernel: Kernel): void {
  verifyEntry(kernelKind, kernel)
}
