import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import { environmentSettings, flagSettings } from '../function/settings.ts'
import type { FunctionSpec } from '../function/spec.ts'
import { findImage, type ImageRecord } from '../image/store/record.ts'
import type { Tree } from '../image/tree.ts'
import {
  type ExplainedFile,
  type ExplainedImage,
  explainFiles,
  explainFunction,
} from '../instance/explain-image.ts'
import { taskFolder } from '../language/program.ts'
import { opened } from './image.ts'
import { printManifest } from './image-manifest.ts'
import { size } from './observe.ts'
import { type Action, type Call, printJson } from './outcome.ts'
import { printable } from './printable.ts'
import type { ImageExplainReport } from './schema/image.ts'
import { table } from './table.ts'

/** What is explained: a function as it is now, or an image that only tells what is in it. */
interface Subject extends Partial<Omit<ExplainedImage, 'files'>> {
  title: string
  files: ExplainedFile[]
}

const mostLargest = 10
const mostNamed = 200

export const explainImage: Action = async (call) => {
  const { words, options, json } = call
  const given = String(words[0] ?? '.')
  const named = (words[1] ?? []) as string[]
  const overrides = { ...environmentSettings(), ...flagSettings(options) }
  if (options['manifest']) return printManifest(call, given, overrides)
  const subject = await subjectOf(call, given, overrides)
  if (options['unused'] && !subject.observation) throw unobserved(given)
  const chosen = choose(subject, given, named, options['unused'] === true)
  if (json) printJson<ImageExplainReport>(report(given, subject, chosen ?? subject.files))
  else if (named.length > 0) process.stdout.write(details(chosen ?? []))
  else if (chosen || options['all']) process.stdout.write(list(bySize(chosen ?? subject.files)))
  else process.stdout.write(summary(subject))
  return 0
}

async function subjectOf(call: Call, given: string, overrides: Partial<FunctionSpec>): Promise<Subject> {
  const stat = fs.statSync(given, { throwIfNoEntry: false })
  if (!stat && /^[0-9a-f]{6,64}$/.test(given)) return storedSubject(call, findImage(given), overrides)
  if (!stat?.isFile() || /\.json$/.test(given)) return functionSubject(call, given, overrides)
  return opened(given, ({ tree }) => bareSubject(given, tree))
}

async function functionSubject(
  { progress }: Call,
  given: string,
  overrides: Partial<FunctionSpec>,
): Promise<Subject> {
  const image = await explainFunction(given, overrides, progress)
  const { spec, unikernel } = image
  return { ...image, title: `${spec.name} for ${unikernel.name} ${unikernel.kernel.version}` }
}

/** An image of the store knows where it came from: what is there now explains it, if it still makes the same image. */
async function storedSubject(
  call: Call,
  record: ImageRecord,
  overrides: Partial<FunctionSpec>,
): Promise<Subject> {
  const { source, digest } = record
  const unikernel = record.unikernel as FunctionSpec['unikernel'] & string
  if (source !== undefined) {
    try {
      const subject = await functionSubject(call, source, { ...overrides, unikernel })
      if (subject.digest === digest) return subject
    } catch (error) {
      if (!(error instanceof UfrError)) throw error
    }
    call.progress.note(`${source} would not make this image any more: explained by what is in it alone.`)
  }
  const subject = await opened(digest, ({ tree }) => bareSubject(`${record.function} for ${unikernel}`, tree))
  return { ...subject, digest }
}

function bareSubject(title: string, tree: Tree): Subject {
  return { title, files: explainFiles(tree) }
}

function unobserved(given: string): UfrError {
  return new UfrError('UFR-USAGE', `nothing was observed of ${given} as it is now`, {
    fix: `Observe it: ufr build --observe ${given}`,
  })
}

/** The files that somebody wants to see; undefined for no choice. */
function choose(
  { files }: Subject,
  given: string,
  named: string[],
  unused: boolean,
): ExplainedFile[] | undefined {
  if (named.length === 0 && !unused) return undefined
  const fits = unused ? files.filter((file) => file.used === 'no' && file.reason !== 'ufr') : files
  if (named.length === 0) return fits
  return named.flatMap((name) => {
    const at = guestPath(given, name)
    const found = fits.filter((file) => file.path === at || file.path.startsWith(at === '/' ? at : `${at}/`))
    if (found.length === 0 && !unused) throw missing(name, at, files)
    return found
  })
}

/** As a path of the guest, or one in the function's folder. */
function guestPath(folder: string, name: string): string {
  if (name.startsWith('/')) return path.posix.normalize(name).replace(/(.)\/$/, '$1')
  const there = fs.existsSync(name) ? path.relative(path.resolve(folder), path.resolve(name)) : name
  return path.posix.join(`/${taskFolder}`, there.startsWith('..') ? name : there)
}

function missing(name: string, at: string, files: ExplainedFile[]): UfrError {
  const near = didYouMean(
    at,
    files.map((file) => file.path),
  )
  return new UfrError('UFR-IMAGE-MISSING', `${name} is not in the image${near}`, {
    fix: 'Name an absolute path in the guest, or a file in the folder; --all lists all.',
  })
}

interface Group {
  reason: ExplainedFile['reason']
  from?: string
  files: number
  bytes: number
}

/** By reason; what was needed, asked for or named one by one counts together. */
function groupsOf(files: ExplainedFile[]): Group[] {
  const groups = new Map<string, Group>()
  for (const { kind, reason, from, bytes } of files) {
    if (kind !== 'file') continue
    const whose = ['needed', 'observed'].includes(reason) ? undefined : from
    const key = JSON.stringify([reason, whose])
    const group = groups.get(key) ?? {
      reason,
      ...(whose !== undefined && { from: whose }),
      files: 0,
      bytes: 0,
    }
    groups.set(key, group)
    group.files++
    group.bytes += bytes
  }
  return [...groups.values()].sort((a, b) => b.bytes - a.bytes)
}

function report(given: string, subject: Subject, shown: ExplainedFile[]): ImageExplainReport {
  const { spec, unikernel, digest, observation, files } = subject
  return {
    image: given,
    ...(spec && { function: spec.name }),
    ...(unikernel && { unikernel: unikernel.name }),
    ...(digest !== undefined && { digest }),
    ...(observation && {
      observed: {
        ...{ at: observation.at, events: observation.events, complete: observation.complete },
        ...{ shrunk: observation.shrink, unused: sumOf(unusedOf(files)) },
      },
    }),
    total: sumOf(files),
    groups: groupsOf(files),
    files: bySize(shown),
  }
}

function sumOf(files: ExplainedFile[]): { files: number; bytes: number } {
  const all = files.filter(({ kind }) => kind === 'file')
  return { files: all.length, bytes: all.reduce((sum, { bytes }) => sum + bytes, 0) }
}

function unusedOf(files: ExplainedFile[]): ExplainedFile[] {
  return files.filter(({ used, reason }) => used === 'no' && reason !== 'ufr')
}

function bySize(files: ExplainedFile[]): ExplainedFile[] {
  return [...files].sort((a, b) => b.bytes - a.bytes || (a.path < b.path ? -1 : 1))
}

function summary({ title, files, observation }: Subject): string {
  const total = sumOf(files)
  const groups = groupsOf(files).map((group) => [size(group.bytes), String(group.files), whyGroup(group)])
  const lines = [`${printable(title)}: ${size(total.bytes)} in ${total.files} files\n\n`]
  lines.push(
    table(['SIZE', 'FILES', 'WHY'], groups),
    '\nThe largest:\n',
    list(bySize(files).slice(0, mostLargest)),
  )
  if (observation) {
    const unused = sumOf(unusedOf(files))
    const events =
      observation.events.length > 3 ? `${observation.events.length} events` : observation.events.join(', ')
    const shrunk = observation.shrink ? ' The image is shrunk to what it used, and a safe set.' : ''
    lines.push(
      `\nObserved on ${observation.at.slice(0, 10)} (${printable(events)}): ${unused.files} files with ${size(unused.bytes)} ` +
        `are carried for nothing (--unused lists them).${shrunk}\n`,
    )
  }
  return lines.join('')
}

function list(files: ExplainedFile[]): string {
  const rows = files.map((file) => [size(file.bytes), printable(file.path), whyShort(file)])
  return table(['SIZE', 'FILE', 'WHY'], rows)
}

/** Each file with all that is known of it. */
function details(files: ExplainedFile[]): string {
  const shown = files.slice(0, mostNamed).map((file) => {
    const { kind, target, neededBy, source, used, bytes } = file
    const what = kind === 'link' ? `link to ${printable(target ?? '')}` : size(bytes)
    const lines = [`${printable(file.path)} (${what})`, `  ${why(file)}`]
    if (neededBy) lines.push(`  needed by: ${neededBy.map(printable).join(' → ')}`)
    if (source !== undefined) lines.push(`  taken from: ${printable(source)}`)
    if (used !== undefined) lines.push(`  observed: ${uses[used]}`)
    return `${lines.join('\n')}\n`
  })
  const more = files.length - mostNamed
  return shown.join('') + (more > 0 ? `and ${more} more\n` : '')
}

const uses = { opened: 'opened', looked: 'asked about, not opened', no: 'not used' } as const

function whyShort(file: ExplainedFile): string {
  const by = file.neededBy?.at(-1)
  const bare = file.reason === 'needed' || file.reason === 'unknown'
  const needed = by === undefined || bare ? '' : `, needed by ${printable(by)}`
  const used = file.used === 'no' && file.reason !== 'ufr' ? ', not used' : ''
  const text = bare && by !== undefined ? `needed by ${printable(by)}` : why(file)
  return `${text}${needed}${used}`
}

function why({ reason, from }: Pick<ExplainedFile, 'reason' | 'from'>): string {
  const what = printable(from ?? '')
  switch (reason) {
    case 'folder':
      return "the function's folder, all of which goes into the image"
    case 'named':
      return `named in \`files\`: ${what}`
    case 'matched':
      return `matched by ${what} in \`files\``
    case 'program':
      return 'the program'
    case 'needed':
      return `a library or dynamic linker that is asked for as ${what}`
    case 'runtime':
      return `part of ${what}`
    case 'input':
      return `part of ${what}`
    case 'observed':
      return `added when the function was observed: ${what}`
    case 'ufr':
      return `ufr: ${what}`
    case 'unknown':
      return 'nobody says'
  }
}

function whyGroup(group: Group): string {
  if (group.reason === 'needed') return 'libraries that the program needs'
  if (group.reason === 'observed') return 'added when the function was observed'
  return why(group)
}
