import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic } from '../../base/atomic.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import { digestOf } from '../../image/digest.ts'
import { fileSha256 } from '../download/checksum.ts'
import { openFolders } from '../runtime-root.ts'
import type { Runtime } from '../runtimes.ts'
import { compileFolder } from './compile.ts'
import { hostPython } from './host-python.ts'
import { pipName } from './make-runtime.ts'
import { missingLibraries } from './missing-libraries.ts'
import { pipError } from './pip-error.ts'
import { readRequirements } from './requirements-file.ts'
import { writeScripts } from './scripts.ts'

/** What a function requires, installed: packages and the programs that they bring. */
export interface Installed {
  /** Names everything that is in `folder`. */
  key: string
  /** Folder of the host: `lib/python3.X/site-packages`, and `bin` where packages bring programs. */
  folder: string
}

/** Packages of gigabytes are no rarity. */
const installTimeoutMs = 3600_000

/** Where a layer has its packages, as on AWS Lambda; relative to the layer. */
export function packagesFolder(version: string): string {
  return `lib/python${version.split('.').slice(0, 2).join('.')}/site-packages`
}

/**
 * Installs what a requirements.txt names, with the runtime's own interpreter and pip, so that what comes is what this
 * Python on this platform needs, whatever the host has: markers, versions and wheels are chosen by it. Wheels only:
 * nothing is built, and no code of packages runs. What was installed before, for the same text and the same Python,
 * comes from UFR_HOME without any network.
 * @param file absolute path of the requirements.txt; paths in it start from its folder.
 * @param guestPath where the folder will be in the guest: `/opt/python`.
 * @throws UfrError UFR-REQUIREMENTS where they cannot be installed.
 */
export async function installRequirements(
  runtime: Runtime,
  file: string,
  guestPath: string,
  progress: Progress,
  { run = runCommand }: { run?: Runner } = {},
): Promise<Installed | undefined> {
  const requirements = readRequirements(file)
  if (requirements.names.length === 0) return undefined
  const pip = path.join(runtime.folder, pipName)
  const key = digestOf('requirements', runtime.key, fileSha256(pip), guestPath, ...requirements.inputs)
  const folder = homePath('python/packages', key)
  if (fs.existsSync(folder)) return { key, folder }
  const make = async () => {
    // Whoever waited for the lock may find it made.
    if (fs.existsSync(folder)) return
    progress.step(`Installing what ${path.basename(file)} names: ${listed(requirements.names)}`)
    await createFolderAtomic(folder, async (made) => {
      const target = path.join(made, packagesFolder(runtime.version))
      fs.mkdirSync(target, { recursive: true })
      await runPip(runtime, pip, file, target, run)
      writeScripts(target, path.join(made, 'bin'), runtime.program)
      const inGuest = path.posix.join(guestPath, packagesFolder(runtime.version))
      await compileFolder(runtime, target, inGuest, run)
      const missing = missingLibraries(runtime.root, target)
      if (missing !== undefined) progress.note(missing)
      openFolders(made)
    })
  }
  try {
    await withLock(homePath('python/packages.lock'), make, { progress, what: 'Python packages' })
  } finally {
    progress.done()
  }
  return { key, folder }
}

/** The user's settings of pip, without those that are about where packages go: that is said by us. */
function pipEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const own = Object.entries(env).filter(([name]) => !/^PIP_(TARGET|PREFIX|ROOT|NO_BINARY)$/.test(name))
  // These may be in pip.conf, too, which variables overrule.
  return { ...Object.fromEntries(own), PIP_REQUIRE_VIRTUALENV: '0', PIP_USER: '0' }
}

async function runPip(
  runtime: Runtime,
  pip: string,
  file: string,
  target: string,
  run: Runner,
): Promise<void> {
  const { command, args, env } = hostPython(runtime)
  const plain = ['--no-input', '--disable-pip-version-check', '--no-color']
  // pip's own waiting for a network that is not there adds up to a minute.
  if (process.env['PIP_RETRIES'] === undefined) plain.push('--retries', '1')
  const start = [...args, `${pip}/pip`]
  const quiet = ['--quiet', '--no-warn-script-location', ...plain]
  const what = ['--only-binary', ':all:', '--no-compile', '--target', target, '--requirement', file]
  const options = { cwd: path.dirname(file), env: pipEnvironment(env), timeout: installTimeoutMs }
  try {
    await run(command, [...start, 'install', ...quiet, ...what], options)
  } catch (error) {
    throw await pipError(error, runtime, path.basename(file), (words) =>
      run(command, [...start, ...words, ...plain], options),
    )
  }
}

function listed(names: readonly string[]): string {
  const [shown, more] = [names.slice(0, 5).join(', '), names.length - 5]
  return more > 0 ? `${shown} and ${more} more` : shown
}
