import fs from 'node:fs'
import path from 'node:path'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { ensureNodeRuntime } from '../../src/kernel/node/node-runtime.ts'
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
      "volume is in the store; against `cp` of the image's volumes in the same file system, and of the files they are made",
      'of. Again: not the first build of its process, as in a process that lives on.',
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
  const volumes = path.join(folder, `volumes-${kernel}`)
  fs.renameSync(homePath('volumes'), volumes)
  const copy = (from: string[]) => async () => {
    const to = path.join(folder, 'copy')
    fs.mkdirSync(to)
    const milliseconds = await copyTime(from, to, signal)
    fs.rmSync(to, { recursive: true })
    return milliseconds
  }
  const found = await interleave(
    rounds,
    {
      async fresh() {
        empty()
        return buildMs(await build(published, kernel, example, signal), false)
      },
      volumes: copy(fs.readdirSync(volumes).map((name) => path.join(volumes, name))),
      async again() {
        empty()
        return buildMs(await buildInProcess(published, kernel, example), false)
      },
      tree: copy([root]),
    },
    (round) => tell(`image from nothing for ${kernel}: ${round + 1} of ${rounds}`),
  )
  const factor = coldFactor[kernel]
  const goal = factor !== undefined && { text: `at most ${factor}x`, limit: (ms: number) => factor * ms }
  const ofVolumes = { name: `cp of ${Math.round(bytes / 1e6)} MB`, samples: found.volumes }
  const ofTree = { name: 'cp -r of the runtime', samples: found.tree }
  return [
    { what: `${kernel}: from nothing`, ufr: found.fresh, against: ofVolumes, ...(goal && { goal }) },
    { what: `${kernel}: from nothing`, ufr: found.fresh, against: ofTree },
    { what: `${kernel}: from nothing, again`, ufr: found.again, against: ofVolumes },
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

/** `cp` timed by the shell that starts it: nothing of ours is in that. */
async function copyTime(from: string[], to: string, signal: AbortSignal): Promise<number> {
  const line = 'start=$EPOCHREALTIME; cp -r -- "$@" && echo "$start $EPOCHREALTIME"'
  const env = { ...process.env, LC_ALL: 'C' }
  const { stdout } = await finish('bash', ['-c', line, 'cp', ...from, to], { signal, env })
  const [start, end] = stdout.split(' ').map(Number)
  return (end! - start!) * 1000
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
