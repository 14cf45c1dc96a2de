import fs from 'node:fs'
import path from 'node:path'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
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

/** How long images take to build: from nothing, and after a change. */
export async function buildSection(
  published: Published,
  kernels: readonly UnikernelName[],
  settings: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const kernel of kernels) {
    lines.push(await coldBuild(published, kernel, settings))
    lines.push(...(await changes(published, kernel, settings)))
  }
  return {
    name: 'build',
    title: 'Image build',
    how: [
      '`buildMs` of `ufr build --json`, each in a process of its own: a Node.js handler and files beside it of 1 KiB.',
      "From nothing: the store has no volume; against `cp` of the image's volumes within the same file system.",
      'Again, in process: the second and further builds of one process, as `ufr dev` and the agent will have them.',
    ],
    lines,
  }
}

async function coldBuild(published: Published, kernel: UnikernelName, settings: Settings): Promise<Line> {
  const { folder, signal, rounds, tell } = settings
  const example = makeFunction(path.join(folder, `cold-${kernel}`), 3)
  const store = () => ['volumes', 'images'].map((name) => homePath(name))
  const empty = () => {
    for (const each of store()) fs.rmSync(each, { recursive: true, force: true })
  }
  empty()
  const { bytes } = await build(published, kernel, example, signal)
  const volumes = path.join(folder, `volumes-${kernel}`)
  fs.renameSync(homePath('volumes'), volumes)
  const found = await interleave(
    rounds,
    {
      async ufr() {
        empty()
        const { cached, buildMs } = await build(published, kernel, example, signal)
        if (cached) throw new Error('the image was there before it was built')
        return buildMs
      },
      async cp() {
        const copy = path.join(folder, 'copy')
        fs.mkdirSync(copy)
        const milliseconds = await copyTime(volumes, copy, signal)
        fs.rmSync(copy, { recursive: true })
        return milliseconds
      },
    },
    (round) => tell(`image from nothing for ${kernel}: ${round + 1} of ${rounds}`),
  )
  const factor = coldFactor[kernel]
  return {
    what: `${kernel}: from nothing`,
    ufr: found.ufr,
    against: { name: `cp of ${Math.round(bytes / 1e6)} MB`, samples: found.cp },
    ...(factor !== undefined && { goal: { text: `at most ${factor}x`, limit: (ms: number) => factor * ms } }),
  }
}

/** `cp` timed by the shell that starts it: nothing of ours is in that. */
async function copyTime(from: string, to: string, signal: AbortSignal): Promise<number> {
  const files = fs.readdirSync(from).map((name) => path.join(from, name))
  const line = 'start=$EPOCHREALTIME; cp -- "$@" && echo "$start $EPOCHREALTIME"'
  const env = { ...process.env, LC_ALL: 'C' }
  const { stdout } = await finish('bash', ['-c', line, 'cp', ...files, to], { signal, env })
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
      const { cached, buildMs } = await build(published, kernel, each.folder, signal)
      if (cached) throw new Error('a changed function was taken for the old one')
      return buildMs
    }
    arms[`again ${each.files}`] = async () => {
      change(each.folder, edition++)
      const { image } = await published.prepare.prepare(each.folder, { unikernel: kernel }, noProgress())
      return image.buildMs
    }
  }
  const same = functions[0]!
  arms['unchanged'] = async () => (await build(published, kernel, same.folder, signal)).buildMs
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
      { what: `${kernel}: 1 of ${files} files changed, again in process`, ufr: found[`again ${files}`]! },
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
