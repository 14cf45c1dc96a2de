import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { type DebianOptions, type FetchedPackage, fetchPackages } from '../../kernel/debian/packages.ts'
import { regularFile } from '../../kernel/download/archive.ts'
import { listKernels, makeDefault, type Registered } from '../../kernel/store.ts'
import { registerLinux } from './assemble.ts'

/** A metapackage that depends on the newest cloud kernel: small, and with all that a virtual machine needs. */
const metapackage = 'linux-image-cloud-amd64'
const imagePrefix = 'linux-image-'

export interface PullLinuxOptions extends DebianOptions {
  /** Look for a newer kernel although one was pulled before. */
  refresh?: boolean
}

const instead = '`ufr kernel import linux /boot/vmlinuz-…` takes a host kernel with its modules.'

/**
 * Gets Debian's cloud kernel and static busybox: packages downloaded and unpacked, nothing installed. One that was
 * pulled before is taken from the store, without apt or network.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had.
 */
export async function pullLinux(progress: Progress, options: PullLinuxOptions = {}): Promise<Registered> {
  const there = listKernels().kernels.find((each) => each.name === 'linux' && each.provenance.how === 'pull')
  if (there && !options.refresh) return { kernel: makeDefault(there), already: true }
  const names = [`${metapackage}>${imagePrefix}`, 'busybox-static']
  return withTemporaryFolder(homePath('downloads'), async (folder) => {
    const packages = await fetchPackages(names, folder, progress, { instead, ...options })
    const [image, busybox] = packages
    if (!image || !busybox) throw new UfrError('UFR-DEBIAN', `${names.join(', ')}: not all packages came`)
    progress.step('Taking the Linux kernel into the store')
    try {
      return await registerUnpacked(folder, image, busybox)
    } finally {
      progress.done()
    }
  })
}

async function registerUnpacked(
  folder: string,
  image: FetchedPackage,
  busybox: FetchedPackage,
): Promise<Registered> {
  const release = image.name.slice(imagePrefix.length)
  // Debian 13 and later put modules below /usr, where /lib is a link.
  const modules = ['lib', 'usr/lib'].map((lib) => path.join(folder, lib, 'modules', release))
  return registerLinux({
    vmlinuz: unpackedFile(folder, image, [`boot/vmlinuz-${release}`]),
    modules: modules.find((each) => fs.existsSync(each)) ?? modules[0]!,
    busybox: unpackedFile(folder, busybox, ['bin/busybox', 'usr/bin/busybox']),
    version: image.version,
    details: { package: image.name, busybox: busybox.version },
    provenance: { how: 'pull', from: `Debian package ${image.name} ${image.version}`, sha256: image.sha256 },
  })
}

function unpackedFile(folder: string, from: FetchedPackage, places: string[]): string {
  for (const place of places) {
    const file = regularFile(folder, place)
    if (file !== undefined) return file
  }
  throw new UfrError('UFR-DEBIAN', `Debian's ${from.name} ${from.version} holds no ${places[0]}`)
}

/** Unpacks Debian's static busybox below a folder. @returns its path. */
export async function fetchBusybox(
  folder: string,
  progress: Progress,
  options: DebianOptions,
): Promise<string> {
  const hint = 'have a static busybox at /bin/busybox.'
  const [busybox] = await fetchPackages(['busybox-static'], folder, progress, { instead: hint, ...options })
  if (!busybox) throw new UfrError('UFR-DEBIAN', 'busybox-static did not come')
  return unpackedFile(folder, busybox, ['bin/busybox', 'usr/bin/busybox'])
}
