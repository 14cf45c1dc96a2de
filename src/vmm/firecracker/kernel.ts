import fs from 'node:fs'
import { writeFileAtomic } from '../../base/atomic.ts'
import { systemCode, UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import { type ElfFile, isX86_64, readElf } from '../../image/formats/elf/elf.ts'
import { type ElfNote, isPvhNote, readNotes } from '../../image/formats/elf/elf-notes.ts'
import { withSource } from '../../image/source.ts'
import type { BootProtocol, MachineSpec } from '../machine.ts'

/** How Firecracker can start a kernel. */
export const protocols: readonly BootProtocol[] = ['pvh', 'linux']

/** A type that no note of Xen's has. */
const hiddenType = 0x7566_7200

type Kernel = MachineSpec['kernel']

/**
 * The file that makes Firecracker start a kernel in the way that suits it best. Firecracker has no setting for that:
 * it takes PVH where it sees a note (linux-loader, loader/elf) and the 64-bit boot protocol of Linux elsewhere. So a
 * kernel that prefers the latter is given in a copy of which the note has another type; the copy stays in UFR_HOME.
 * @throws UfrError UFR-VMM-KERNEL for what Firecracker cannot start in any way that the kernel knows.
 */
export function bootFile(kernel: Kernel): string {
  const notes = kernelNotes(kernel.file)
  // Of several segments of notes Firecracker minds the last one only.
  const seen = notes.at(-1)?.some(isPvhNote) ?? false
  for (const protocol of kernel.protocols) {
    if (protocol === 'pvh' && seen) return kernel.file
    if (protocol === 'linux') return seen ? withoutPvh(kernel, notes.flat()) : kernel.file
  }
  const lacks = kernel.protocols.includes('pvh') ? ', and it has no note for PVH' : ''
  throw cannotStart(kernel.file, `it boots by ${kernel.protocols.join(', ')} only${lacks}`)
}

function kernelNotes(file: string): ElfNote[][] {
  try {
    return withSource(file, (source) => {
      const elf = readElf(source)
      requireKernel(file, elf)
      return readNotes(source, elf)
    })
  } catch (error) {
    const isFormat = error instanceof UfrError && error.code === 'UFR-FORMAT'
    if (isFormat || systemCode(error) !== undefined) throw cannotStart(file, (error as Error).message, error)
    throw error
  }
}

/** Below one MiB are Firecracker's own tables (layout::HIMEM_START). */
const leastAddress = 0x10_0000n

function requireKernel(file: string, elf: ElfFile): void {
  if (!isX86_64(elf)) throw cannotStart(file, 'it is not for 64-bit x86 processors')
  if (elf.entry < leastAddress) throw cannotStart(file, 'its entry lies below 1 MiB')
}

function withoutPvh({ file, digest }: Kernel, notes: ElfNote[]): string {
  const hidden = homePath('cache', 'no-pvh', `${digest}.elf`)
  // A digest stands for the same bytes for ever.
  if (fs.statSync(hidden, { throwIfNoEntry: false })?.size === fs.statSync(file).size) return hidden
  const bytes = fs.readFileSync(file)
  for (const { typeOffset } of notes.filter(isPvhNote)) bytes.writeUInt32LE(hiddenType, typeOffset)
  writeFileAtomic(hidden, bytes, { sync: false })
  return hidden
}

function cannotStart(file: string, why: string, cause?: unknown): UfrError {
  return new UfrError('UFR-VMM-KERNEL', `Firecracker cannot start ${file}: ${why}`, { cause })
}
