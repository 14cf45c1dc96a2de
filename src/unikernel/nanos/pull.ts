import fs from 'node:fs'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import { extractTarGz } from '../../kernel/download/archive.ts'
import { parseSum } from '../../kernel/download/checksum.ts'
import {
  type DownloadOptions,
  download,
  downloadStatus,
  downloadText,
} from '../../kernel/download/download.ts'
import { checkKnownSum, recordKnownSum } from '../../kernel/download/known.ts'
import type { Provenance } from '../../kernel/record.ts'
import { type Kernel, listKernels, makeDefault, type Registered, registerKernel } from '../../kernel/store.ts'
import { nanosFiles, releaseFolder } from './files.ts'

/** ops: lepton/const.go (releaseBaseURL); nanos: release.sh (`gs://nanos/release/`). Not tried against the server. */
const releaseBase = 'https://storage.googleapis.com/nanos/release/'

const versionPattern = /^\d+(\.\d+){1,3}([.-]?[a-z0-9]+)*$/

/** ops: lepton/const.go (getReleaseURL, releaseFileName): for Linux hosts. */
function archiveName(version: string): string {
  return `nanos-release-linux-${version}.tar.gz`
}

/** nanos: release.sh (`hash`): the md5 alone, without a file name. */
function sumName(version: string): string {
  return `nanos-release-linux-${version}.md5`
}

/**
 * Gets upstream's official release as `ops` would: the newest by `latest.txt`, or the version named. Checked against
 * the md5 that upstream publishes (weak, and said so) and against the sha256 that the first download of this version
 * had here. A version that was pulled before is taken from the store, without any network.
 * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM (nothing is kept), UFR-KERNEL-FILE where the archive holds no kernel.
 */
export async function pullNanos(
  version: string | undefined,
  progress: Progress,
  options: DownloadOptions = {},
): Promise<Registered> {
  if (version !== undefined && !versionPattern.test(version)) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(version)} is no Nanos version`, {
      fix: 'Versions look like 0.1.54; without one, the latest is pulled.',
    })
  }
  return withLock(homePath('downloads', 'nanos.lock'), () => pull(version, progress, options), {
    progress,
    what: 'a pull of nanos',
  })
}

async function pull(
  asked: string | undefined,
  progress: Progress,
  options: DownloadOptions,
): Promise<Registered> {
  try {
    const version = asked ?? (await latestVersion(progress, options))
    const there = pulled().find((kernel) => kernel.version === version)
    if (there) return { kernel: makeDefault(there), already: true }
    return await pullVersion(version, progress, options)
  } catch (error) {
    throw withImportAsFix(error)
  } finally {
    progress.done()
  }
}

function pulled(): Kernel[] {
  return listKernels().kernels.filter((each) => each.name === 'nanos' && each.provenance.how === 'pull')
}

/** The version in `latest.txt` (nanos: release.sh). Offline, the newest one that was pulled stays, and says so. */
async function latestVersion(progress: Progress, options: DownloadOptions): Promise<string> {
  progress.step('Looking up the latest Nanos release')
  try {
    const version = (await downloadText(`${releaseBase}latest.txt`, options)).trim()
    if (versionPattern.test(version)) return version
    throw new UfrError('UFR-DOWNLOAD', `${releaseBase}latest.txt holds no version`)
  } catch (error) {
    const [newest] = pulled()
    if (!newest || !(error instanceof UfrError)) throw error
    progress.note(
      `The latest Nanos release cannot be looked up (${error.message}); ${newest.version} is kept.`,
    )
    return newest.version
  }
}

async function pullVersion(
  version: string,
  progress: Progress,
  options: DownloadOptions,
): Promise<Registered> {
  const url = `${releaseBase}${version}/${archiveName(version)}`
  const file = homePath('downloads', archiveName(version))
  const md5 = await publishedMd5(version, progress, options)
  try {
    const got = await download(url, file, {
      ...options,
      progress,
      expected: md5 === undefined ? {} : { md5 },
    })
    if (md5 !== undefined) progress.note(`md5 ${md5} is upstream's (weak: finds damage, not malice)`)
    checkKnownSum('nanos', version, got.sha256)
    const provenance: Omit<Provenance, 'at'> = {
      how: 'pull',
      from: got.from,
      sha256: got.sha256,
      ...(md5 === undefined ? {} : { upstreamChecksum: { algorithm: 'md5', value: md5, weak: true } }),
    }
    return await withTemporaryFolder(homePath('downloads'), async (folder) => {
      progress.step(`Unpacking ${archiveName(version)}`)
      await extractTarGz(file, folder)
      const files = nanosFiles(folder, releaseFolder)
      if (recordKnownSum('nanos', version, got)) {
        progress.note(
          `sha256 ${got.sha256} is recorded on first use: nanos ${version} must be the same from now on`,
        )
      }
      return registerKernel({ name: 'nanos', version, files, provenance })
    })
  } finally {
    fs.rmSync(file, { force: true })
  }
}

/** The md5 that upstream publishes beside the archive; undefined, aloud, where there is none for this version. */
async function publishedMd5(
  version: string,
  progress: Progress,
  options: DownloadOptions,
): Promise<string | undefined> {
  const url = `${releaseBase}${version}/${sumName(version)}`
  try {
    return parseSum(await downloadText(url, options), 'md5', archiveName(version), url)
  } catch (error) {
    if (!isAbsent(error)) throw error
    progress.note(
      `Upstream publishes no md5 of nanos ${version} (${sumName(version)}): not checked against one`,
    )
    return undefined
  }
}

function withImportAsFix(error: unknown): unknown {
  if (!(error instanceof UfrError) || error.code !== 'UFR-DOWNLOAD') return error
  const first = isAbsent(error) ? 'Check the version.' : 'Check the network, HTTPS_PROXY and UFR_MIRROR.'
  return new UfrError(error.code, error.message, {
    fix: `${first} Without a network: \`ufr kernel import nanos PATH\` takes a build tree, a release folder or a kernel.img.`,
    cause: error.cause,
    detail: error.detail,
  })
}

/** Google's storage answers 403 for what is not there to those who may not list a bucket. */
function isAbsent(error: unknown): boolean {
  const status = downloadStatus(error)
  return status === 404 || status === 403
}
