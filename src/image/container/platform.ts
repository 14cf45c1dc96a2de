import { UfrError } from '../../base/errors.ts'
import type { Descriptor, Index, Platform } from './document.ts'

/** Other names of the guests' architecture: that of Go, which container images have, and that of the kernels. */
const x86 = new Set(['amd64', 'x86_64', 'x86-64'])

/** Whether it is what guests are: Linux on x86-64. */
export function isForGuests({ os, architecture }: Pick<Platform, 'os' | 'architecture'>): boolean {
  return os === 'linux' && x86.has(architecture)
}

/** As people write it: `linux/arm64`. */
export function platformName({ os, architecture }: Pick<Platform, 'os' | 'architecture'>): string {
  return `${os || 'unknown'}/${architecture || 'unknown'}`.slice(0, 80)
}

/**
 * The manifest for an operating system (for unikernels: for a VMM) on x86-64; of several, the one of the newest version
 * of it, and of those the last.
 */
export function manifestFor(index: Index, os: string): Descriptor | undefined {
  const fits = index.manifests.filter(({ platform }) => platform?.os === os && x86.has(platform.architecture))
  return fits.reduce<Descriptor | undefined>(
    (best, each) => (best && newer(best.platform?.osVersion, each.platform?.osVersion) ? best : each),
    undefined,
  )
}

function newer(one: string | undefined, other: string | undefined): boolean {
  return (one ?? '').localeCompare(other ?? '', 'en', { numeric: true }) > 0
}

/** What there is instead. */
export function missingPlatform(index: Index, shown: string, wanted: string): UfrError {
  const there = index.manifests.flatMap(({ platform }) => (platform ? [platformName(platform)] : []))
  const what =
    there.length > 0 ? [...new Set(there)].slice(0, 20).join(', ') : 'nothing that says for what it is'
  return new UfrError('UFR-DOWNLOAD', `${shown} has nothing for ${wanted}: there is ${what}`, {
    fix: 'Take another image or tag.',
  })
}
