import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ImportOptions, importedFrom, importedVersion } from '../../kernel/import.ts'
import type { Provenance } from '../../kernel/record.ts'
import { type RegisteredVmm, registerVmm } from '../../kernel/vmms.ts'
import { findPrograms, type Programs } from './files.ts'
import { type ProgramFacts, programFacts } from './program.ts'

const maxProgramBytes = 1 << 30
const fix =
  'Give a firecracker program, an unpacked release, or a build tree; `ufr vmm pull firecracker` has releases.'

/**
 * Takes a Firecracker of the host into the store, with the jailer beside it: a program, an unpacked release, or a build
 * tree. Its version is the one that it says it has.
 * @throws UfrError UFR-VMM-FILE where there is none, or it is no program that runs here.
 */
export async function importFirecracker(
  from: string,
  options: ImportOptions,
  progress: Progress,
): Promise<RegisteredVmm> {
  const at = path.resolve(from)
  if (!fs.existsSync(at)) throw new UfrError('UFR-VMM-FILE', `${at} does not exist`, { fix })
  const [programs, ...others] = findPrograms(at)
  if (!programs) throw new UfrError('UFR-VMM-FILE', `${at} holds no Firecracker`, { fix })
  if (others.length > 0) {
    const names = others.map(({ firecracker }) => firecracker).join(', ')
    progress.note(`Taking ${programs.firecracker}; there is also ${names}.`)
  }
  progress.step(`Importing Firecracker from ${programs.firecracker}`)
  try {
    return await registerFirecracker(programs, progress, (version) => {
      const sha256 = fileSha256(programs.firecracker)
      const provenance = importedFrom(options, at, sha256)
      return { version: importedVersion(options, version, sha256), provenance }
    })
  } finally {
    progress.done()
  }
}

/** What is to be recorded of a Firecracker that says it has this version. */
type Describe = (version: string) => { version: string; provenance: Omit<Provenance, 'at'> }

/**
 * Checks programs and takes them into the store.
 * @throws UfrError UFR-VMM-FILE; what `describe` throws.
 */
export async function registerFirecracker(
  programs: Programs,
  progress: Progress,
  describe: Describe,
): Promise<RegisteredVmm> {
  return withTemporaryFolder(homePath('downloads'), async (folder) => {
    // Copies are asked and then registered: what was checked is what is kept, whatever happens to the originals.
    const firecracker = copyProgram(programs.firecracker, folder, 'firecracker')
    const facts = await programFacts(firecracker, programs.firecracker)
    if (facts.name !== 'firecracker') {
      throw new UfrError('UFR-VMM-FILE', `${programs.firecracker} is a jailer, not a Firecracker`, { fix })
    }
    const jailer = await jailerFor(facts, programs, folder, progress)
    const details = { linking: facts.linking, ...(programs.profile && { profile: programs.profile }) }
    if (programs.profile === 'debug') progress.note('This is a debug build of Firecracker: it is slower.')
    const files = [{ role: 'firecracker', path: 'firecracker', from: firecracker }]
    if (jailer) files.push({ role: 'jailer', path: 'jailer', from: jailer })
    return registerVmm({ name: 'firecracker', files, details, ...describe(facts.version) })
  })
}

function copyProgram(from: string, folder: string, name: string): string {
  const stat = fs.statSync(from)
  if (!stat.isFile() || stat.size > maxProgramBytes) {
    const what = stat.isFile() ? `has ${stat.size} bytes` : 'is not a file'
    throw new UfrError('UFR-VMM-FILE', `${from} is no Firecracker: it ${what}`, { fix })
  }
  const to = path.join(folder, name)
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE)
  fs.chmodSync(to, 0o755)
  return to
}

/** The jailer of the same version, undefined and a word on it where there is none: Firecracker runs without, too. */
async function jailerFor(
  { version, linking }: ProgramFacts,
  programs: Programs,
  folder: string,
  progress: Progress,
): Promise<string | undefined> {
  const without = (why: string) => void progress.note(`${why}: this Firecracker will run without a jailer.`)
  if (!programs.jailer) return without(`There is no jailer beside ${programs.firecracker}`)
  const jailer = copyProgram(programs.jailer, folder, 'jailer')
  const facts = await programFacts(jailer, programs.jailer)
  if (facts.name !== 'jailer') return without(`${programs.jailer} is no jailer`)
  if (facts.version !== version)
    return without(`${programs.jailer} is of version ${facts.version}, not ${version}`)
  if (linking === 'dynamic')
    progress.note(
      'This Firecracker needs shared libraries, so it cannot run in a jail: build it against musl.',
    )
  return jailer
}
