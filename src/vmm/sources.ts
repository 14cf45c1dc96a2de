import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import type { ImportOptions } from '../kernel/import.ts'
import type { RegisteredVmm } from '../kernel/vmms.ts'

/** The ways in which a VMM comes into the store. */
export interface VmmSource {
  /** Downloads a version, or the latest. */
  pull(version: string | undefined, progress: Progress): Promise<RegisteredVmm>
  /** Takes a file or folder of the host: one built there, or an unpacked release. */
  import(path: string, options: ImportOptions, progress: Progress): Promise<RegisteredVmm>
}

/** By name: those that are not simply the host's own, as QEMU is. */
const sources: Record<string, VmmSource> = {
  firecracker: {
    pull: async (version, progress) =>
      (await import('./firecracker/pull.ts')).pullFirecracker(version, progress),
    import: async (path, options, progress) =>
      (await import('./firecracker/import.ts')).importFirecracker(path, options, progress),
  },
}

/** Names of the VMMs that can be had. */
export const vmmNames = Object.keys(sources)

/** @throws UfrError UFR-USAGE where no VMM of that name is kept in the store. */
export function vmmSource(name: string): VmmSource {
  const source = Object.hasOwn(sources, name) ? sources[name] : undefined
  if (source) return source
  const message =
    name === 'qemu'
      ? 'QEMU is not kept in the store: the one on PATH is used'
      : `there is no VMM called ${name}`
  const fix =
    name === 'qemu'
      ? 'Install it (sudo apt-get install qemu-system-x86), or set UFR_QEMU to the program.'
      : `VMMs of the store: ${vmmNames.join(', ')}.`
  throw new UfrError('UFR-USAGE', message, { fix })
}
