import { UfrError } from '../base/errors.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { listImages } from '../image/store/record.ts'
import { dropVolumes } from '../image/store/volume.ts'
import { explainedTree } from '../instance/explain-image.ts'
import { currentObservation, observedProgram } from '../instance/observe/apply.ts'
import { testEvents } from '../instance/observe/events.ts'
import { observe } from '../instance/observe/observe.ts'
import {
  type AddedFile,
  forgetObservation,
  type Observation,
  writeObservation,
} from '../instance/observe/record.ts'
import { type Usage, usageOf } from '../instance/observe/usage.ts'
import { type Prepared, prepareProgram } from '../instance/prepare.ts'
import { readAccel, readEvent, readRequestPath } from './input.ts'
import type { Call } from './outcome.ts'
import { printable } from './printable.ts'
import type { BuildReport } from './schema/build.ts'

export interface ObservedFirst {
  report?: BuildReport['observed']
  /** What is to be said in the end: the image is built all the same. */
  failure?: UfrError | undefined
  /** Takes away what was built only to observe. */
  dropVolumes(): void
}

const mostShown = 8

/** Whether the command line asks for anything about observations. */
export function asksToObserve(options: Record<string, unknown>): boolean {
  const asked = ['observe', 'shrink', 'forget'].some((name) => options[name] === true)
  const unfit = ['event', 'request'].find(
    (name) => options[name] !== undefined && options['observe'] !== true,
  )
  if (unfit !== undefined) {
    throw new UfrError('UFR-USAGE', `--${unfit} goes with --observe`, {
      fix: `Give --observe as well, or leave --${unfit} out.`,
    })
  }
  if (asked && options['forget'] === true && (options['observe'] || options['shrink'])) {
    throw new UfrError('UFR-USAGE', '--forget does not go with --observe and --shrink', {
      fix: 'Observing anew forgets what was observed before.',
    })
  }
  return asked
}

/**
 * What a build does first where something is to be observed: it is stored, and this build and later ones go by it.
 * @throws UfrError UFR-OBSERVE; UFR-USAGE for --shrink where nothing was observed.
 */
export async function observeFirst(
  call: Call,
  folder: string,
  overrides: Partial<FunctionSpec>,
): Promise<ObservedFirst> {
  const { options, progress } = call
  const shrink = options['shrink'] === true
  // What there is to note is noted when the image is built.
  const prepared = await prepareProgram(folder, overrides, { ...progress, note() {} })
  const { spec, program } = prepared
  if (options['forget'] === true) {
    const there = forgetObservation(spec.folder)
    progress.note(
      there ? `Forgot what was observed of ${spec.name}.` : `Nothing was observed of ${spec.name}.`,
    )
    return { dropVolumes() {} }
  }
  if (options['observe'] !== true) {
    const observation = currentObservation(spec, program, progress)
    if (!observation?.complete) throw unobserved(spec, observation)
    writeObservation({ ...observation, shrink })
    return { ...tell(call, prepared, { ...observation, shrink }), dropVolumes() {} }
  }
  const { observation, failure, volumes } = await observeNow(call, prepared)
  const kept = { ...observation, shrink: shrink && observation.complete }
  writeObservation(kept)
  return {
    ...tell(call, prepared, kept),
    failure: failure && withAdvice(failure, kept),
    dropVolumes: () => dropVolumes(volumes, neededVolumes()),
  }
}

async function observeNow(call: Call, prepared: Omit<Prepared, 'image'>) {
  const { options, progress, signal } = call
  const { spec } = prepared
  const [event, request] = [await readEvent(options['event'], signal), readRequestPath(options['request'])]
  refuseUnfit(options, spec)
  const events = testEvents(spec.folder, spec.shape, { event, request })
  const verbose = Boolean(process.env['UFR_DEBUG'])
  return observe(prepared, events, {
    accel: readAccel(undefined),
    ...{ progress, signal },
    output: (bytes) => void (verbose && process.stderr.write(Buffer.from(bytes))),
  })
}

function refuseUnfit(options: Record<string, unknown>, { shape }: FunctionSpec): void {
  const event = options['event'] !== undefined && shape !== 'handler'
  const request = options['request'] !== undefined && shape !== 'web'
  if (!event && !request) return
  throw new UfrError('UFR-USAGE', `${event ? '--event' : '--request'} does not go with the shape ${shape}`, {
    fix: '--event goes with a handler, --request with a web function.',
  })
}

function neededVolumes(): Set<string> {
  return new Set(listImages().flatMap(({ volumes }) => volumes.map(({ key }) => key)))
}

function unobserved(spec: FunctionSpec, observation: Observation | undefined): UfrError {
  const why = observation
    ? 'not all of it was seen when it was observed'
    : 'nothing was observed of it as it is now'
  return new UfrError('UFR-USAGE', `${spec.name} cannot be shrunk: ${why}`, {
    fix: 'Observe it in the same go: ufr build --observe --shrink',
  })
}

function withAdvice(failure: UfrError, { added, refused }: Observation): UfrError {
  const lacked = refused.map(({ path, why }) => `not added: ${path} (${why})`)
  const detail = [...failure.detail, ...lacked]
  if (added.length === 0) return new UfrError(failure.code, failure.message, { ...failure, detail })
  const fix = `${added.length} files that it asked for were added now: observe it again.`
  return new UfrError(failure.code, failure.message, { detail, fix, cause: failure })
}

function tell(
  { json, progress }: Call,
  { spec, program, unikernel }: Omit<Prepared, 'image'>,
  observation: Observation,
): { report: NonNullable<BuildReport['observed']> } {
  const usageWith = (chosen: Observation) =>
    usageOf(explainedTree(unikernel, observedProgram(program, chosen)), observation)
  const usage = usageWith(observation)
  const { at, events, complete, added, refused, shrink } = observation
  const { used, unused } = usage
  const sum = ({ files, bytes }: Usage['used']) => ({ files, bytes })
  const report = {
    at,
    events,
    complete,
    used: sum(used),
    unused: sum(unused),
    added,
    refused,
    shrunk: shrink,
  }
  if (json) return { report }
  const asked = events.length > 3 ? `${events.length} events` : events.join(', ')
  progress.note(
    `Observed ${spec.name} on ${asked}: it used ${used.files} of ${used.files + unused.files} files.`,
  )
  for (const line of addedLines(added)) progress.note(line)
  for (const { path, why } of refused.slice(0, mostShown)) {
    progress.note(`Not added, although it was asked for: ${printable(path)} (${why}).`)
  }
  if (observation.listed.length > 0 && shrink) {
    progress.note(`It asked what is in ${listed(observation.listed)}: what it did not open there is gone.`)
  }
  const places = usage.places.slice(0, 3).map(({ place, bytes }) => `${printable(place)} ${size(bytes)}`)
  const most = places.length > 0 ? ` (most of it: ${places.join(', ')})` : ''
  const spared =
    shrink || !complete ? 0 : unused.bytes - usageWith({ ...observation, shrink: true }).unused.bytes
  const way = spared > 0 ? ` \`ufr build --shrink\` leaves out ${size(spared)} of it.` : ''
  progress.note(`Carried for nothing: ${size(unused.bytes)} in ${unused.files} files${most}.${way}`)
  return { report }
}

function addedLines(added: AddedFile[]): string[] {
  const lines = added.map(({ path, bytes, why }) => `Added: ${printable(path)} (${size(bytes)}), ${why}.`)
  const more = lines.length - mostShown
  return more > 0 ? [...lines.slice(0, mostShown), `Added: ${more} more files.`] : lines
}

function listed(all: string[]): string {
  const shown = all.slice(0, 3).map(printable).join(', ')
  return all.length > 3 ? `${shown} and ${all.length - 3} more folders` : shown
}

/** Bytes for people. */
export function size(bytes: number): string {
  if (bytes >= 1 << 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`
  return bytes >= 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${bytes} bytes`
}
