import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { runCommand } from '../../base/process.ts'
import type { Progress } from '../../base/progress.ts'
import { fileSha256 } from '../../kernel/download/checksum.ts'
import { type ImportOptions, importedFrom, importedVersion } from '../../kernel/import.ts'
import { type NewFile, type Registered, registerKernel } from '../../kernel/store.ts'
import { buildTree, hasLayout, kernelFile, nanosFiles, releaseFolder } from './files.ts'

const maxVersionText = 64 << 10
const layouts = `a build tree (${buildTree.kernel}), a release folder (${releaseFolder.kernel}, klibs/), or a kernel.img file`

/**
 * Takes a Nanos kernel into the store: from an upstream build tree, a release folder such as `~/.ops/0.1.54`, or a
 * kernel file alone. Its version is the tag or commit that it was built from, the name of the release folder, or the
 * first digits of the kernel's sha256.
 * @throws UfrError UFR-KERNEL-FILE where nothing like that is at the path, or the kernel is truncated.
 */
export async function importNanos(
  from: string,
  options: ImportOptions,
  progress: Progress,
): Promise<Registered> {
  const at = path.resolve(from)
  const stat = fs.statSync(at, { throwIfNoEntry: false })
  if (!stat) throw nothingThere(at, 'does not exist')
  progress.step(`Importing Nanos from ${at}`)
  try {
    const { files, version } = stat.isDirectory() ? await fromFolder(at) : fromFile(at)
    const kernel = files.find((file) => file.role === 'kernel')?.from as string
    const sha256 = fileSha256(kernel)
    return await registerKernel({
      name: 'nanos',
      version: importedVersion(options, version, sha256),
      files,
      provenance: importedFrom(options, at, sha256),
    })
  } finally {
    progress.done()
  }
}

interface Found {
  files: NewFile[]
  version: string | undefined
}

function fromFile(file: string): Found {
  return { files: [kernelFile(file)], version: undefined }
}

async function fromFolder(folder: string): Promise<Found> {
  if (hasLayout(folder, buildTree)) {
    return { files: nanosFiles(folder, buildTree), version: await builtVersion(folder) }
  }
  if (hasLayout(folder, releaseFolder)) {
    const name = path.basename(folder)
    return {
      files: nanosFiles(folder, releaseFolder),
      version: /^\d+(\.\d+)+[\w.-]*$/.test(name) ? name : undefined,
    }
  }
  throw nothingThere(folder, 'holds no Nanos kernel')
}

function nothingThere(at: string, what: string): UfrError {
  return new UfrError('UFR-KERNEL-FILE', `${at} ${what}`, { fix: `Give ${layouts}.` })
}

/** What a build tree's kernel was built from: its tag, else the first eight digits of its commit. */
async function builtVersion(tree: string): Promise<string | undefined> {
  const commit = builtCommit(tree) ?? (await git(tree, ['rev-parse', '--verify', 'HEAD']))
  if (commit === undefined || !/^[0-9a-f]{40}$/.test(commit)) return undefined
  const tag = await git(tree, ['describe', '--tags', '--exact-match', commit])
  return tag !== undefined && /^v?\d+(\.\d+)+[\w.-]*$/.test(tag) ? tag.replace(/^v/, '') : commit.slice(0, 8)
}

/**
 * nanos: kernel.mk (cmd_version) writes the commit into gitversion.c and so into the kernel; the checkout may have
 * moved on since. Taken only where the kernel really holds it.
 */
function builtCommit(tree: string): string | undefined {
  const file = path.join(tree, 'output/platform/pc/gitversion.c')
  if (!fs.existsSync(file) || fs.statSync(file).size > maxVersionText) return undefined
  const commit = /"([0-9a-f]{40})"/.exec(fs.readFileSync(file, 'utf8'))?.[1]
  const kernel = fs.readFileSync(path.join(tree, buildTree.kernel))
  return commit !== undefined && kernel.includes(commit) ? commit : undefined
}

/** What git prints, or undefined where there is no git, no repository, or no answer. */
async function git(tree: string, args: string[]): Promise<string | undefined> {
  // Without .git here, git would answer for a repository further up.
  if (!fs.existsSync(path.join(tree, '.git'))) return undefined
  try {
    const result = await runCommand('git', ['-C', tree, ...args], { timeout: 10_000 })
    return result.stdout.trim()
  } catch {
    return undefined
  }
}
