import fs from 'node:fs'
import path from 'node:path'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import { interleave } from '../../src/bench/interleave.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { ensureNodeRuntime } from '../../src/kernel/node/node-runtime.ts'
import { changeFunction, makeFunction } from './function.ts'
import { buildImage, buildInProcess, buildMs, emptyStore } from './images.ts'
import type { Published } from './published.ts'
import type { Goal, Line, Section } from './report.ts'
import type { Settings } from './settings.ts'
import { timeLine } from './timed.ts'

/**
 * How many times what `cp` takes an image may take that nothing is there of yet, and how many milliseconds after a
 * change. Unikraft has no goal: its root is one archive of everything.
 */
const goals: Partial<Record<UnikernelName, { cold?: number; changed: number }>> = {
  nanos: { cold: 2, changed: 10 },
  linux: { cold: 4, changed: 10 },
  osv: { changed: 10 },
}
/** The goal is for a function of a few files; larger ones show that it is the change that costs. */
const sizes = [3, 100, 1000]
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
  emptyStore()
  const { bytes } = await buildImage(published, kernel, example, signal)
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
        emptyStore()
        return buildMs(await buildImage(published, kernel, example, signal), false)
      },
      cp: copy('cp -- "$@" "$to"', filesBelow(volumes)),
      async again() {
        emptyStore()
        return buildMs(await buildInProcess(published, kernel, example), false)
      },
      cat: copy('cat -- "$@" >"$to/all"', filesBelow(root)),
    },
    (round) => tell(`image from nothing for ${kernel}: ${round + 1} of ${rounds}`),
  )
  const against = (name: string, arm: string) => ({ name, samples: found[arm]! })
  const factor = goals[kernel]?.cold
  const goal = factor !== undefined && { text: `at most ${factor}x`, limit: (ms: number) => factor * ms }
  const volumesCopied = against(`cp of ${Math.round(bytes / 1e6)} MB`, 'cp')
  const line = { what: `${kernel}: from nothing`, ufr: found['fresh']! }
  return [
    { ...line, against: volumesCopied, ...(goal && { goal }) },
    { ...line, against: against('cat of its files', 'cat') },
    { what: `${line.what}, again`, ufr: found['again']!, against: volumesCopied },
  ]
}

/** How long a line of shell takes that has files in $@ and writes into $to. */
function copyTime(command: string, files: string[], to: string, signal: AbortSignal): Promise<number> {
  const line = `to=$1; shift; start=$EPOCHREALTIME; ${command} && echo "$start $EPOCHREALTIME"`
  return timeLine(line, [to, ...files], { signal })
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
    await buildImage(published, kernel, each.folder, signal)
    arms[`fresh ${each.files}`] = async () => {
      changeFunction(each.folder, edition++)
      return buildMs(await buildImage(published, kernel, each.folder, signal), false)
    }
    arms[`again ${each.files}`] = async () => {
      changeFunction(each.folder, edition++)
      return buildMs(await buildInProcess(published, kernel, each.folder), false)
    }
  }
  const same = functions[0]!
  arms['unchanged'] = async () => buildMs(await buildImage(published, kernel, same.folder, signal), true)
  // The first build in this process is not one of those that are to be measured.
  await arms[`again ${same.files}`]!()
  const found = await interleave(rounds, arms, (round) =>
    tell(`changed function for ${kernel}: ${round + 1} of ${rounds}`),
  )
  const limit = goals[kernel]?.changed
  return [
    { what: `${kernel}: nothing changed`, ufr: found['unchanged']! },
    ...functions.flatMap(({ files }): Line[] => [
      {
        what: `${kernel}: 1 of ${files} files changed`,
        ufr: found[`fresh ${files}`]!,
        ...(files === sizes[0] && limit !== undefined && { goal: atMost(limit) }),
      },
      { what: `${kernel}: 1 of ${files} files changed, again`, ufr: found[`again ${files}`]! },
    ]),
  ]
}

function atMost(milliseconds: number): Goal {
  return { text: `at most ${milliseconds} ms`, limit: () => milliseconds }
}
