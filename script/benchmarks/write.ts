import fs from 'node:fs'
import path from 'node:path'
import { noProgress } from '../../src/base/progress.ts'
import { interleave } from '../../src/bench/interleave.ts'
import type { UnikernelName } from '../../src/function/spec.ts'
import { extractTree } from '../../src/image/extract.ts'
import { Tree } from '../../src/image/tree.ts'
import { taskFolder } from '../../src/language/program.ts'
import { changeFunction, makeFunction } from './function.ts'
import { buildImage, buildInProcess, buildMs, emptyStore } from './images.ts'
import type { Published } from './published.ts'
import type { Line, Section } from './report.ts'
import type { Settings } from './settings.ts'
import { timeCommand } from './timed.ts'
import { checkImage } from './upstream/check.ts'
import type { ImageCommand } from './upstream/tool.ts'
import { imageTools, namedTools } from './upstream/tools.ts'

const files = 3
/** How many times faster than the tools that write everything an image of a changed function is to be. */
const changedFactor = 20

/** How long images take to write, against the kernels' own tools. */
export async function writeSection(
  published: Published,
  kernels: readonly UnikernelName[],
  settings: Settings,
): Promise<Section> {
  const lines: Line[] = []
  for (const kernel of kernels) {
    if (namedTools(kernel).length > 0) lines.push(...(await linesOf(published, kernel, settings)))
    else settings.tell(`no tool of others to compare ${kernel}'s images with${variablesOf(kernel)}`)
  }
  return {
    name: 'write',
    title: 'Image write, against the tools of others',
    how: [
      `A Node.js handler of ${files} files with its runtime. The others: the whole command, which always writes everything.`,
      "ufr from nothing: `buildMs` of a command of its own, for base and function; one file changed: the function's volume",
      'only, in a process that lives on. What the others wrote was read back: it holds the same files.',
    ],
    lines,
  }
}

function variablesOf(kernel: UnikernelName): string {
  const variables = imageTools.filter((tool) => tool.kernel === kernel).map(({ variable }) => variable)
  return variables.length === 0 ? '' : `: ${variables.join(' and ')} not set`
}

async function linesOf(published: Published, kernel: UnikernelName, settings: Settings): Promise<Line[]> {
  const { folder, signal, rounds, tell } = settings
  const example = makeFunction(path.join(folder, `write-${kernel}`), files)
  const content = path.join(folder, `content-${kernel}`)
  const tools = await preparedTools(published, kernel, example, content, settings)
  let edition = 0
  const change = () => {
    edition++
    for (const place of [example, path.join(content, taskFolder)]) changeFunction(place, edition)
  }
  const others = Object.fromEntries(
    tools.map(({ name, command, image }) => [
      name,
      () => {
        change()
        fs.rmSync(image, { force: true })
        return timeCommand(command, signal)
      },
    ]),
  )
  const commands: number[] = []
  const cold = await interleave<string, number>(
    rounds,
    {
      async fresh() {
        emptyStore()
        const built = await buildImage(published, kernel, example, signal)
        commands.push(built.commandMs)
        return buildMs(built, false)
      },
      ...others,
    },
    (round) => tell(`${kernel}: whole images, ${round + 1} of ${rounds}`),
  )
  // The first builds of a process are not those of one that lives on.
  for (let i = 0; i < 3; i++) await buildInProcess(published, kernel, example)
  const changed = await interleave<string, number>(
    rounds,
    {
      async again() {
        change()
        return buildMs(await buildInProcess(published, kernel, example), false)
      },
      ...others,
    },
    (round) => tell(`${kernel}: a changed file, ${round + 1} of ${rounds}`),
  )
  return tools.flatMap(({ name }): Line[] => [
    {
      what: `${kernel}: from nothing`,
      ufr: cold['fresh']!,
      against: { name, samples: cold[name]! },
      goal: { text: 'at most 1x', limit: (ms) => ms },
    },
    {
      what: `${kernel}: from nothing, whole command`,
      ufr: commands,
      against: { name, samples: cold[name]! },
    },
    {
      what: `${kernel}: 1 of ${files} files changed`,
      ufr: changed['again']!,
      against: { name, samples: changed[name]! },
      goal: { text: `at most 1/${changedFactor}`, limit: (ms) => ms / changedFactor },
    },
  ])
}

/** The named tools, each with all it needs; what each writes has been checked. */
async function preparedTools(
  { prepare }: Published,
  kernel: UnikernelName,
  example: string,
  content: string,
  { folder, signal }: Settings,
): Promise<(ImageCommand & { name: string })[]> {
  const { program } = await prepare.prepareProgram(example, { unikernel: kernel }, noProgress())
  const tree = new Tree()
  // Entry by entry: these are trees of the compiled code's own class.
  for (const [name, entry] of program.base.tree().sorted()) tree.set(name, entry)
  for (const [name, entry] of program.task.sorted()) tree.set(`${taskFolder}/${name}`, entry)
  extractTree(tree, content)
  const prepared: (ImageCommand & { name: string })[] = []
  for (const { tool, file } of namedTools(kernel)) {
    const own = fs.mkdtempSync(path.join(folder, 'tool-'))
    const each = tool.prepare(file, { folder: content, program }, own)
    await timeCommand(each.command, signal)
    checkImage(each.image, tree)
    prepared.push({ name: tool.name, ...each })
  }
  return prepared
}
