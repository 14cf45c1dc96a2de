import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ImportOptions, importedFrom, importedVersion } from '../../kernel/import.ts'
import { findKernelIfAny, type Kernel, type Registered, registerKernel } from '../../kernel/store.ts'
import {
  fileFor,
  type KernelFile,
  type KernelProtocol,
  kernelProtocols,
  protocolsOf,
  readKernel,
  recogniseKernel,
  storedFile,
} from './kernel-file.ts'

/** plat/kvm/Makefile.uk: the names of images; `.dbg` is the same with its symbols, `.gz` compressed. */
const imageName = /_(?:qemu|fc)-x86_64$/
const maxNames = 10_000

interface Found extends KernelFile {
  file: string
}

/**
 * Takes a kernel of Unikraft's ELF loader into the store: a file, or a folder that upstream's build worked in. Which
 * VMM it was built for is read from its header; where the default entry has that for the other VMM, of the same version,
 * the new entry has both.
 * @throws UfrError UFR-KERNEL-FILE where nothing like that is at the path, it is truncated, or of another architecture.
 */
export async function importUnikraft(
  from: string,
  options: ImportOptions,
  progress: Progress,
): Promise<Registered> {
  const at = path.resolve(from)
  progress.step(`Importing Unikraft from ${at}`)
  try {
    const found = kernelsAt(at)
    const first = found.values().next().value!
    const version = importedVersion(options, first.version, fileSha256(first.file))
    const files = new Map([...found].map(([protocol, { file }]) => [protocol, file]))
    const also = addMissing(files, version)
    return await registerKernel({
      name: 'unikraft',
      version,
      files: kernelProtocols.flatMap((protocol) => {
        const file = files.get(protocol)
        return file === undefined ? [] : [storedFile(protocol, file)]
      }),
      provenance: importedFrom(options, at, fileSha256(first.file)),
      ...(also && { details: { also: `${also.version} from ${also.provenance.from}` } }),
    })
  } finally {
    progress.done()
  }
}

/** Adds the kernels that the default entry has besides, where it is of the same version. @returns it, if it is. */
function addMissing(files: Map<KernelProtocol, string>, version: string): Kernel | undefined {
  const there = findKernelIfAny('unikraft')
  if (there?.version !== version && !there?.version.startsWith(`${version}-`)) return undefined
  const missing = protocolsOf(there).filter((protocol) => !files.has(protocol))
  for (const protocol of missing) files.set(protocol, fileFor(there, protocol)!)
  return missing.length > 0 ? there : undefined
}

/** @returns at least one. */
function kernelsAt(at: string): Map<KernelProtocol, Found> {
  const stat = fs.statSync(at, { throwIfNoEntry: false })
  if (!stat) throw nothingThere(at, 'does not exist')
  if (!stat.isDirectory()) return byProtocol([at])
  const folders = [at, path.join(at, 'workdir/build'), path.join(at, 'build')]
  for (const folder of folders) {
    const names = fs.existsSync(folder) ? fs.readdirSync(folder).slice(0, maxNames) : []
    const images = names.filter((name) => imageName.test(name)).map((name) => path.join(folder, name))
    if (images.length > 0) return byProtocol(images)
  }
  throw nothingThere(at, 'holds no image of Unikraft’s for QEMU or Firecracker')
}

function byProtocol(files: string[]): Map<KernelProtocol, Found> {
  const found = new Map<KernelProtocol, Found>()
  for (const file of files) {
    const kernel = recogniseKernel(readKernel(file), file)
    const before = found.get(kernel.protocol)
    if (before) {
      throw new UfrError('UFR-KERNEL-FILE', `${before.file} and ${file} are kernels for the same VMM`, {
        fix: 'Name the one to import.',
      })
    }
    found.set(kernel.protocol, { ...kernel, file })
  }
  return found
}

function nothingThere(at: string, what: string): UfrError {
  const layouts = 'a kernel file (elfloader_qemu-x86_64, elfloader_fc-x86_64) or the folder of a build'
  return new UfrError('UFR-KERNEL-FILE', `${at} ${what}`, { fix: `Give ${layouts}.` })
}
