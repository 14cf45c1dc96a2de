import fs from 'node:fs'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { extractTarGz, regularFile } from '../../kernel/download/archive.ts'
import { parseSum } from '../../kernel/download/checksum.ts'
import {
  type Downloaded,
  type DownloadOptions,
  download,
  downloadStatus,
  downloadText,
  redirectedTo,
} from '../../kernel/download/download.ts'
import { checkKnownSum, recordKnownSum } from '../../kernel/download/known.ts'
import { listVmms, makeVmmDefault, type RegisteredVmm, type StoredVmm } from '../../kernel/vmms.ts'
import { releaseFolder, releaseName } from './files.ts'
import { registerFirecracker } from './import.ts'

/** firecracker: its page on getting started (`release_url`). Not tried against the server. */
const releases = 'https://github.com/firecracker-microvm/firecracker/releases'

/** firecracker: tools/gh_release.py (`version`), without the v. */
const versionPattern = /^\d{1,4}\.\d{1,4}\.\d{1,4}$/

/** firecracker: tools/gh_release.py (`release_tgz`); its checksum has `.sha256.txt` behind it (`sha256sums`). */
function archiveName(version: string): string {
  return `firecracker-v${version}-x86_64.tgz`
}

/**
 * Gets upstream's official release, the latest or the version named: firecracker and jailer, checked against the sha256
 * that upstream publishes and against that of the first download here. A version that was pulled before is taken from
 * the store, without any network.
 * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM (nothing is kept), UFR-VMM-FILE where the archive holds something else.
 */
export async function pullFirecracker(
  asked: string | undefined,
  progress: Progress,
  options: DownloadOptions = {},
): Promise<RegisteredVmm> {
  const version = asked?.replace(/^v/, '')
  if (version !== undefined && !versionPattern.test(version)) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(asked)} is no version of a Firecracker release`, {
      fix: 'Versions look like 1.16.1; without one, the latest is pulled.',
    })
  }
  const use = () => pull(version, progress, options)
  return withLock(homePath('downloads', 'firecracker.lock'), use, { progress, what: 'a pull of firecracker' })
}

async function pull(
  asked: string | undefined,
  progress: Progress,
  options: DownloadOptions,
): Promise<RegisteredVmm> {
  try {
    const version = asked ?? (await latestVersion(progress, options))
    const there = pulled().find((vmm) => vmm.version === version)
    if (there) return { vmm: makeVmmDefault(there), already: true }
    return await pullVersion(version, progress, options)
  } catch (error) {
    throw withImportAsFix(error)
  } finally {
    progress.done()
  }
}

function pulled(): StoredVmm[] {
  return listVmms().vmms.filter((each) => each.name === 'firecracker' && each.provenance.how === 'pull')
}

/** Where `latest` redirects to. Offline, the newest one that was pulled stays, and says so. */
async function latestVersion(progress: Progress, options: DownloadOptions): Promise<string> {
  progress.step('Looking up the latest Firecracker release')
  const latest = `${releases}/latest`
  try {
    const to = await redirectedTo(latest, options)
    const version = /\/tag\/v([^/]+)\/?$/.exec(to.pathname)?.[1]
    if (version !== undefined && versionPattern.test(version)) return version
    throw new UfrError('UFR-DOWNLOAD', `${latest} leads to no release, but to ${to.href}`)
  } catch (error) {
    const [newest] = pulled()
    if (!newest || !(error instanceof UfrError)) throw error
    progress.note(
      `The latest Firecracker release cannot be looked up (${error.message}); ${newest.version} is kept.`,
    )
    return newest.version
  }
}

async function pullVersion(
  version: string,
  progress: Progress,
  options: DownloadOptions,
): Promise<RegisteredVmm> {
  const name = archiveName(version)
  const url = `${releases}/download/v${version}/${name}`
  const sumUrl = `${url}.sha256.txt`
  const sha256 = parseSum(await downloadText(sumUrl, options), 'sha256', name, sumUrl)
  const file = homePath('downloads', name)
  try {
    const got = await download(url, file, { ...options, progress, expected: { sha256 } })
    checkKnownSum('firecracker', version, got.sha256)
    return await registerArchive(version, file, got, progress)
  } finally {
    fs.rmSync(file, { force: true })
  }
}

async function registerArchive(
  version: string,
  file: string,
  got: Downloaded,
  progress: Progress,
): Promise<RegisteredVmm> {
  return withTemporaryFolder(homePath('downloads'), async (folder) => {
    progress.step(`Unpacking ${archiveName(version)}`)
    const members = (['firecracker', 'jailer'] as const).map(
      (program) => `${releaseFolder(version)}/${releaseName(program, version)}`,
    )
    await extractTarGz(file, folder, { members })
    const [firecracker, jailer] = members.map((member) => regularFile(folder, member))
    if (!firecracker || !jailer) throw notAsNamed(version, 'lacks the programs')
    return registerFirecracker({ firecracker, jailer }, progress, (told) => {
      if (told !== version) throw notAsNamed(version, `holds version ${told}`)
      recordKnownSum('firecracker', version, got)
      const { from, sha256 } = got
      const upstreamChecksum = { algorithm: 'sha256', value: sha256, weak: false }
      return { version, provenance: { how: 'pull', from, sha256, upstreamChecksum } }
    })
  })
}

function notAsNamed(version: string, what: string): UfrError {
  return new UfrError('UFR-VMM-FILE', `the release ${archiveName(version)} ${what}`)
}

function withImportAsFix(error: unknown): unknown {
  if (!(error instanceof UfrError) || error.code !== 'UFR-DOWNLOAD') return error
  const absent = downloadStatus(error) === 404
  const first = absent ? 'Check the version.' : 'Check the network, HTTPS_PROXY and UFR_MIRROR.'
  return new UfrError(error.code, error.message, {
    fix: `${first} Without a network: \`ufr vmm import firecracker PATH\` takes a program, an unpacked release or a build tree.`,
    cause: error.cause,
    detail: error.detail,
  })
}
