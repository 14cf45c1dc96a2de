import { UfrError } from '../base/errors.ts'
import type { Progress } from '../base/progress.ts'
import type { UnikernelName } from '../function/spec.ts'
import type { ImportOptions } from '../kernel/import.ts'
import type { Registered } from '../kernel/store.ts'

export interface KernelImportOptions extends ImportOptions {
  /** Folder of the kernel's modules, for kernels that have some. */
  modules?: string
}

/** The ways in which a kernel comes into the store. */
export interface KernelSource {
  /** Downloads a version, or the latest. `refresh` looks for a newer one although one is there. */
  pull?(version: string | undefined, options: { refresh: boolean }, progress: Progress): Promise<Registered>
  /** Takes a file or folder of the host: one built there, or an unpacked release. */
  import(path: string, options: KernelImportOptions, progress: Progress): Promise<Registered>
  /** Whether modules go with it. */
  modules?: boolean
}

/** By name; a further kernel is a line here. Nothing of a kernel is loaded before it is asked for. */
const sources: Partial<Record<UnikernelName, KernelSource>> = {
  nanos: {
    pull: async (version, _, progress) => (await import('./nanos/pull.ts')).pullNanos(version, progress),
    import: async (path, options, progress) =>
      (await import('./nanos/import.ts')).importNanos(path, options, progress),
  },
  osv: {
    pull: async (version, _, progress) => (await import('./osv/pull.ts')).pullOsv(version, progress),
    import: async (path, options, progress) =>
      (await import('./osv/import.ts')).importOsv(path, options, progress),
  },
  unikraft: {
    pull: async (reference, options, progress) =>
      (await import('./unikraft/pull.ts')).pullUnikraft(reference, options, progress),
    import: async (path, options, progress) =>
      (await import('./unikraft/import.ts')).importUnikraft(path, options, progress),
  },
  linux: {
    pull: async (version, options, progress) => {
      if (version !== undefined) {
        const what = 'a version of linux cannot be chosen: apt has the one of the Debian suite'
        const fix = 'Run `ufr kernel pull linux`, or import a kernel of your own.'
        throw new UfrError('UFR-USAGE', what, { fix })
      }
      return (await import('./linux/pull.ts')).pullLinux(progress, options)
    },
    import: async (path, options, progress) =>
      (await import('./linux/import.ts')).importLinux(path, options, progress),
    modules: true,
  },
}

/** Names of the kernels that can be had. */
export const kernelNames = Object.keys(sources)

/** @throws UfrError UFR-USAGE where there is no kernel of that name. */
export function kernelSource(name: string): KernelSource {
  const source = Object.hasOwn(sources, name) ? sources[name as UnikernelName] : undefined
  if (source) return source
  throw new UfrError('UFR-USAGE', `there is no kernel called ${name}`, {
    fix: `Kernels are ${kernelNames.join(', ')}.`,
  })
}
