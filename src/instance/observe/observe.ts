import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import { dial } from '../../link/dial.ts'
import { linuxKind } from '../../unikernel/linux/kind.ts'
import { linux } from '../../unikernel/linux/linux.ts'
import { observePort, readSeen, type Seen, timesTold } from '../../unikernel/linux/observe.ts'
import type { Accel } from '../../vmm/vmm.ts'
import { buildImage } from '../build.ts'
import type { Prepared } from '../prepare.ts'
import { awaitEnd, invokeOnce, type Run, requestOnce, withInstance } from '../run.ts'
import { observedProgram } from './apply.ts'
import { candidatePaths } from './candidates.ts'
import type { TestEvent } from './events.ts'
import { hostFiles } from './host-files.ts'
import { type Judged, judge } from './judge.ts'
import { type AddedFile, folderFiles, type Observation, readObservation, sourcesKey } from './record.ts'

export interface ObserveOptions {
  accel: Accel | 'auto'
  progress: Progress
  signal: AbortSignal
  /** Takes what the guest prints. */
  output(bytes: Buffer): void
}

export interface Observed {
  observation: Observation
  /** What went wrong while it was asked, if anything did. */
  failure?: UfrError
  /** Keys of volumes that were written for this only. */
  volumes: string[]
}

/** What tracing takes of the guest's memory. */
const tracingMiB = 64
const tellMs = 60_000

/**
 * Runs a function once on the Linux guest, asks it for all test events, and sees which files it asks the kernel for. It
 * is given more than its image has: all of its folder, and what the host has of the files that its programs name.
 * @param prepared the function as it would be built, without anything observed before.
 * @throws UfrError UFR-OBSERVE where the guest could not be observed; as for any run where it does not even boot.
 */
export async function observe(
  prepared: Omit<Prepared, 'image'>,
  events: TestEvent[],
  options: ObserveOptions,
): Promise<Observed> {
  const { spec, program } = prepared
  const files = folderFiles(spec)
  const key = sourcesKey(spec, program, files)
  const candidates = hostFiles(candidatePaths(spec, program), spec, program, program.base.tree())
  const before = readObservation(spec.folder)
  // What the last run lacked leads to what it would have asked for next.
  const known = before?.key === key ? before.added.filter(isThere) : []
  const given = [...known, ...candidates.added]
  const wide = widened(program, files, given)
  const { seen, failure, volumes } = await runOnce({ ...prepared, program: wide }, events, options)
  if (!seen) throw failure ?? untold()
  if (!seen.traced) throw untraceable()
  const root = wide.base.tree().merge(wide.task, taskFolder)
  const judged = judge(seen.paths, root, program.workingDirectory)
  const { added, refused } = lacking(spec, program, judged, given)
  const observation: Observation = {
    schemaVersion: 1,
    key,
    function: spec.name,
    folder: spec.folder,
    at: new Date().toISOString(),
    events: events.map(({ name }) => name),
    complete: !failure && !seen.lost,
    opened: [...judged.opened].sort(),
    // What was not there could not be opened.
    looked: [...new Set([...judged.looked, ...added.map(({ path: at }) => at)])]
      .filter((at) => !judged.opened.has(at))
      .sort(),
    listed: [...judged.listed].sort(),
    ...{ added, refused, shrink: false },
  }
  return { observation, volumes, ...(failure && { failure }) }
}

function isThere({ from, bytes }: AddedFile): boolean {
  return fs.statSync(from, { throwIfNoEntry: false })?.size === bytes
}

/** The program with all that it might ask for. */
function widened(program: Program, files: Tree, added: AddedFile[]): Program {
  const task = new Tree().merge(program.task)
  for (const [path, entry] of files.sorted()) {
    const parents = path.split('/').map((_, i, parts) => parts.slice(0, i).join('/'))
    const blocked = parents.some((parent) => parent !== '' && isNoFolder(task, parent))
    if (!blocked && !task.has(path)) task.set(path, entry)
  }
  return { ...observedProgram(program, { added } as Observation), task }
}

function isNoFolder(tree: Tree, at: string): boolean {
  const entry = tree.get(at)
  return entry !== undefined && entry.kind !== 'directory'
}

/** What the function asked for and its image would not have. */
function lacking(
  spec: FunctionSpec,
  program: Program,
  { opened, looked, absent }: Judged,
  candidates: AddedFile[],
): Pick<Observation, 'added' | 'refused'> {
  const base = program.base.tree()
  const added: AddedFile[] = []
  for (const at of [...opened, ...looked]) {
    const inTask = at.startsWith(`/${taskFolder}/`) ? at.slice(taskFolder.length + 2) : undefined
    const candidate = candidates.find(({ path }) => path === at)
    if (candidate) added.push(candidate)
    else if (inTask !== undefined && !program.task.has(inTask)) {
      const content = folderFile(spec, inTask)
      if (content) added.push({ path: at, ...content, why: 'asked for by the function' })
    }
  }
  const fromHost = hostFiles(absent, spec, program, base)
  const more = fromHost.added.filter((file) => !added.some(({ path }) => path === file.path))
  return { added: [...added, ...more], refused: fromHost.refused }
}

function folderFile(spec: FunctionSpec, inTask: string): { from: string; bytes: number } | undefined {
  const file = path.join(spec.folder, inTask)
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat?.isFile() ? { from: fs.realpathSync.native(file), bytes: stat.size } : undefined
}

interface Once {
  seen: Seen | undefined
  failure: UfrError | undefined
  volumes: string[]
}

async function runOnce(
  prepared: Omit<Prepared, 'image'>,
  events: TestEvent[],
  options: ObserveOptions,
): Promise<Once> {
  const { progress, signal, accel, output } = options
  const { kernel } = await linuxKind.open(progress)
  const unikernel = linux(kernel, true)
  const { spec } = prepared
  const observed: FunctionSpec = {
    ...spec,
    ...{ vmm: 'qemu', unikernel: 'linux' },
    memoryMiB: Math.max(spec.memoryMiB, unikernel.leastMemoryMiB) + tracingMiB,
  }
  const volumes: string[] = []
  let told = ''
  let wanted = 1
  const whole = Promise.withResolvers<void>()
  const failure = await withInstance(
    {
      ...{ folder: spec.folder, overrides: {}, accel, link: 'auto', progress, signal, output },
      async prepareWith() {
        progress.step(`Building the image in which ${spec.name} is observed`)
        const image = await buildImage(observed, prepared.program, unikernel, performance.now(), false)
        volumes.push(...Object.values(image.volumes).flatMap((each) => (each.cached ? [] : [each.key])))
        progress.step(`Observing ${spec.name}`)
        return { ...prepared, spec: observed, unikernel, image }
      },
      kernelLines: output,
      errors(bytes) {
        told += bytes.toString('latin1')
        if (timesTold(told) >= wanted) whole.resolve()
      },
    },
    async (run) => {
      const failed = await askAll(run, events).catch(asFailure)
      // What is being told just now may have begun before the answer.
      if (run.api) wanted = timesTold(told) + 2
      if (spec.shape !== 'program') await awaitTold(run, whole.promise, signal).catch(() => {})
      return failed
    },
  ).catch(asFailure)
  progress.done()
  signal.throwIfAborted()
  return { seen: readSeen(Buffer.from(told, 'latin1').toString()), failure, volumes }
}

function asFailure(error: unknown): UfrError {
  if (error instanceof UfrError) return error
  throw error
}

/** @returns what the function answered an event with, where that is an error. */
async function askAll(run: Run, events: TestEvent[]): Promise<UfrError | undefined> {
  const { shape } = run.prepared.spec
  for (const { name, event, request } of events) {
    if (shape === 'program') {
      const status = await awaitEnd(run, {})
      if (status !== 0) return failed(`it ended with exit status ${status}`, run)
    } else if (shape === 'web') {
      const { status } = await requestOnce(run, {}, request)
      if (status >= 500) return failed(`it answered ${name} with the status ${status}`, run)
    } else {
      const { body, error } = await invokeOnce(run, {}, event)
      if (error !== undefined) return failed(`${name} made it fail: ${body.toString().slice(0, 2000)}`, run)
    }
  }
  return undefined
}

function failed(what: string, { prepared, instance }: Run): UfrError {
  return new UfrError('UFR-OBSERVE', `${prepared.spec.name} failed while it was observed: ${what}`, {
    detail: instance.console.tail(),
  })
}

/** Has the guest tell what it saw, and waits until it has or there is no guest any more. */
async function awaitTold(run: Run, told: Promise<void>, signal: AbortSignal): Promise<void> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(tellMs)])
  const late = Promise.withResolvers<void>()
  limit.addEventListener('abort', () => late.resolve())
  // A guest that calls cannot be called, and tells by itself.
  const socket = run.api ? undefined : await dial(await run.instance.reach(observePort), limit)
  try {
    socket?.end()
    await Promise.race([told, run.instance.ended, late.promise])
  } finally {
    socket?.destroy()
  }
}

function untold(): UfrError {
  return new UfrError('UFR-OBSERVE', 'the guest did not tell which files the function asked for', {
    fix: 'Run again; if it stays so, report it together with the output of UFR_DEBUG=1.',
  })
}

function untraceable(): UfrError {
  return new UfrError('UFR-OBSERVE', 'this Linux kernel cannot tell which files a program asks for', {
    fix: "It lacks CONFIG_KPROBE_EVENTS. Debian's has it: ufr kernel pull linux",
  })
}
