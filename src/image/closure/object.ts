import path from 'node:path'
import { type ErrorCode, UfrError } from '../../base/errors.ts'
import { architectureOf, type ElfFile, elfType, isX86_64, readElf } from '../formats/elf/elf.ts'
import { reading } from '../source.ts'
import type { ViewFile } from './file-view.ts'
import type { Loaded } from './library-search.ts'

/**
 * Reads a file that is to be loaded.
 * @param code what to throw, naming the file, where its bytes are not those of an ELF file.
 */
export function readObject(file: ViewFile, name: string, code: ErrorCode): ElfFile {
  try {
    return reading(file.open(), readElf)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new UfrError(code, `${name} cannot be read: ${reason}`, { cause })
  }
}

/** @throws UfrError UFR-ARCHITECTURE, or UFR-PROGRAM for an ELF file that is not there to be run or loaded. */
export function checkArchitecture(elf: ElfFile, name: string): void {
  if (!isX86_64(elf)) {
    throw new UfrError('UFR-ARCHITECTURE', `${name} is for ${architectureOf(elf)}, the guest runs x86-64`)
  }
  if (elf.type === elfType.executable || elf.type === elfType.shared) return
  const kinds = new Map<number, string>([
    [elfType.relocatable, 'an object file that has not been linked'],
    [elfType.core, 'a core dump'],
  ])
  throw new UfrError('UFR-PROGRAM', `${name} is ${kinds.get(elf.type) ?? `an ELF file of type ${elf.type}`}`)
}

/** The paths of what led to an object, the program first and the object itself last. */
export function neededByChain(object: Loaded): string[] {
  const chain: string[] = []
  for (let l: Loaded | undefined = object; l; l = l.parent) chain.unshift(path.posix.normalize(l.foundAt))
  return chain
}
