import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { lastLines, runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import { fileSha256 } from '../download/checksum.ts'
import { noteOwner, type Owners } from '../runtime-owners.ts'
import { type Apt, type AptOptions, aptFolder, openApt } from './apt.ts'

/** A Debian package that was downloaded, verified and unpacked. */
export interface FetchedPackage {
  name: string
  version: string
  /** Of the .deb file, as the archive's signed index says and as it was checked. */
  sha256: string
}

export interface PackageInfo extends FetchedPackage {
  /** Names of what it depends on; of alternatives the first. */
  depends: string[]
}

export interface DebianOptions extends AptOptions {
  /** Of what the packages depend on, and so on, which to fetch too: such as shared libraries. Default: none. */
  follow?: RegExp
  /** What else a person can do where the packages cannot be had. */
  instead?: string
  /** Is told which package each file is from. */
  owners?: Owners
}

const listsFreshMs = 24 * 3600_000

/**
 * Downloads Debian packages and unpacks them into a folder, without root, without installing anything and without
 * touching the machine's own apt: see openApt. Only the packages named, and what `follow` says.
 * @param names a package, or `name>pattern`: the dependency of `name` that begins with `pattern`, for metapackages.
 * @throws UfrError UFR-DEBIAN naming the packages where they cannot be had.
 */
export async function fetchPackages(
  names: readonly string[],
  target: string,
  progress: Progress,
  options: DebianOptions = {},
): Promise<FetchedPackage[]> {
  const what = names.map((name) => name.replace(/>.*/, ''))
  try {
    return await withLock(
      path.join(aptFolder(options), 'lock'),
      () => fetchLocked(names, target, progress, options),
      {
        progress,
        what: `Debian packages ${what.join(', ')}`,
      },
    )
  } catch (error) {
    throw debianError(error, what, options)
  } finally {
    progress.done()
  }
}

async function fetchLocked(
  names: readonly string[],
  target: string,
  progress: Progress,
  options: DebianOptions,
): Promise<FetchedPackage[]> {
  const apt = await openApt(options)
  let complaints: string[] = []
  const update = async () => {
    progress.step(`Updating the list of Debian packages (in ${aptFolder(options)})`)
    complaints = await updateLists(apt)
  }
  let fresh = false
  if (apt.changed || Date.now() - apt.updated > listsFreshMs) {
    await update()
    fresh = true
  }
  let packages = await resolve(apt, names, options.follow)
  if (packages.missing.length > 0 && !fresh) {
    await update()
    fresh = true
    packages = await resolve(apt, names, options.follow)
  }
  if (packages.missing.length > 0) throw unavailable(packages.missing, complaints)
  // Also where some archive did not answer: whoever has the packages did, and waiting again would bring nothing.
  if (fresh) apt.markUpdated()
  return withTemporaryFolder(aptFolder(options), async (folder) => {
    const download = () => {
      const wanted = packages.found.map((each) => `${each.name}=${each.version}`)
      progress.step(`Downloading Debian packages: ${listed(packages.found.map((each) => each.name))}`)
      return apt.run('apt-get', ['-q', 'download', ...wanted], folder)
    }
    try {
      await download()
    } catch (error) {
      // The archive drops old versions: what yesterday's list names may be gone today.
      if (fresh) throw error
      await update()
      packages = await resolve(apt, names, options.follow)
      if (packages.missing.length > 0) throw unavailable(packages.missing, complaints)
      await download()
    }
    return unpack(packages.found, folder, target, options)
  })
}

/** Updates our lists. Not all archives need to answer; what they say is kept for when a package is missing. */
async function updateLists(apt: Apt): Promise<string[]> {
  try {
    const { stderr } = await apt.run('apt-get', ['-q', 'update'])
    return lastLines(stderr)
  } catch (error) {
    if (error instanceof UfrError && error.detail.length > 0) return error.detail
    throw error
  }
}

interface Resolved {
  found: PackageInfo[]
  missing: string[]
}

async function resolve(apt: Apt, names: readonly string[], follow?: RegExp): Promise<Resolved> {
  const direct = await packageInfo(
    apt,
    names.map((name) => name.replace(/>.*/, '')),
  )
  const wanted = names.map((name) => {
    const [outer = '', pattern] = name.split('>')
    if (pattern === undefined) return outer
    return direct.get(outer)?.depends.find((each) => each.startsWith(pattern)) ?? outer
  })
  const inner = wanted.filter((name) => !direct.has(name))
  const all = new Map([...direct, ...(inner.length > 0 ? await packageInfo(apt, inner) : [])])
  const found = wanted.flatMap((name) => all.get(name) ?? [])
  if (follow) found.push(...(await dependencies(apt, found, follow)))
  return { found, missing: wanted.filter((name) => !all.has(name)) }
}

/** What packages depend on, as far as the pattern wants it; what only others provide is left out. */
async function dependencies(
  apt: Apt,
  packages: readonly PackageInfo[],
  follow: RegExp,
): Promise<PackageInfo[]> {
  const seen = new Set(packages.map((each) => each.name))
  const found: PackageInfo[] = []
  for (let level = packages; level.length > 0; ) {
    const depends = level.flatMap((each) => each.depends)
    const names = [...new Set(depends)].filter((name) => follow.test(name) && !seen.has(name))
    for (const name of names) seen.add(name)
    level = names.length > 0 ? [...(await packageInfo(apt, names)).values()] : []
    found.push(...level)
  }
  return found
}

/** What the lists say of packages: their candidate versions. Unknown packages are left out. */
async function packageInfo(apt: Apt, names: readonly string[]): Promise<Map<string, PackageInfo>> {
  let text: string
  try {
    text = (await apt.run('apt-cache', ['show', '--no-all-versions', ...names])).stdout
  } catch (error) {
    // Status 100 stands for "none of them found" as for anything else; a missing apt has its own words.
    if (error instanceof UfrError && / failed with status 100/.test(error.message)) return new Map()
    throw error
  }
  return parsePackages(text)
}

/** Reads stanzas as `apt-cache show` prints them; of several of one name the first, the candidate. */
export function parsePackages(text: string): Map<string, PackageInfo> {
  const packages = new Map<string, PackageInfo>()
  for (const stanza of text.split(/\n\s*\n/)) {
    const field = (name: string) => new RegExp(`^${name}: *(.*)$`, 'm').exec(stanza)?.[1]?.trim()
    const [name, version, sha256] = [field('Package'), field('Version'), field('SHA256')]
    if (!name || !version || !sha256 || packages.has(name)) continue
    const depends = (field('Depends') ?? '')
      .split(',')
      .map((each) => /^\s*([a-z0-9+.-]+)/.exec(each)?.[1] ?? '')
    packages.set(name, { name, version, sha256, depends: depends.filter((each) => each !== '') })
  }
  return packages
}

async function unpack(
  packages: readonly PackageInfo[],
  folder: string,
  target: string,
  options: DebianOptions,
): Promise<FetchedPackage[]> {
  const run = options.run ?? runCommand
  const files = fs.readdirSync(folder).filter((name) => name.endsWith('.deb'))
  const bySum = new Map(files.map((name) => [fileSha256(path.join(folder, name)), path.join(folder, name)]))
  for (const { name, version, sha256 } of packages) {
    const file = bySum.get(sha256)
    if (file === undefined) {
      throw new UfrError(
        'UFR-CHECKSUM',
        `Debian's ${name} ${version} did not come with the sha256 of its index`,
        {
          detail: [`expected ${sha256}`, ...[...bySum.keys()].map((sum) => `actual   ${sum}`)],
        },
      )
    }
    await run('dpkg-deb', ['-x', file, target], { install: 'apt-get install dpkg' })
    if (options.owners) noteOwner(options.owners, target, `${name} ${version}`)
  }
  return packages.map(({ name, version, sha256 }) => ({ name, version, sha256 }))
}

function listed(names: readonly string[]): string {
  const [shown, more] = [names.slice(0, 4).join(', '), names.length - 4]
  return more > 0 ? `${shown} and ${more} more` : shown
}

function unavailable(names: readonly string[], complaints: readonly string[]): UfrError {
  return new UfrError('UFR-DEBIAN', `no archive that answered has ${names.join(', ')}`, {
    detail: [...complaints],
  })
}

function debianError(error: unknown, names: readonly string[], options: DebianOptions): unknown {
  if (!(error instanceof UfrError) || (error.code !== 'UFR-COMMAND' && error.code !== 'UFR-DEBIAN'))
    return error
  const missing = / is not installed/.test(error.message)
  const message = `Debian packages are wanted (${names.join(', ')}) and cannot be had: ${error.message}`
  const standard = missing
    ? 'Run on Debian (or have apt-get, apt-cache and dpkg-deb on PATH).'
    : error.code === 'UFR-DEBIAN'
      ? error.fix
      : 'Check the network and the mirror in /etc/apt/sources.list (proxies as for apt itself).'
  const fix = options.instead === undefined ? standard : `${standard} Or: ${options.instead}`
  return new UfrError('UFR-DEBIAN', message, { fix, detail: error.detail, cause: error })
}
