import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import { type Runner, runCommand } from '../../base/process.ts'
import { type DebianArchive, debianArchives } from './sources.ts'

/** The suite that packages come from, whatever the host runs, so that the same inputs give the same image anywhere. */
const standardSuite = 'bookworm'

export interface AptOptions {
  run?: Runner
  /** The machine's own apt configuration, of which only sources and network settings are read. */
  machine?: string
  /** Another suite than ours, such as `trixie`; it has lists and caches of its own. */
  suite?: string
}

/** An apt of our own: its lists, caches and sources are below UFR_HOME, and nothing of the machine's is written. */
export interface Apt {
  run(
    command: 'apt-get' | 'apt-cache',
    args: readonly string[],
    cwd?: string,
  ): Promise<{ stdout: string; stderr: string }>
  /** Whether the machine's sources are others than at the last call: the lists have to be had again. */
  changed: boolean
  /** When the lists were last updated, in milliseconds since 1970; 0 for never. */
  updated: number
  markUpdated(): void
}

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg'
const install = 'apt-get comes with Debian and Ubuntu only'

/** Where the apt for a suite has all its files. */
export function aptFolder({ suite = standardSuite }: AptOptions): string {
  return homePath(suite === standardSuite ? 'apt' : `apt-${suite}`)
}

/** @throws UfrError UFR-DEBIAN where the machine has no Debian archive among its package sources. */
export async function openApt(options: AptOptions = {}): Promise<Apt> {
  const run = options.run ?? runCommand
  const machine = options.machine ?? '/etc/apt'
  const suite = options.suite ?? standardSuite
  const folder = aptFolder(options)
  if (/["\\\n]/.test(folder)) throw new UfrError('UFR-USAGE', `apt cannot work in ${JSON.stringify(folder)}`)
  const archives = debianArchives(readSources(machine))
  if (!archives.some((archive) => archive.kind === 'main')) {
    throw new UfrError('UFR-DEBIAN', `There is no Debian archive among the package sources in ${machine}`, {
      fix: `Add one there: a mirror of Debian with the suite ${suite}, component main, key ${keyring}.`,
    })
  }
  for (const part of ['etc/apt.conf.d', 'etc/sources.list.d', 'etc/preferences.d', 'state/lists/partial']) {
    fs.mkdirSync(path.join(folder, part), { recursive: true })
  }
  fs.mkdirSync(path.join(folder, 'cache/archives/partial'), { recursive: true })
  writeChanged(path.join(folder, 'state/status'), '')
  const sources = writeChanged(path.join(folder, 'etc/sources.list'), sourcesText(archives, suite))
  const network = await networkSettings(run)
  writeChanged(path.join(folder, 'etc/apt.conf'), configurationText(folder, machine, network), 0o600)
  const env = { ...process.env, LC_ALL: 'C', APT_CONFIG: path.join(folder, 'etc/apt.conf') }
  const stamp = path.join(folder, 'state/updated')
  return {
    run: (command, args, cwd) => run(command, args, { env, install, ...(cwd === undefined ? {} : { cwd }) }),
    changed: sources,
    updated: fs.statSync(stamp, { throwIfNoEntry: false })?.mtimeMs ?? 0,
    markUpdated: () => writeFileAtomic(stamp, ''),
  }
}

/** Writes a file if its content is another than it was. @returns whether it was. */
function writeChanged(file: string, text: string, mode = 0o644): boolean {
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return false
  writeFileAtomic(file, text, { mode })
  return true
}

function readSources(machine: string): { name: string; text: string }[] {
  const folder = path.join(machine, 'sources.list.d')
  const names = fs.existsSync(folder) ? fs.readdirSync(folder).sort() : []
  return [path.join(machine, 'sources.list'), ...names.map((name) => path.join(folder, name))].flatMap(
    (file) => {
      try {
        return [{ name: path.basename(file), text: fs.readFileSync(file, 'utf8') }]
      } catch {
        // Not there, a folder, or not ours to read: the others may do.
        return []
      }
    },
  )
}

function sourcesText(archives: readonly DebianArchive[], suite: string): string {
  const lines = archives.flatMap(({ uri, kind, updates, trusted }) => {
    const trust = trusted ? 'trusted=yes' : fs.existsSync(keyring) ? `signed-by=${keyring}` : ''
    const suites =
      kind === 'security' ? [`${suite}-security`] : updates ? [suite, `${suite}-updates`] : [suite]
    return suites.map((each) => `deb [arch=amd64${trust === '' ? '' : ` ${trust}`}] ${uri} ${each} main`)
  })
  return `${lines.join('\n')}\n`
}

/**
 * The machine's settings of how archives are reached (proxies, certificates, validity), as lines of apt's own syntax.
 * Nothing else is taken over: hooks such as APT::Update::Post-Invoke would act on the machine.
 */
async function networkSettings(run: Runner): Promise<string[]> {
  const { stdout } = await run('apt-config', ['dump'], { install })
  const wanted = /^Acquire::(?:https?::|(?:Check-Valid-Until|Check-Date|Max-ValidTime|ForceIPv[46]|Retries) )/
  return stdout.split('\n').filter((line) => wanted.test(line) && line.endsWith(';'))
}

function configurationText(folder: string, machine: string, network: readonly string[]): string {
  return [
    `Dir::Etc "${folder}/etc/";`,
    `Dir::Etc::netrc "${machine}/auth.conf";`,
    `Dir::Etc::netrcparts "${machine}/auth.conf.d";`,
    `Dir::Etc::trusted "${machine}/trusted.gpg";`,
    `Dir::Etc::trustedparts "${machine}/trusted.gpg.d";`,
    `Dir::State "${folder}/state/";`,
    `Dir::State::status "${folder}/state/status";`,
    `Dir::Cache "${folder}/cache/";`,
    // Two caches of 40 MB each would save a second of a download that is done once.
    'Dir::Cache::pkgcache "";',
    'Dir::Cache::srcpkgcache "";',
    'APT::Architecture "amd64";',
    'APT::Architectures { "amd64"; };',
    // As root, apt would download as _apt, who cannot write below a home folder, and warn about it.
    'APT::Sandbox::User "root";',
    'Acquire::Languages "none";',
    'Acquire::PDiffs "false";',
    'Acquire::GzipIndexes "true";',
    // An archive that never answers is waited for this long, this often, for each of two files: a minute.
    'Acquire::Retries "1";',
    'Acquire::http::Timeout "15";',
    'Acquire::https::Timeout "15";',
    ...network,
    '',
  ].join('\n')
}
