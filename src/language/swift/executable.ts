import { UfrError } from '../../base/errors.ts'
import type { ViewFile } from '../../image/closure/file-view.ts'
import { type ElfFile, readElf } from '../../image/formats/elf/elf.ts'
import { readSections } from '../../image/formats/elf/elf-sections.ts'
import { reading } from '../../image/source.ts'
import { type SwiftLibraries, swiftLibraries } from '../../kernel/swift/toolchain.ts'

/** What a ready-made program of Swift runs with. */
export interface SwiftParts {
  /** Folder of the host that shared libraries are taken from. */
  root: string
  /** Where Swift's own are in it. */
  extraLibraryPaths: string[]
}

const ownLibraries = /^lib(swift|_?Foundation|dispatch|BlocksRuntime|_?Testing|XCTest)\w*\.so$/
const mostStringBytes = 16 << 20

/**
 * What a program that was built elsewhere needs of a toolchain: Swift's shared libraries, and a C library that is new
 * enough. Undefined for a program that is none of Swift's, or needs nothing.
 * @throws UfrError UFR-LIBRARY where its C library has to be newer than what there is.
 */
export function swiftParts(
  file: ViewFile,
  command: string,
  toolchains: () => SwiftLibraries[] = swiftLibraries,
  hostGlibc: () => number | undefined = glibcOfHost,
): SwiftParts | undefined {
  const program = readProgram(file)
  if (program === undefined || !isSwift(program)) return undefined
  const own = program.elf.needed.some((name) => ownLibraries.test(name))
  const wanted = newestGlibc(program.strings)
  const host = hostGlibc()
  const fits = host === undefined || wanted <= host
  if (!own && fits) return undefined
  const found = toolchains().find(({ root }) => fits || root !== '/')
  if (found) return { root: found.root, extraLibraryPaths: own ? [found.folder] : [] }
  if (fits) return undefined
  throw new UfrError('UFR-LIBRARY', `${command} needs glibc 2.${wanted}, and this host has 2.${host}`, {
    fix: '`ufr runtime pull swift` brings a newer one (444 MB); or build it from its sources here.',
  })
}

/** A program as far as it matters here. */
interface SwiftProgram {
  elf: ElfFile
  strings: Buffer
  sections: string[]
}

function readProgram(file: ViewFile): SwiftProgram | undefined {
  try {
    return reading(file.open(), (source) => {
      const elf = readElf(source)
      const { offset, size } = elf.strings ?? { offset: 0, size: 0 }
      const strings = Buffer.from(source.read(offset, Math.min(size, mostStringBytes)))
      return { elf, strings, sections: elf.class === 64 ? readSections(source).map(({ name }) => name) : [] }
    })
  } catch (error) {
    // What is wrong with it is said by whoever is to run it.
    if (error instanceof UfrError) return undefined
    throw error
  }
}

/** Whether a program of Swift's has libdispatch in it, which waits for signals as its main task. */
export function waitsForSignals(file: ViewFile): boolean {
  const program = readProgram(file)
  return program !== undefined && isSwift(program) && program.strings.includes('\0sigsuspend\0')
}

/** Its metadata are in sections of such names, or it asks for Swift's own libraries. */
function isSwift({ elf, sections }: SwiftProgram): boolean {
  return (
    sections.some((name) => name.startsWith('swift5_')) || elf.needed.some((name) => ownLibraries.test(name))
  )
}

/** Of versions of symbols as they are written: GLIBC_2.38. */
export function newestGlibc(strings: Buffer): number {
  const versions = [...strings.toString('latin1').matchAll(/\0GLIBC_2\.(\d{1,3})(?=[.\0])/g)]
  return Math.max(0, ...versions.map(([, minor]) => Number(minor)))
}

/** The second number of the host's glibc, as the Node.js that runs this found it. */
function glibcOfHost(): number | undefined {
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } }
  const minor = /^2\.(\d+)/.exec(header?.glibcVersionRuntime ?? '')?.[1]
  return minor === undefined ? undefined : Number(minor)
}
