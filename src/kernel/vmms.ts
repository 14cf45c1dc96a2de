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
} from './entries.ts'

/** A virtual machine monitor of the store: its programs, by role. */
export type StoredVmm = Entry
export type NewVmm = NewEntry

export interface RegisteredVmm {
  vmm: StoredVmm
  /** The very same files were there already. */
  already: boolean
}

/** VMMs that are not the host's own. */
export const vmmKind: Kind = {
  word: 'vmm',
  folder: 'vmms',
  recordName: 'vmm.json',
  example: 'firecracker@1.16.1',
  missing: 'UFR-VMM-MISSING',
}

/** As `registerEntry`; every file of a VMM is a program. */
export async function registerVmm(vmm: NewVmm): Promise<RegisteredVmm> {
  const files = vmm.files.map((file) => ({ mode: 0o755, ...file }))
  const { entry, already } = await registerEntry(vmmKind, { ...vmm, files })
  return { vmm: entry, already }
}

/** All VMMs of the store: by name, and within a name the one registered last first; broken ones apart. */
export function listVmms(): { vmms: StoredVmm[]; broken: BrokenEntry[] } {
  const { entries, broken } = listEntries(vmmKind)
  return { vmms: entries, broken }
}

/**
 * A VMM by name and exact version; without a version the default one (pulled, imported or built last).
 * @throws UfrError UFR-VMM-MISSING where there is none; UFR-STORE-RECORD where it is broken.
 */
export function findVmm(name: string, version?: string): StoredVmm {
  return findEntry(vmmKind, name, version)
}

/** As `findVmm`, undefined where there is none; a broken one still throws. */
export function findVmmIfAny(name: string, version?: string): StoredVmm | undefined {
  return findEntryIfAny(vmmKind, name, version)
}

/** Makes a VMM of the store what its name alone stands for. */
export function makeVmmDefault(vmm: StoredVmm): StoredVmm {
  return makeEntryDefault(vmmKind, vmm)
}

/**
 * Removes a VMM, broken ones too.
 * @returns the folder that is gone.
 * @throws UfrError UFR-VMM-MISSING where there is none.
 */
export function removeVmm(name: string, version: string): string {
  return removeEntry(vmmKind, name, version)
}

/**
 * Absolute path of a VMM's program of a role.
 * @throws UfrError UFR-STORE-RECORD where it has none.
 */
export function vmmFile(vmm: StoredVmm, role: string): string {
  return fileOf(vmmKind, vmm, role)
}

/** As `vmmFile`, undefined where the VMM came without: a Firecracker linked against glibc has no jailer. */
export function vmmFileIfAny(vmm: StoredVmm, role: string): string | undefined {
  return filesOf(vmm, role)[0]
}
