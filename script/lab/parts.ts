import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic } from '../../src/base/atomic.ts'
import { UfrError } from '../../src/base/errors.ts'
import { withLock } from '../../src/base/lock.ts'
import { homePath } from '../../src/base/paths.ts'
import { runCommand } from '../../src/base/process.ts'
import type { Progress } from '../../src/base/progress.ts'
import { fetchPackages } from '../../src/kernel/debian/packages.ts'
import { openInitramfs } from './initramfs.ts'

/** What a lab is made of: unpacked packages, and an initramfs of some of them. */
export interface Lab {
  /** Where the packages are unpacked: `usr/bin/…`. */
  root: string
  /** As `uname -r` prints it in the guest. */
  release: string
  initramfs: string
}

/** Debian 13: the first with a QEMU 10, whose emulated processor lets KVM run in a guest (7.2 does not). */
const suite = 'trixie'
const names = [
  ...['qemu-system-x86', 'qemu-system-common', 'qemu-system-data', 'seabios'],
  // The generic kernel: the one for clouds has no KVM.
  'linux-image-amd64>linux-image-',
  ...['busybox-static', 'kmod'],
]
const follow = /^lib/
const neededBytes = 1 << 30
const instead = 'run the tests on a machine whose KVM works; they do without the lab.'

/** The lab below UFR_HOME, which is made at the first call and stays. @throws UfrError UFR-DEBIAN, UFR-DATA */
export async function openLab(progress: Progress): Promise<Lab> {
  const recipe = createHash('sha256').update(JSON.stringify([suite, names, follow.source]))
  const root = homePath('lab', `${suite}-${recipe.digest('hex').slice(0, 12)}`)
  const make = async () => {
    // Whoever waited for the lock may find it made.
    if (!fs.existsSync(root)) await createFolderAtomic(root, (folder) => unpack(folder, progress))
  }
  if (!fs.existsSync(root)) await withLock(homePath('lab/lock'), make, { progress, what: 'the lab' })
  const release = fs.readdirSync(path.join(root, 'usr/lib/modules'))[0]!
  return { root, release, initramfs: await openInitramfs(root, release) }
}

async function unpack(folder: string, progress: Progress): Promise<void> {
  const { bavail, bsize } = fs.statfsSync(folder)
  if (bavail * bsize < neededBytes) {
    throw new UfrError(
      'UFR-DATA',
      `${homePath('lab')} has no room for the lab: it needs 1 GiB while it is made`,
    )
  }
  progress.note(
    `Making the lab in ${homePath('lab')} from packages of Debian ${suite}: 150 MB to download, once`,
  )
  await fetchPackages(names, folder, progress, { suite, follow, instead })
  progress.step("Indexing the kernel's modules")
  const release = fs.readdirSync(path.join(folder, 'usr/lib/modules'))[0]!
  // depmod looks into lib/modules, which is a link in a Debian system, and in no package.
  fs.symlinkSync('usr/lib', path.join(folder, 'lib'))
  const { command, args } = unpacked(folder, 'usr/bin/kmod', 'depmod')
  await runCommand(command, [...args, '-b', folder, release])
  progress.done()
}

/** A program among the unpacked ones, run with their libraries and none of the machine's. */
export function unpacked(
  root: string,
  file: string,
  name = path.basename(file),
): { command: string; args: string[] } {
  const libraries = path.join(root, 'usr/lib/x86_64-linux-gnu')
  const args = ['--argv0', name, '--library-path', libraries, path.join(root, file)]
  return { command: path.join(root, 'usr/lib64/ld-linux-x86-64.so.2'), args }
}
