import fs from 'node:fs'
import { UfrError } from '../../base/errors.ts'
import { type ElfFile, machineX86_64, readElf } from '../../image/formats/elf/elf.ts'
import { bytesSource } from '../../image/source.ts'
import type { Kernel, NewFile } from '../../kernel/store.ts'
import { kernelFiles } from '../../kernel/store.ts'
import type { BootProtocol } from '../../vmm/machine.ts'

/** Upstream builds a kernel for each VMM, and one of them starts in one way only: which it is shows in its header. */
export const kernelRoles = {
  multiboot: 'kernel-qemu',
  linux: 'kernel-fc',
} as const satisfies Partial<Record<BootProtocol, string>>

export type KernelProtocol = keyof typeof kernelRoles

export const kernelProtocols = Object.keys(kernelRoles) as KernelProtocol[]

/** The VMM that upstream builds a kernel with this protocol for. */
export const vmmNames: Record<KernelProtocol, string> = { multiboot: 'QEMU', linux: 'Firecracker' }

/** What a kernel file tells of itself. */
export interface KernelFile {
  protocol: KernelProtocol
  /** Such as 0.17.0, where the kernel has its version in it. */
  version: string | undefined
}

const maxKernelBytes = 64 << 20
const machine386 = 3
/** Multiboot specification 0.6.96, 3.1: the header is in the first 8 KiB, on a boundary of 4. */
const multibootBytes = 8192
const multibootMagic = 0x1badb002
/** plat/common/include/uk/plat/common/bootinfo.h: UKPLAT_BOOTINFO_MAGIC, in the data that upstream's build fills in. */
const bootInfo = Buffer.from([0xb0, 0xb0, 0x07, 0xb0])
/** lib/vfscore/automount.c: by this name the root's archive is asked for. */
const archiveDevice = 'initrd0\0'

/**
 * The bytes of a kernel file.
 * @throws UfrError UFR-KERNEL-FILE where there is none, or it is too large for one.
 */
export function readKernel(file: string): Buffer {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  if (!stat?.isFile()) throw wrong(file, 'there is no such file')
  if (stat.size > maxKernelBytes) throw wrong(file, `it has ${stat.size} bytes`)
  return fs.readFileSync(file)
}

/**
 * Recognises a kernel of Unikraft's, and which VMM it was built for.
 * @param shown how the file is named in messages.
 * @throws UfrError UFR-KERNEL-FILE for anything else, and for one that takes no archive as its root.
 */
export function recogniseKernel(bytes: Buffer, shown: string): KernelFile {
  const elf = whole(bytes, shown)
  const protocol = protocolOf(elf, bytes)
  if (protocol === undefined) {
    const why = `it is for ${elf.class === 64 ? 'no 64-bit x86 processor' : 'QEMU, but has no multiboot header'}`
    throw wrong(shown, elf.machine === machine386 || elf.class === 64 ? why : 'it is for another processor')
  }
  if (!bytes.includes(bootInfo)) throw wrong(shown, 'nothing in it is of Unikraft')
  if (!bytes.includes(archiveDevice)) {
    throw wrong(shown, 'it was built without a root from an initrd (CONFIG_LIBUKCPIO, fstab)')
  }
  return { protocol, version: versionIn(bytes) }
}

function protocolOf(elf: ElfFile, bytes: Buffer): KernelProtocol | undefined {
  if (elf.class === 64) return elf.machine === machineX86_64 && elf.littleEndian ? 'linux' : undefined
  return elf.machine === machine386 && hasMultiboot(bytes) ? 'multiboot' : undefined
}

function hasMultiboot(bytes: Buffer): boolean {
  for (let at = 0; at + 12 <= Math.min(bytes.length, multibootBytes); at += 4) {
    if (bytes.readUInt32LE(at) !== multibootMagic) continue
    const sum = multibootMagic + bytes.readUInt32LE(at + 4) + bytes.readUInt32LE(at + 8)
    if (sum % 2 ** 32 === 0) return true
  }
  return false
}

/** @throws UfrError UFR-KERNEL-FILE where something that is to be loaded is not there. */
function whole(bytes: Buffer, shown: string): ElfFile {
  let elf: ElfFile
  try {
    elf = readElf(bytesSource(bytes))
  } catch (cause) {
    throw wrong(shown, (cause as Error).message, cause)
  }
  const loaded = elf.programHeaders.filter(({ type, fileSize }) => type === 1 && fileSize > 0)
  if (loaded.length === 0) throw wrong(shown, 'it has nothing to load')
  const end = Math.max(...loaded.map(({ offset, fileSize }) => offset + fileSize))
  if (end <= bytes.length) return elf
  throw new UfrError('UFR-KERNEL-FILE', `${shown} is truncated: it has ${bytes.length} bytes of ${end}`, {
    fix: 'Build or download it again.',
  })
}

/** `0.17.0~eaf6fda1`: Makefile (UK_FULLVERSION), in the banner and in what each library says of itself. */
function versionIn(bytes: Buffer): string | undefined {
  return /(?<![\d.])(\d{1,3}\.\d{1,3}\.\d{1,3})~[0-9a-f]{7,40}/.exec(bytes.toString('latin1'))?.[1]
}

function wrong(shown: string, why: string, cause?: unknown): UfrError {
  return new UfrError('UFR-KERNEL-FILE', `${shown} is no kernel of Unikraft's ELF loader: ${why}`, {
    fix: 'Give the file that upstream’s build makes of its application elfloader: elfloader_qemu-x86_64 or elfloader_fc-x86_64.',
    cause,
  })
}

/** A kernel file as the store takes it. */
export function storedFile(protocol: KernelProtocol, from: string | Uint8Array): NewFile {
  return { role: kernelRoles[protocol], path: kernelRoles[protocol], from }
}

/** A kernel's file for a protocol, if the entry holds one. */
export function fileFor(kernel: Kernel, protocol: KernelProtocol): string | undefined {
  return kernelFiles(kernel, kernelRoles[protocol])[0]
}

/** What an entry of the store holds kernels for. */
export function protocolsOf(kernel: Kernel): KernelProtocol[] {
  return kernelProtocols.filter((protocol) => fileFor(kernel, protocol) !== undefined)
}
