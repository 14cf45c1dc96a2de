import fs from 'node:fs'
import path from 'node:path'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import {
  type DownloadOptions,
  download,
  downloadStatus,
  downloadText,
} from '../../kernel/download/download.ts'
import { checkKnownSum, recordKnownSum } from '../../kernel/download/known.ts'
import { type Kernel, listKernels, makeDefault, type Registered, registerKernel } from '../../kernel/store.ts'
import { kernelFiles, refuseOld } from './files.ts'

/** A file that upstream publishes. None of these addresses was tried against the real server. */
interface Release {
  base: string
  /** The kernel, packed with gzip. */
  asset: string
  /** The version in words, in a file beside it, where there is one. */
  versionAsset?: string
}

/**
 * What upstream's CI builds of every commit to its master branch (osv: .travis.yml, README.md). Of the loaders there
 * it is the one with all symbols hidden: half the size, and what ufr starts brings its own libraries. The other, with
 * ZFS, is for programs that link to the kernel's C library.
 */
const newest: Release = {
  base: 'https://github.com/osvunikernel/osv-nightly-releases/releases/download/ci-master-latest/',
  asset: 'loader-hidden.elf.x86_64.gz',
  versionAsset: 'osv-version',
}

/** Releases with a number: the standard loader, for that is there whatever the release. */
function numbered(version: string): Release {
  return {
    base: `https://github.com/cloudius-systems/osv/releases/download/v${version}/`,
    asset: 'osv-loader.elf.x86_64.gz',
  }
}

const versionPattern = /^\d+\.\d+\.\d+$/
const builtPattern = /^\d+\.\d+\.\d+(-\d+-g[0-9a-f]+)?$/
const maxKernelBytes = 256 << 20

/**
 * Gets upstream's build of its newest sources, or the release named. Upstream publishes no checksums: what is
 * downloaded must have the sha256 that the first download of this version had here, and be a whole OSv kernel that is
 * new enough. A version that was pulled before is taken from the store.
 * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM (nothing is kept), UFR-KERNEL-FILE where it is none or too old.
 */
export async function pullOsv(
  version: string | undefined,
  progress: Progress,
  options: DownloadOptions = {},
): Promise<Registered> {
  const asked = version?.replace(/^v/, '')
  if (asked !== undefined && !builtPattern.test(asked)) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(version)} is no OSv version`, {
      fix: 'Versions look like 0.58.0; without one, the build of the newest sources is pulled.',
    })
  }
  return withLock(homePath('downloads', 'osv.lock'), () => pull(asked, progress, options), {
    progress,
    what: 'a pull of osv',
  })
}

async function pull(
  asked: string | undefined,
  progress: Progress,
  options: DownloadOptions,
): Promise<Registered> {
  try {
    const version = asked ?? (await otherwise(newestVersion(progress, options)))
    const there = pulled().find((kernel) => kernel.version === version)
    if (there) return { kernel: makeDefault(there), already: true }
    refuseOld(version)
    if (asked !== undefined && !versionPattern.test(asked)) throw notKept(asked)
    const release = asked === undefined ? newest : numbered(asked)
    return await otherwise(pullRelease(release, version, progress, options))
  } finally {
    progress.done()
  }
}

function pulled(): Kernel[] {
  return listKernels().kernels.filter((each) => each.name === 'osv' && each.provenance.how === 'pull')
}

/** Offline, the newest one that was pulled stays, and says so. */
async function newestVersion(progress: Progress, options: DownloadOptions): Promise<string> {
  progress.step('Looking up the newest build of OSv')
  const url = newest.base + newest.versionAsset
  try {
    const version = (await downloadText(url, options)).trim().replace(/^v/, '')
    if (builtPattern.test(version)) return version
    throw new UfrError('UFR-DOWNLOAD', `${url} holds no version`)
  } catch (error) {
    const [kept] = pulled()
    if (!kept || !(error instanceof UfrError)) throw error
    progress.note(`The newest build of OSv cannot be looked up (${error.message}); ${kept.version} is kept.`)
    return kept.version
  }
}

async function pullRelease(
  { base, asset }: Release,
  version: string,
  progress: Progress,
  options: DownloadOptions,
): Promise<Registered> {
  // Builds replace each other under one name: an interrupted download must not be continued with the next one's.
  const file = homePath('downloads', `osv-${version}-${asset}`)
  try {
    const got = await download(base + asset, file, { ...options, progress })
    progress.note('Upstream publishes no checksums of OSv: not checked against one')
    checkKnownSum('osv', version, got.sha256)
    return await withTemporaryFolder(homePath('downloads'), async (folder) => {
      const kernel = path.join(folder, 'loader.elf')
      await unpack(file, kernel)
      const found = kernelFiles(kernel)
      if (found.version !== undefined && found.version !== version) {
        throw new UfrError('UFR-DOWNLOAD', `${asset} is OSv ${found.version}, not ${version}`, {
          fix: 'Upstream may just have replaced it: try again.',
        })
      }
      if (recordKnownSum('osv', version, got)) {
        progress.note(
          `sha256 ${got.sha256} is recorded on first use: osv ${version} must be the same from now on`,
        )
      }
      const provenance = { how: 'pull' as const, from: got.from, sha256: got.sha256 }
      return registerKernel({ name: 'osv', version, files: found.files, provenance })
    })
  } finally {
    fs.rmSync(file, { force: true })
  }
}

/** @throws UfrError UFR-FORMAT where it is damaged, or far larger than a kernel. */
async function unpack(from: string, to: string): Promise<void> {
  let bytes = 0
  const limit = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      bytes += chunk.length
      if (bytes <= maxKernelBytes) next(null, chunk)
      else next(new Error(`it unpacks to more than ${maxKernelBytes} bytes`))
    },
  })
  try {
    await pipeline(fs.createReadStream(from), createGunzip(), limit, fs.createWriteStream(to))
  } catch (cause) {
    throw new UfrError(
      'UFR-FORMAT',
      `${path.basename(from)} cannot be unpacked: ${(cause as Error).message}`,
      {
        cause,
      },
    )
  }
}

function notKept(version: string): UfrError {
  return new UfrError(
    'UFR-DOWNLOAD',
    `osv ${version} cannot be pulled: upstream keeps builds of its newest sources only`,
    {
      fix: 'Pull osv without a version, or build that one and import it.',
    },
  )
}

/** Adds to a failed download how a kernel can be had without one. */
async function otherwise<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-DOWNLOAD') throw error
    const first =
      downloadStatus(error) === 404 ? 'Check the version.' : 'Check the network, HTTPS_PROXY and UFR_MIRROR.'
    throw new UfrError(error.code, error.message, {
      fix: `${first} Without a network: \`ufr kernel import osv PATH\` takes a build folder or a loader.elf.`,
      cause: error.cause,
      detail: error.detail,
    })
  }
}
