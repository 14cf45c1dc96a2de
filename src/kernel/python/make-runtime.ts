import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import { runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import { type DebianOptions, fetchPackages } from '../debian/packages.ts'
import { type Owners, writeOwners } from '../runtime-owners.ts'
import {
  addLibraries,
  addZonesAndAuthorities,
  folderKey,
  openFolders,
  placeFile,
  runtimePackages,
} from '../runtime-root.ts'
import { type Runtime, readRuntime, recordText, runtimeFolder, runtimeRecord } from '../runtimes.ts'
import { compileFolder } from './compile.ts'
import { copyStandardLibrary } from './standard-library.ts'
import type { PythonSource } from './version.ts'

/** What wheels take for granted (PEP 600) and the interpreter does not need itself. */
const wheelLibraries = ['libgcc_s.so.1', 'libstdc++.so.6']

/** Beside the guest's root: pip, which installs what functions require. */
export const pipName = 'pip.whl'

/**
 * Fetches a Python runtime into the store.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had, UFR-RUNTIME where they are not as expected.
 */
export async function makePythonRuntime(
  { version, suite, libraries }: PythonSource,
  progress: Progress,
  options: DebianOptions,
): Promise<Runtime> {
  const minimal = [`python${version}-minimal`, `libpython${version}-minimal`, `libpython${version}-stdlib`]
  const names = [...minimal, ...libraries, ...runtimePackages, 'python3-pip-whl']
  return withTemporaryFolder(homePath('downloads'), async (packages) => {
    try {
      const owners: Owners = new Map()
      const fetched = await fetchPackages(names, packages, progress, { ...options, suite, owners })
      const full = /^\d+\.\d+\.\d+/.exec(fetched[0]?.version ?? '')?.[0]
      if (full === undefined)
        throw new UfrError('UFR-RUNTIME', `Debian's ${names[0]} has no Python's version`)
      progress.step(`Laying out and compiling the runtime of Python ${full}`)
      await createFolderAtomic(runtimeFolder('python', full), async (made) => {
        const root = path.join(made, 'root')
        const program = `usr/bin/python${version}`
        await layOut(root, program, version, packages, options)
        placeFile(pipWheel(packages), path.join(made, pipName), 0o644)
        const record = {
          language: 'python',
          version: full,
          program,
          key: folderKey(root),
          packages: fetched.map((each) => ({ from: 'debian', ...each })),
          at: new Date().toISOString(),
        }
        writeOwners(made, packages, owners)
        fs.writeFileSync(path.join(made, runtimeRecord), recordText(record), { flush: true })
      })
      return readRuntime('python', full)
    } finally {
      progress.done()
    }
  })
}

async function layOut(
  root: string,
  program: string,
  version: string,
  packages: string,
  { run = runCommand }: DebianOptions,
): Promise<void> {
  const file = path.join(root, program)
  const library = `usr/lib/python${version}`
  placeFile(path.join(packages, program), file, 0o755)
  const modules = copyStandardLibrary(path.join(packages, library), path.join(root, library))
  addLibraries(root, [file, ...modules], packages, wheelLibraries)
  addZonesAndAuthorities(root, packages)
  // Where OpenSSL looks for authorities, as Debian builds it.
  fs.mkdirSync(path.join(root, 'usr/lib/ssl'), { recursive: true })
  fs.symlinkSync('../../../etc/ssl/certs/ca-certificates.crt', path.join(root, 'usr/lib/ssl/cert.pem'))
  await compileFolder({ root, program }, path.join(root, library), `/${library}`, run)
  openFolders(root)
}

function pipWheel(packages: string): string {
  const folder = path.join(packages, 'usr/share/python-wheels')
  const names = fs.existsSync(folder) ? fs.readdirSync(folder) : []
  const name = names.find((each) => /^pip-[\d.]+-py3-none-any\.whl$/.test(each))
  if (name === undefined) throw new UfrError('UFR-RUNTIME', "Debian's python3-pip-whl holds no pip")
  return path.join(folder, name)
}
