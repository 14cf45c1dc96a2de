import fs from 'node:fs'
import path from 'node:path'
import { sweepTemporary, withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import { findCommand, saysFull } from '../../base/process.ts'
import { runGroup } from '../../base/process-group.ts'
import type { Progress } from '../../base/progress.ts'
import { entryFolder, type Kind } from '../entries.ts'
import type { ImportOptions } from '../import.ts'
import { type Checkout, checkOut, cleanEnvironment, requireGit } from './git.ts'
import { checkInside, resolveOutput } from './output.ts'
import { checkRef, parseRepository, type Repository } from './repository.ts'

/** What is to be built, and how. */
export interface BuildRequest {
  kind: Kind
  /** Name of the kernel or VMM. */
  name: string
  /** Address of a git repository, or a folder. */
  repo: string
  /** Branch, tag or commit. */
  ref: string
  /** What the command makes: a file or folder, as a path in the clone. */
  output: string
  /** What else is taken from the clone, by option: such as a folder of modules. */
  also?: Record<string, string>
  command: readonly string[]
  /** Version in the store, instead of the one that the files tell. */
  version?: string
  /** Whether the folder is left to look into. */
  keep: boolean
}

export interface BuildContext {
  progress: Progress
  /** Ends everything that the build has started. */
  signal: AbortSignal
  /** Gets what the command prints. */
  output: (chunk: Buffer) => void
}

/** What was built: paths on the host, good until the taking of it is over. */
export interface Built {
  path: string
  also: Record<string, string>
  /** For the import of it. */
  options: ImportOptions
}

const lockWaitMs = 24 * 3600_000

/**
 * Clones a repository with its submodules, checks out a state of it, runs a command in it, and has what that made
 * taken. One at a time for each name; the folder of one that was killed is removed by the next.
 * @throws UfrError UFR-USAGE, UFR-BUILD-SOURCE, UFR-BUILD-COMMAND, UFR-BUILD-OUTPUT; what `take` throws; the signal's
 * reason.
 */
export async function buildFromSource<T>(
  request: BuildRequest,
  context: BuildContext,
  take: (built: Built) => Promise<T>,
): Promise<T> {
  const repository = checkRequest(request)
  const { kind, name, keep } = request
  const folder = homePath('build', `${kind.word}-${name}`)
  const { progress, signal } = context
  const what = `a build of ${name}`
  return withLock(
    path.join(folder, 'lock'),
    async () => {
      // The lock is held, so nobody is in there any more.
      sweepTemporary(folder, 0)
      const work = (at: string) => build(request, repository, path.join(at, repository.name), context, take)
      if (!keep) return await withTemporaryFolder(folder, work)
      const kept = fs.mkdtempSync(path.join(folder, 'kept-'))
      progress.note(`The build is in ${kept} and stays there.`)
      return work(kept)
    },
    { progress, what, signal, wait: lockWaitMs },
  )
}

/** Everything that can be wrong before anything is fetched. */
function checkRequest(request: BuildRequest): Repository {
  const { kind, name, version, output, also = {}, command } = request
  entryFolder(kind, name, version ?? '0')
  checkRef(request.ref)
  checkInside('--output', output)
  for (const [option, given] of Object.entries(also)) checkInside(option, given)
  const [program] = command
  if (!program)
    throw new UfrError('UFR-USAGE', 'there is no command that builds', { fix: 'Give it after --.' })
  if (!program.includes('/') && !findCommand(program)) throw noCommand(program, 'is not on PATH')
  requireGit()
  return parseRepository(request.repo)
}

function noCommand(program: string, why: string): UfrError {
  return new UfrError('UFR-BUILD-COMMAND', `the command ${program} ${why}`, {
    fix: "Install it, or give another after --: a program, or one of the clone's own as ./NAME.",
  })
}

async function build<T>(
  request: BuildRequest,
  repository: Repository,
  clone: string,
  context: BuildContext,
  take: (built: Built) => Promise<T>,
): Promise<T> {
  const { progress, signal } = context
  fs.mkdirSync(clone)
  const checkout = await checkOut(repository, request.ref, clone, progress, signal)
  progress.note(`Building ${request.name} at ${checkout.commit}: ${request.command.join(' ')}`)
  await runCommand(request, clone, context)
  signal.throwIfAborted()
  const options = importOptions(request, repository, checkout)
  const also = Object.entries(request.also ?? {}).map(([option, given]) => [
    option,
    resolveOutput(clone, given),
  ])
  const built: Built = {
    path: resolveOutput(clone, request.output),
    also: Object.fromEntries(also) as Record<string, string>,
    options,
  }
  try {
    return await take(built)
  } catch (error) {
    throw notTaken(error, request, clone)
  }
}

async function runCommand(request: BuildRequest, clone: string, context: BuildContext): Promise<void> {
  const [program, ...args] = request.command as [string, ...string[]]
  if (
    program.includes('/') &&
    !findCommand(path.basename(program), path.resolve(clone, path.dirname(program)))
  )
    throw noCommand(program, 'is no program in the clone')
  const { signal, output } = context
  const { status, tail } = await runGroup(program, args, {
    cwd: clone,
    env: cleanEnvironment(),
    signal,
    output,
  })
  if (status === 0) return
  if (saysFull(tail)) {
    throw new UfrError('UFR-DATA', `${clone} cannot be written: no space is left`, { detail: tail })
  }
  const message = `the build of ${request.name} failed with status ${status}: ${request.command.join(' ')}`
  throw new UfrError('UFR-BUILD-COMMAND', message, { detail: tail })
}

function importOptions(request: BuildRequest, repository: Repository, checkout: Checkout): ImportOptions {
  const { ref, output, command, version } = request
  const { commit, tag, submodules } = checkout
  // A tag may hold what no version can: a slash, for example.
  const told = (tag ?? '').replace(/^v(?=\d)/, '').replace(/[^A-Za-z0-9._+~:-]/g, '-')
  return {
    ...(version !== undefined && { version }),
    elseVersion: /^[A-Za-z0-9]/.test(told) && told.length <= 80 ? told : commit.slice(0, 8),
    provenance: {
      how: 'build',
      from: repository.shown,
      build: { repo: repository.shown, ref, commit, command: [...command], output, submodules },
    },
  }
}

const notTakenCodes = new Set(['UFR-KERNEL-FILE', 'UFR-VMM-FILE', 'UFR-FORMAT'])

/** What the store refuses is named by its path in the clone, which is all that is left of it. */
function notTaken(error: unknown, request: BuildRequest, clone: string): unknown {
  if (!(error instanceof UfrError) || !notTakenCodes.has(error.code)) return error
  const places = [fs.realpathSync(clone), clone]
  const place = (text: string) =>
    places.reduce((done, at) => done.replaceAll(`${at}/`, '').replaceAll(at, 'the clone'), text)
  return new UfrError(
    'UFR-BUILD-OUTPUT',
    `what the build made at ${request.output} is of no use: ${place(error.message)}`,
    {
      fix: place(error.fix),
      detail: error.detail.map(place),
      cause: error,
    },
  )
}
