import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { findCommand, saysFull } from '../../base/process.ts'
import { type GroupResult, runGroup } from '../../base/process-group.ts'
import type { Progress } from '../../base/progress.ts'
import type { Repository } from './repository.ts'

/** What was checked out. */
export interface Checkout {
  commit: string
  /** The tag that was asked for, if it was one. */
  tag?: string
  submodules: { path: string; commit: string }[]
}

interface Git {
  repository: Repository
  folder: string
  signal: AbortSignal
  progress: Progress
}

/** Variables by which git would work on another repository than the one it is in: set where a hook started ufr. */
const elsewhere = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_COMMON_DIR',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_NAMESPACE',
  'GIT_PREFIX',
  'GIT_SHALLOW_FILE',
]

/** The caller's environment, for work in a repository of our own. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !elsewhere.includes(name))
  return Object.fromEntries(kept)
}

function gitEnvironment(): NodeJS.ProcessEnv {
  return {
    // A connection that has brought nothing for a minute is given up.
    GIT_HTTP_LOW_SPEED_LIMIT: '1',
    GIT_HTTP_LOW_SPEED_TIME: '60',
    ...cleanEnvironment(),
    // Nobody is there to be asked for a password: a key, a helper or a token in the address has to do.
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS_REQUIRE: 'never',
    LC_ALL: 'C.UTF-8',
  }
}

/** @throws UfrError UFR-COMMAND where git is not installed. */
export function requireGit(): void {
  if (findCommand('git')) return
  throw new UfrError('UFR-COMMAND', 'git is not installed (not found on PATH)', {
    fix: 'Install it: sudo apt-get install git',
  })
}

/**
 * Makes a clone of one state of a repository with its submodules in an empty folder: only that state where the server
 * gives it alone, else with its history.
 * @throws UfrError UFR-BUILD-SOURCE with git's own words; the signal's reason.
 */
export async function checkOut(
  repository: Repository,
  ref: string,
  folder: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<Checkout> {
  const git: Git = { repository, folder, signal, progress }
  progress.step(`Looking for ${ref} in ${repository.shown}`)
  await run(git, ['init', '--quiet'], 'a repository cannot be made')
  await run(git, ['remote', 'add', 'origin', repository.url], 'its address cannot be used')
  const found = await findRef(git, ref)
  progress.step(`Fetching ${ref} of ${repository.shown}`)
  const commit = await fetchRef(git, ref, found)
  await run(git, ['checkout', '--quiet', '--detach', commit], `${ref} cannot be checked out`)
  const submodules = await fetchSubmodules(git)
  // A password in the address has done its work; a folder that is kept does not need it.
  if (repository.shown !== repository.url)
    await run(git, ['remote', 'set-url', 'origin', repository.shown], 'its address cannot be set')
  progress.done()
  const tag = /^refs\/tags\/(.*)$/.exec(found ?? '')?.[1]
  return { commit, submodules, ...(tag !== undefined && { tag }) }
}

const fullId = /^([0-9a-f]{40}|[0-9a-f]{64})$/
const shortId = /^[0-9a-f]{4,63}$/

/** The full name on the server of what was asked for, undefined where it can only be a commit. */
async function findRef(git: Git, ref: string): Promise<string | undefined> {
  const names = [`refs/tags/${ref}`, `refs/heads/${ref}`, ref]
  const { stdout } = await run(git, ['ls-remote', 'origin', ...names], 'the repository cannot be read')
  const there = stdout.split('\n').map((line) => line.split('\t')[1])
  return names.find((name) => there.includes(name))
}

async function fetchRef(git: Git, ref: string, found: string | undefined): Promise<string> {
  if (found !== undefined) {
    await fetchShallow(git, found)
    return revision(git, 'FETCH_HEAD')
  }
  const missing = () =>
    new UfrError('UFR-BUILD-SOURCE', `${git.repository.shown} has no branch, tag or commit ${ref}`, {
      fix: `See what it has: git ls-remote ${git.repository.shown}`,
    })
  if (!shortId.test(ref) && !fullId.test(ref)) throw missing()
  // Not every server gives a commit that no branch or tag names, and none finds one by its first digits.
  if (fullId.test(ref) && (await fetches(git, ['--depth', '1', 'origin', ref]))) return revision(git, ref)
  const everything = ['origin', '+refs/heads/*:refs/remotes/origin/*', '+refs/tags/*:refs/tags/*']
  await run(git, ['fetch', '--progress', ...everything], 'its history cannot be fetched')
  const there = await attempt(git, ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`])
  if (there.status !== 0) throw missing()
  return there.stdout.trim()
}

/** Keeps a tag by its name too: builds ask git for the name of what they build. */
async function fetchShallow(git: Git, name: string): Promise<void> {
  const what = name.startsWith('refs/tags/') ? `+${name}:${name}` : name
  if (await fetches(git, ['--depth', '1', 'origin', what])) return
  await run(git, ['fetch', '--progress', 'origin', what], `${name} cannot be fetched`)
}

async function fetches(git: Git, args: string[]): Promise<boolean> {
  return (await attempt(git, ['fetch', '--progress', '--no-tags', ...args])).status === 0
}

async function revision(git: Git, name: string): Promise<string> {
  const what = `${name} is no commit`
  const { stdout } = await run(git, ['rev-parse', '--verify', '--quiet', `${name}^{commit}`], what)
  return stdout.trim()
}

async function fetchSubmodules(git: Git): Promise<Checkout['submodules']> {
  if (!fs.existsSync(path.join(git.folder, '.gitmodules'))) return []
  git.progress.step(`Fetching submodules of ${git.repository.shown}`)
  const update = ['submodule', 'update', '--init', '--recursive', '--progress']
  if ((await attempt(git, [...update, '--depth', '1'])).status !== 0) {
    // A submodule that is shallow and lacks its commit would not get it by a second try.
    await attempt(git, ['submodule', 'deinit', '--quiet', '--force', '--all'])
    fs.rmSync(path.join(git.folder, '.git/modules'), { recursive: true, force: true })
    await run(git, update, 'a submodule cannot be had')
  }
  const each = 'printf "%s %s\\n" "$sha1" "$displaypath"'
  const list = ['submodule', 'foreach', '--quiet', '--recursive', each]
  const { stdout } = await run(git, list, 'its submodules cannot be listed')
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => {
    const space = line.indexOf(' ')
    return { commit: line.slice(0, space), path: line.slice(space + 1) }
  })
}

/** Runs git, and throws where it fails. */
async function run(git: Git, args: string[], what: string): Promise<GroupResult> {
  const result = await attempt(git, args)
  if (result.status === 0) return result
  const { shown, url } = git.repository
  const words = result.tail.filter((line) => !/: +\d+% \(\d+\/\d+\)/.test(line))
  const detail = words.map((line) => line.replaceAll(url, shown))
  if (saysFull(detail))
    throw new UfrError('UFR-DATA', `${git.folder} cannot be written: no space is left`, { detail })
  throw new UfrError('UFR-BUILD-SOURCE', `${shown}: ${what}`, { detail })
}

async function attempt(git: Git, args: string[]): Promise<GroupResult> {
  const file = git.repository.local ? 'always' : 'user'
  const settings = ['-c', 'protocol.ext.allow=never', '-c', `protocol.file.allow=${file}`]
  return runGroup('git', [...settings, ...args], {
    cwd: git.folder,
    env: gitEnvironment(),
    signal: git.signal,
    output: (chunk) => {
      const bytes = receivedBytes(chunk.toString())
      if (bytes !== undefined) git.progress.amount(bytes, undefined)
    },
  })
}

const units: Record<string, number> = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30 }

/** What git's progress (`Receiving objects:  12% (3/25), 1.20 MiB | 2.00 MiB/s`) says has come. */
export function receivedBytes(text: string): number | undefined {
  const last = [...text.matchAll(/Receiving objects:[^\r\n]*?, ([\d.]+) (bytes|[KMG]iB)/g)].at(-1)
  return last && Number(last[1]) * units[last[2]!]!
}
