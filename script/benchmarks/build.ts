import fs from 'node:fs'
import path from 'node:path'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { ensureNodeRuntime } from '../../src/kernel/node/node-runtime.ts'
import { findMkfs, mkfsManifest } from './mkfs.ts'
import { finish } from './process.ts'
import type { Published } from './published.ts'
import type { Goal, Line, Section } from './report.ts'
import type { Settings } from './settings.ts'
import { interleave } from './statistics.ts'

/** How many times what `cp` takes an image may take that nothing is there of yet. */
const coldFactor: Partial<Record<UnikernelName, number>> = { nanos: 2, linux: 4 }
const changedMs = 10
/** The goal is for a function of a few files; larger ones show that it is the change that costs. */
const sizes = [3, 100, 1000]
const fileBytes = 1024
const nodeMajor = 24

/** How long images take to build: from nothing, and after a change. */
export async function buildSection(
  published: Published,
  kernels: readonly UnikernelName[],
  settings: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const kernel of kernels) {
    lines.push(...(await coldBuilds(published, kernel, settings)))
    lines.push(...(await changes(published, kernel, settings)))
  }
  return {
    name: 'build',
    title: 'Image build',
    how: [
      '`buildMs` of `ufr build --json`, a process each: a Node.js handler and files of 1 KiB beside it. From nothing: no',
      "volume is in the store; against `cp` of the image's volumes in the same file system, and against writing the files",
      'of the runtime one after the other into one. Again: not the first build of its process, as in one that lives on.',
    ],
    lines,
  }
}

async function coldBuilds(
  published: Published,
  kernel: UnikernelName,
  { folder, signal, rounds, tell }: Settings,
): Promise<Line[]> {
  const example = makeFunction(path.join(folder, `cold-${kernel}`), 3)
  const { root } = await ensureNodeRuntime(nodeMajor, noProgress())
  empty()
  const { bytes } = await build(published, kernel, example, signal)
  const mkfs = kernel === 'nanos' ? findMkfs() : undefined
  const manifest = path.join(folder, 'manifest')
  if (mkfs) fs.writeFileSync(manifest, mkfsManifest(root))
  const volumes = path.join(folder, `volumes-${kernel}`)
  fs.renameSync(homePath('volumes'), volumes)
  const copy = (command: string, from: string[]) => async () => {
    const to = path.join(folder, 'copy')
    fs.mkdirSync(to)
    const milliseconds = await copyTime(command, from, to, signal)
    fs.rmSync(to, { recursive: true })
    return milliseconds
  }
  const found = await interleave<string, number>(
    rounds,
    {
      async fresh() {
        empty()
        return buildMs(await build(published, kernel, example, signal), false)
      },
      cp: copy('cp -- "$@" "$to"', filesBelow(volumes)),
      async again() {
        empty()
        return buildMs(await buildInProcess(published, kernel, example), false)
      },
      cat: copy('cat -- "$@" >"$to/all"', filesBelow(root)),
      ...(mkfs && { mkfs: copy('"$1" -l base "$to/image" <"$2" >/dev/null', [mkfs, manifest]) }),
    },
    (round) => tell(`image from nothing for ${kernel}: ${round + 1} of ${rounds}`),
  )
  const against = (name: string, arm: string) => ({ name, samples: found[arm]! })
  const factor = coldFactor[kernel]
  const goal = factor !== undefined && { text: `at most ${factor}x`, limit: (ms: number) => factor * ms }
  const volumesCopied = against(`cp of ${Math.round(bytes / 1e6)} MB`, 'cp')
  const line = { what: `${kernel}: from nothing`, ufr: found['fresh']! }
  return [
    { ...line, against: volumesCopied, ...(goal && { goal }) },
    { ...line, against: against('cat of its files', 'cat') },
    ...(mkfs ? [{ ...line, against: against('mkfs, the base only', 'mkfs') }] : []),
    { what: `${line.what}, again`, ufr: found['again']!, against: volumesCopied },
  ]
}

/** Takes away all that was built. */
function empty(): void {
  for (const name of ['volumes', 'images']) fs.rmSync(homePath(name), { recursive: true, force: true })
}

/** @throws Error where an image was taken from the store and not built, or the other way round. */
function buildMs(built: Built, cached: boolean): number {
  if (built.cached === cached) return built.buildMs
  throw new Error(`the image was ${cached ? 'not there any more' : 'there before it was built'}`)
}

/** A command timed by the shell that runs it: nothing of ours is in that. It has its files in $@, and writes into $to. */
async function copyTime(command: string, files: string[], to: string, signal: AbortSignal): Promise<number> {
  const line = `to=$1; shift; start=$EPOCHREALTIME; ${command} && echo "$start $EPOCHREALTIME"`
  const env = { ...process.env, LC_ALL: 'C' }
  const { stdout } = await finish('bash', ['-c', line, 'bash', to, ...files], { signal, env })
  const [start, end] = stdout.split(' ').map(Number)
  return (end! - start!) * 1000
}

function filesBelow(folder: string): string[] {
  const entries = fs.readdirSync(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
}

async function changes(published: Published, kernel: UnikernelName, settings: Settings): Promise<Line[]> {
  const { folder, signal, rounds, tell } = settings
  const functions = sizes.map((files) => ({
    files,
    folder: makeFunction(path.join(folder, `${kernel}-${files}`), files),
  }))
  let edition = 0
  const arms: Record<string, () => Promise<number>> = {}
  for (const each of functions) {
    await build(published, kernel, each.folder, signal)
    arms[`fresh ${each.files}`] = async () => {
      change(each.folder, edition++)
      return buildMs(await build(published, kernel, each.folder, signal), false)
    }
    arms[`again ${each.files}`] = async () => {
      change(each.folder, edition++)
      return buildMs(await buildInProcess(published, kernel, each.folder), false)
    }
  }
  const same = functions[0]!
  arms['unchanged'] = async () => buildMs(await build(published, kernel, same.folder, signal), true)
  // The first build in this process is not one of those that are to be measured.
  await arms[`again ${same.files}`]!()
  const found = await interleave(rounds, arms, (round) =>
    tell(`changed function for ${kernel}: ${round + 1} of ${rounds}`),
  )
  return [
    { what: `${kernel}: nothing changed`, ufr: found['unchanged']! },
    ...functions.flatMap(({ files }): Line[] => [
      {
        what: `${kernel}: 1 of ${files} files changed`,
        ufr: found[`fresh ${files}`]!,
        ...(files === sizes[0] && { goal: atMost(changedMs) }),
      },
      { what: `${kernel}: 1 of ${files} files changed, again`, ufr: found[`again ${files}`]! },
    ]),
  ]
}

function atMost(milliseconds: number): Goal {
  return { text: `at most ${milliseconds} ms`, limit: () => milliseconds }
}

/** What `ufr build --json` says of an image. */
interface Built {
  bytes: number
  buildMs: number
  cached: boolean
}

async function build(
  { command, env }: Published,
  kernel: string,
  folder: string,
  signal: AbortSignal,
): Promise<Built> {
  const { stdout } = await finish(command, ['build', folder, '--unikernel', kernel, '--json'], {
    signal,
    env,
  })
  return JSON.parse(stdout).image
}

async function buildInProcess({ prepare }: Published, kernel: UnikernelName, folder: string): Promise<Built> {
  return (await prepare.prepare(folder, { unikernel: kernel }, noProgress())).image
}

/** A handler of so many files in a folder. */
function makeFunction(folder: string, files: number): string {
  fs.mkdirSync(path.join(folder, 'lib'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'ufr.json'), '{ "runtime": "nodejs24.x", "handler": "index.handler" }\n')
  fs.writeFileSync(path.join(folder, 'index.mjs'), 'export const handler = async (event) => event\n')
  for (let i = 2; i < files; i++) fs.writeFileSync(path.join(folder, 'lib', `${i}.mjs`), content(i))
  return folder
}

function change(folder: string, edition: number): void {
  fs.writeFileSync(path.join(folder, 'lib/2.mjs'), content(1_000_000 + edition))
}

function content(number: number): string {
  return `export const number = ${number} //`.padEnd(fileBytes - 1, '.').concat('\n')
}
