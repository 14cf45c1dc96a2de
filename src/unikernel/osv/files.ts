import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { checkKernelElf } from '../../image/formats/elf/elf-sections.ts'
import { withSource } from '../../image/source.ts'
import { regularFile } from '../../kernel/download/archive.ts'
import type { NewFile } from '../../kernel/store.ts'

/** Build folders of upstream's tree (Makefile: `out`), the newer name first; `build/last` is a link to one of them. */
const buildFolders = ['build/release.x64', 'build/debug.x64']
/** osv: Makefile. The first is the second without symbols. */
const kernelNames = ['loader-stripped.elf', 'loader.elf']
/** osv: Makefile: boot sector, room for the command line, packed kernel. */
const bootName = 'loader.img'

export const layouts = `a tree that OSv was built in (${buildFolders[0]}/${kernelNames[0]}), such a build folder, or a loader.elf file`

const maxKernelBytes = 256 << 20
const bootSignatureAt = 510
const greeting = Buffer.from('OSv ')
const maxVersionBytes = 100

/** OSv kernels start programs by their own dynamic linker, and static ones, since this many commits after v0.57.0. */
const oldest = { numbers: [0, 57, 0], commits: 79 }

/** A kernel with what belongs to it. */
export interface OsvFiles {
  files: NewFile[]
  /** As the kernel says it at its start, without the `v`. */
  version: string | undefined
}

/**
 * The files of a build, each checked. The boot loader may be missing: it is only for disks that start by themselves.
 * @returns undefined where the folder is no build folder, nor a tree with one.
 * @throws UfrError UFR-KERNEL-FILE, UFR-FORMAT where one is a link or something else.
 */
export function buildFiles(folder: string): OsvFiles | undefined {
  for (const below of [...buildFolders, '']) {
    for (const name of kernelNames) {
      const kernel = regularFile(folder, path.posix.join(below, name))
      if (kernel === undefined) continue
      const { files, version } = kernelFiles(kernel)
      const boot = regularFile(folder, path.posix.join(below, bootName))
      return { files: boot === undefined ? files : [...files, bootFile(boot)], version }
    }
  }
  return undefined
}

/** A kernel file alone. @throws UfrError UFR-KERNEL-FILE where it is no whole OSv kernel, or one that is too old. */
export function kernelFiles(file: string): OsvFiles {
  const bytes = fs.statSync(file).size
  if (bytes > maxKernelBytes)
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no kernel: it has ${bytes} bytes`)
  withSource(file, (source) => checkKernelElf(source, file))
  const version = versionIn(fs.readFileSync(file))
  if (version === undefined) {
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no OSv kernel: nothing in it says so`, {
      fix: `Give ${layouts}.`,
    })
  }
  if (version !== '') refuseOld(version)
  return {
    files: [{ role: 'kernel', path: 'loader.elf', from: file }],
    version: /^[0-9][\w.+-]*$/.test(version) ? version : undefined,
  }
}

/** What the kernel says of itself at its start (loader.cc, premain): `OSv VERSION`, a line and the end of the text. */
function versionIn(kernel: Buffer): string | undefined {
  for (let at = kernel.indexOf(greeting); at >= 0; at = kernel.indexOf(greeting, at + 1)) {
    const text = kernel.toString('latin1', at + greeting.length, at + greeting.length + maxVersionBytes)
    const version = /^v?([\x21-\x7e]*)\n\0/.exec(text)
    if (version) return version[1]
  }
  return undefined
}

/**
 * Refuses kernels that could not start any program the way ufr does.
 * @param version as `git describe` makes it: `0.57.0`, `0.57.0-398-g0e34e4dc`; others are taken for new enough.
 * @throws UfrError UFR-KERNEL-FILE
 */
export function refuseOld(version: string): void {
  const match = /^(\d+)\.(\d+)\.(\d+)(?:-(\d+)-g[0-9a-f]+)?$/.exec(version)
  if (!match) return
  const numbers = match.slice(1, 4).map(Number)
  const at = numbers.findIndex((number, i) => number !== oldest.numbers[i])
  const order = at < 0 ? Number(match[4] ?? 0) - oldest.commits : numbers[at]! - oldest.numbers[at]!
  if (order >= 0) return
  throw new UfrError(
    'UFR-KERNEL-FILE',
    `OSv ${version} is too old: programs with a dynamic linker of their own, and static ones, came ${oldest.commits} commits after v0.57.0`,
    {
      fix: "Pull the build of upstream's newest sources (`ufr kernel pull osv`), or build and import one (docs/kernels.md).",
    },
  )
}

function bootFile(file: string): NewFile {
  const signature = withSource(file, (source) =>
    source.size > bootSignatureAt + 2 ? source.read(bootSignatureAt, 2) : [],
  )
  if (signature[0] !== 0x55 || signature[1] !== 0xaa) {
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no boot loader: its first sector has no boot signature`)
  }
  return { role: 'boot', path: bootName, from: file }
}
