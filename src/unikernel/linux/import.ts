import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { DebianOptions } from '../../kernel/debian/packages.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ImportOptions, importedFrom } from '../../kernel/import.ts'
import { kernelFiles, listKernels, type Registered } from '../../kernel/store.ts'
import { isStaticProgram, registerLinux, releaseOf } from './assemble.ts'
import { fetchBusybox } from './pull.ts'

export interface ImportLinuxOptions extends DebianOptions, ImportOptions {
  /**
   * Folder of the kernel's modules, or one with `lib/modules/RELEASE` in it. Default: `lib/modules/RELEASE` beside the
   * kernel's `boot` folder, else on the host.
   */
  modules?: string
  /** A static busybox. Default: the host's, else one of the store, else Debian's. */
  busybox?: string
}

/** Where hosts have busybox; Debian's busybox-static puts it into /bin. */
const hostBusyboxes = ['/bin/busybox', '/usr/bin/busybox', '/bin/busybox.static', '/usr/bin/busybox.static']

/**
 * Takes a host's kernel into the store with the modules that a guest needs.
 * @param vmlinuz such as `/boot/vmlinuz-6.1.0-18-amd64`; an uncompressed vmlinux does too.
 * @throws UfrError UFR-KERNEL-FILE where it is no whole kernel, or modules are missing and not built in either.
 */
export async function importLinux(
  vmlinuz: string,
  options: ImportLinuxOptions,
  progress: Progress,
): Promise<Registered> {
  const file = path.resolve(vmlinuz)
  const release = releaseOf(file)
  const modules = modulesFolder(release, file, options.modules)
  progress.step(`Importing Linux ${release} from ${file}`)
  try {
    return await withTemporaryFolder(homePath('downloads'), async (folder) => {
      const busybox = options.busybox ?? hostBusybox() ?? (await fetchBusybox(folder, progress, options))
      const provenance = importedFrom(options, file, fileSha256(file))
      const version = options.version ?? release
      return registerLinux({ vmlinuz: file, modules, busybox, version, provenance })
    })
  } finally {
    progress.done()
  }
}

function modulesFolder(release: string, vmlinuz: string, given: string | undefined): string {
  const boot = path.dirname(vmlinuz)
  // An unpacked package or another system's root has `lib/modules` beside `boot`.
  const roots = path.basename(boot) === 'boot' ? [path.dirname(boot), '/'] : ['/']
  const places =
    given === undefined
      ? roots.flatMap((root) => ['lib', 'usr/lib'].map((lib) => path.join(root, lib, 'modules', release)))
      : [path.join(given, 'lib/modules', release), path.join(given, release), given]
  const found = places.find((each) => fs.existsSync(path.join(each, 'kernel')) || isModuleFolder(each))
  if (found !== undefined) return found
  throw new UfrError(
    'UFR-KERNEL-FILE',
    `The modules of Linux ${release} are not there: ${places.join(', ')}`,
    {
      fix: "Install that kernel's modules, unpack its package and name boot/vmlinuz there, or use `ufr kernel pull linux`.",
    },
  )
}

/** A kernel with everything built in has a folder of modules without any. */
function isModuleFolder(folder: string): boolean {
  return fs.existsSync(path.join(folder, 'modules.builtin'))
}

function hostBusybox(): string | undefined {
  const stored = listKernels().kernels.flatMap((kernel) => kernelFiles(kernel, 'busybox'))
  return [...hostBusyboxes, ...stored].find(isStaticProgram)
}
