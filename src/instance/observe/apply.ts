import fs from 'node:fs'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { fileContent } from '../../image/content.ts'
import { digestOf, freezeTree } from '../../image/digest.ts'
import { overlay } from '../../image/overlay.ts'
import { Tree } from '../../image/tree.ts'
import { type Base, type Program, taskFolder } from '../../language/program.ts'
import { explainedBase } from '../base-origins.ts'
import {
  type AddedFile,
  folderFiles,
  isObserved,
  type Observation,
  readObservation,
  sourcesKey,
} from './record.ts'
import { isSafe, leanTree } from './shrink.ts'

/** A base is shared by all functions of a runtime: one of its own has to be worth it. */
const worthBytes = 1 << 20

/**
 * What was observed of a function as it is now.
 * @returns undefined where nothing was, or of other sources: then a note says so.
 */
export function currentObservation(
  spec: FunctionSpec,
  program: Program,
  progress: Progress,
): Observation | undefined {
  if (!isObserved(spec.folder)) return undefined
  const observation = readObservation(spec.folder)
  if (!observation || observation.function !== spec.name) return undefined
  const gone = observation.added.find(({ from, bytes }) => sizeOf(from) !== bytes)
  if (!gone && observation.key === sourcesKey(spec, program, folderFiles(spec))) return observation
  const why = gone ? `${gone.from} is not what it was` : 'it has changed since'
  progress.note(`What was observed of ${spec.name} is not used: ${why}. Observe it anew: ufr build --observe`)
  return undefined
}

function sizeOf(file: string): number | undefined {
  return fs.statSync(file, { throwIfNoEntry: false })?.size
}

/** The program with the files that it was observed to lack, and, where that is wanted, without those it did not use. */
export function observedProgram(program: Program, observation: Observation): Program {
  const inTask = (file: AddedFile) => file.path.startsWith(`/${taskFolder}/`)
  const task = new Tree().merge(program.task)
  for (const file of observation.added.filter(inTask))
    addFile(task, file.path.slice(taskFolder.length + 2), file)
  const above = new Tree()
  for (const file of observation.added.filter((each) => !inTask(each)))
    addFile(above, file.path.slice(1), file)
  const added = { ...program, task, base: withFiles(program.base, above) }
  return observation.shrink && observation.complete ? lean(added, observation) : added
}

function addFile(tree: Tree, at: string, { from, bytes, why }: AddedFile): void {
  const mode = (fs.statSync(from, { throwIfNoEntry: false })?.mode ?? 0) & 0o111 ? 0o755 : 0o644
  tree.set(at, {
    kind: 'file',
    mode,
    content: fileContent(from, bytes),
    origin: { reason: 'observed', from: why },
  })
}

function withFiles(base: Base, above: Tree): Base {
  if (above.size === 0) return base
  const { tree, digest } = freezeTree(above)
  return {
    key: digestOf('observed', base.key, digest),
    title: `${base.title}, with what it was observed to open`,
    topLevel: [...new Set([...base.topLevel, ...tree.topLevel()])].sort(),
    tree: () => overlay(explainedBase(base), tree),
  }
}

function lean(program: Program, { opened, looked }: Observation): Program {
  const used = new Set([...opened, ...looked])
  for (const file of [program.executable, program.interpreter]) if (file !== undefined) used.add(file)
  const inTask = (at: string) => used.has(`/${taskFolder}/${at}`)
  const whole = explainedBase(program.base)
  const left = leanTree(whole, (at) => used.has(`/${at}`) || isSafe(at))
  const task = leanTree(program.task, inTask)
  if (whole.bytes() - left.bytes() < worthBytes) return { ...program, task }
  const base: Base = {
    key: digestOf('lean', program.base.key, ...left.sorted().map(([at]) => at)),
    title: `${program.base.title}, only what was used`,
    topLevel: left.topLevel(),
    tree: () => left,
  }
  return { ...program, task, base }
}
