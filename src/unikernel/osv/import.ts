import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ImportOptions, importedFrom, importedVersion } from '../../kernel/import.ts'
import { type Registered, registerKernel } from '../../kernel/store.ts'
import { buildFiles, kernelFiles, layouts } from './files.ts'

/**
 * Takes an OSv kernel into the store: from a tree or folder that upstream's `scripts/build` worked in, or a file alone.
 * Its version is what the kernel itself says, or the first digits of its sha256.
 * @throws UfrError UFR-KERNEL-FILE where nothing like that is at the path, the kernel is truncated, of another
 * architecture or too old.
 */
export async function importOsv(
  from: string,
  options: ImportOptions,
  progress: Progress,
): Promise<Registered> {
  const at = path.resolve(from)
  const stat = fs.statSync(at, { throwIfNoEntry: false })
  if (!stat) throw nothingThere(at, 'does not exist')
  progress.step(`Importing OSv from ${at}`)
  try {
    const found = stat.isDirectory() ? buildFiles(at) : kernelFiles(at)
    if (!found) throw nothingThere(at, 'holds no OSv kernel')
    const sha256 = fileSha256(found.files[0]!.from as string)
    return await registerKernel({
      name: 'osv',
      version: importedVersion(options, found.version, sha256),
      files: found.files,
      provenance: importedFrom(options, at, sha256),
    })
  } finally {
    progress.done()
  }
}

function nothingThere(at: string, what: string): UfrError {
  return new UfrError('UFR-KERNEL-FILE', `${at} ${what}`, { fix: `Give ${layouts}.` })
}
