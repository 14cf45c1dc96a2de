import fs from 'node:fs'
import { errorTable } from '../../base/error-table.ts'
import { UfrError } from '../../base/errors.ts'
import { kernelElf, kernelRelease } from '../../image/formats/bzimage.ts'
import { isX86_64, readElf } from '../../image/formats/elf/elf.ts'
import { checkKernelElf } from '../../image/formats/elf/elf-sections.ts'
import { bytesSource, withSource } from '../../image/source.ts'
import type { Provenance } from '../../kernel/record.ts'
import { type NewFile, type Registered, registerKernel } from '../../kernel/store.ts'
import { type Module, type ModuleClosure, moduleClosure } from './modules.ts'

/** The parts of a Linux guest kernel, wherever they are from. */
export interface LinuxParts {
  /** A bzImage or an uncompressed kernel. */
  vmlinuz: string
  /** Folder as `/lib/modules/RELEASE`. */
  modules: string
  /** A static busybox: the guest's init. */
  busybox: string
  /** Version in the store; the kernel's release where none is given. */
  version?: string
  /** What else to record, such as package versions. */
  details?: Record<string, string>
  provenance: Omit<Provenance, 'at'>
}

const maxKernelBytes = 256 << 20

/** The bytes of a kernel file. @throws UfrError UFR-KERNEL-FILE where it does not exist or is too large for one. */
export function readKernelFile(file: string): Buffer {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile())
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no file`, { fix: 'Give a vmlinuz file.' })
  if (stat.size > maxKernelBytes) {
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no kernel: it has ${stat.size} bytes`)
  }
  return fs.readFileSync(file)
}

/** The release of a kernel file, as `uname -r` prints it. @throws UfrError UFR-KERNEL-FILE where it is no kernel. */
export function releaseOf(file: string): string {
  return unpacking(file, () => kernelRelease(readKernelFile(file)))
}

function unpacking<T>(file: string, use: () => T): T {
  try {
    return use()
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
    const general = error.fix === errorTable['UFR-FORMAT'].fix
    throw new UfrError('UFR-KERNEL-FILE', `${file} is no Linux kernel that can be booted: ${error.message}`, {
      fix: general ? 'Give a whole vmlinuz for x86-64, or use `ufr kernel pull linux`.' : error.fix,
      cause: error,
    })
  }
}

/**
 * Takes a Linux kernel into the store: the bzImage (role `vmlinuz`) and the ELF file inside it (`vmlinux`), its
 * modules uncompressed and in load order (`module`), and `busybox`.
 * @throws UfrError UFR-KERNEL-FILE where a part is truncated or not what it should be, or modules are missing.
 */
export async function registerLinux(parts: LinuxParts): Promise<Registered> {
  const image = readKernelFile(parts.vmlinuz)
  const release = releaseOf(parts.vmlinuz)
  const elf = unpacking(parts.vmlinuz, () => kernelElf(image))
  checkKernelElf(bytesSource(elf), parts.vmlinuz)
  checkBusybox(parts.busybox)
  const closure = await moduleClosure(parts.modules, release)
  if (closure.missing.length > 0) throw missingModules(parts.modules, release, closure)
  const files: NewFile[] = [
    ...(elf.length === image.length ? [] : [{ role: 'vmlinuz', path: 'vmlinuz', from: image }]),
    { role: 'vmlinux', path: 'vmlinux', from: elf },
    ...closure.modules.map(moduleFile),
    { role: 'busybox', path: 'busybox', from: parts.busybox, mode: 0o755 },
  ]
  return registerKernel({
    name: 'linux',
    version: parts.version ?? release,
    files,
    provenance: parts.provenance,
    details: { release, ...parts.details },
  })
}

function moduleFile({ name, bytes }: Module): NewFile {
  return { role: 'module', path: `modules/${name}.ko`, from: bytes }
}

function missingModules(folder: string, release: string, closure: ModuleClosure): UfrError {
  const names = closure.missing.map(({ name, wantedBy }) => (wantedBy ? `${name} (for ${wantedBy})` : name))
  return new UfrError(
    'UFR-KERNEL-FILE',
    `Linux ${release} lacks modules that the guest needs: ${names.join(', ')}`,
    {
      detail: [`looked in ${folder}, and in modules.builtin there`],
      fix: "Install the rest of that kernel's modules, or use `ufr kernel pull linux`.",
    },
  )
}

/** Whether a file is a busybox that runs without any library: the initramfs has none. */
export function isStaticProgram(file: string): boolean {
  if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) return false
  try {
    const elf = withSource(file, readElf)
    return isX86_64(elf) && elf.static
  } catch {
    return false
  }
}

function checkBusybox(file: string): void {
  if (isStaticProgram(file)) return
  throw new UfrError('UFR-KERNEL-FILE', `${file} is no static busybox for x86-64`, {
    fix: "Use Debian's, from the package busybox-static.",
  })
}
