import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { checkKernelElf } from '../../image/formats/elf/elf-sections.ts'
import type { ByteSource } from '../../image/source.ts'
import { withSource } from '../../image/source.ts'
import { regularFile } from '../../kernel/download/archive.ts'
import type { NewFile } from '../../kernel/store.ts'

/** Where upstream puts things, below a build tree or a release folder. */
interface FolderLayout {
  kernel: string
  boot: string
  klibs: string
}

/** nanos: platform/pc/Makefile (BOOTIMG, KERNEL) and Makefile (`release`: klibs are what else is in bin). */
export const buildTree: FolderLayout = {
  kernel: 'output/platform/pc/bin/kernel.img',
  boot: 'output/platform/pc/boot/boot.img',
  klibs: 'output/platform/pc/bin',
}

/** nanos: Makefile (`release`); ops: lepton/const.go (getKlibsDir), ~/.ops/VERSION. */
export const releaseFolder: FolderLayout = { kernel: 'kernel.img', boot: 'boot.img', klibs: 'klibs' }

const maxKernelBytes = 256 << 20
const maxKlibs = 200
const klibName = /^[a-z0-9_]{1,64}$/
const bootSignatureAt = 510

/** Whether a folder has a kernel where a layout puts it. */
export function hasLayout(folder: string, layout: FolderLayout): boolean {
  return fs.existsSync(path.join(folder, layout.kernel))
}

/**
 * The files of a kernel in a folder, each checked: the kernel and klibs to be whole 64-bit x86 ELF files, the boot
 * loader to be a boot sector. Boot loader and klibs may be missing: QEMU starts the kernel without them.
 * @throws UfrError UFR-KERNEL-FILE, UFR-FORMAT where one is a link or something else.
 */
export function nanosFiles(folder: string, layout: FolderLayout): NewFile[] {
  const kernel = regularFile(folder, layout.kernel)
  if (kernel === undefined)
    throw new UfrError('UFR-KERNEL-FILE', `${path.join(folder, layout.kernel)} does not exist`)
  const files = [kernelFile(kernel)]
  const boot = regularFile(folder, layout.boot)
  if (boot !== undefined) files.push(bootFile(boot))
  return [...files, ...klibFiles(folder, layout.klibs)]
}

/** A kernel file alone. @throws UfrError UFR-KERNEL-FILE where it is not a whole kernel. */
export function kernelFile(file: string): NewFile {
  checkElf(file)
  return { role: 'kernel', path: 'kernel.img', from: file }
}

function checkElf(file: string): void {
  const bytes = fs.statSync(file).size
  if (bytes > maxKernelBytes)
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no kernel: it has ${bytes} bytes`)
  withSource(file, (source) => checkKernelElf(source, file))
}

function bootFile(file: string): NewFile {
  const read = (source: ByteSource) =>
    source.size > bootSignatureAt + 2 ? source.read(bootSignatureAt, 2) : []
  const signature = withSource(file, read)
  if (signature[0] !== 0x55 || signature[1] !== 0xaa) {
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no boot loader: its first sector has no boot signature`)
  }
  return { role: 'boot', path: 'boot.img', from: file }
}

/** As upstream's release takes them: everything in the folder but kernels, debug files and tests. */
function klibFiles(folder: string, klibs: string): NewFile[] {
  const at = path.join(folder, klibs)
  if (!fs.lstatSync(at, { throwIfNoEntry: false })?.isDirectory()) return []
  const names = fs.readdirSync(at).filter((name) => klibName.test(name) && name !== 'test')
  if (names.length > maxKlibs)
    throw new UfrError('UFR-KERNEL-FILE', `${at} holds ${names.length} files, too many`)
  return names.sort().map((name) => {
    const file = regularFile(folder, `${klibs}/${name}`) ?? path.join(at, name)
    checkElf(file)
    return { role: 'klib', path: `klibs/${name}`, from: file }
  })
}
