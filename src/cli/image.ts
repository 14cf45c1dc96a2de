import fs from 'node:fs'
import path from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemCode, UfrError } from '../base/errors.ts'
import { homePath } from '../base/paths.ts'
import type { Content } from '../image/content.ts'
import { extractTree } from '../image/extract.ts'
import { type ImagePart, openImage, wholeImageTree } from '../image/open.ts'
import { type FileSource, fileSource } from '../image/source.ts'
import { findImage, type ImageRecord, listImages } from '../image/store/record.ts'
import { outdatedImages, removeImages } from '../image/store/remove.ts'
import { type Entry, Tree } from '../image/tree.ts'
import { mebibytes } from './build.ts'
import { type Action, printJson } from './outcome.ts'
import { printable, printableLines } from './printable.ts'
import type {
  ImageExtractReport,
  ImageFilesReport,
  ImageInspectReport,
  ImageRemovedReport,
  ImagesReport,
} from './schema/image.ts'
import { table } from './table.ts'

export const list: Action = ({ words, json }) =>
  words[0] === undefined ? listStore(json) : opened(words[0], ({ tree }) => listTree(tree, json))

function listTree(tree: Tree, json: boolean): number {
  const entries = tree.sorted()
  if (json) printJson<ImageFilesReport>({ entries: entries.map(entryFacts) })
  else process.stdout.write(entries.map(([name, entry]) => `${line(name, entry)}\n`).join(''))
  return 0
}

function listStore(json: boolean): number {
  const images = listImages()
  if (json) {
    printJson<ImagesReport>({ images })
    return 0
  }
  const rows = images.map(({ digest, function: name, unikernel, kernel, volumes, builtAt }) => [
    digest.slice(0, 12),
    name,
    `${unikernel} ${kernel.version}`,
    mebibytes(volumes.reduce((sum, { bytes }) => sum + bytes, 0)),
    builtAt.slice(0, 19).replace('T', ' '),
  ])
  process.stdout.write(table(['IMAGE', 'FUNCTION', 'KERNEL', 'MiB', 'BUILT (UTC)'], rows))
  return 0
}

export const inspect: Action = ({ words, json }) =>
  opened(words[0], (image) => tell(String(words[0]), image, json))

function tell(given: string, image: Opened, json: boolean): number {
  const parts = image.parts.map(({ tree, ...facts }) => ({
    ...facts,
    entries: tree.size,
    bytes: tree.bytes(),
  }))
  if (json) {
    printJson<ImageInspectReport>({ image: given, ...(image.record && { record: image.record }), parts })
    return 0
  }
  for (const { manifest, ...facts } of parts) {
    const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '')
    process.stdout.write(
      `${shown.map(([name, value]) => `${name} ${printable(String(value))}`).join(', ')}\n`,
    )
    if (manifest) process.stdout.write(`${printableLines(JSON.stringify(manifest, null, 2))}\n`)
  }
  return 0
}

export const cat: Action = ({ words }) =>
  opened(words[0], ({ tree }) => print(tree, String(words[1]).replace(/^\/+/, ''), String(words[0])))

async function print(tree: Tree, wanted: string, given: string): Promise<number> {
  const entry = tree.get(wanted)
  if (entry?.kind !== 'file') {
    const what = entry ? `is a ${entry.kind}` : 'is not in it'
    throw new UfrError('UFR-IMAGE-MISSING', `${wanted} ${what}`, { fix: `See: ufr image ls ${given}` })
  }
  await pipeline(Readable.from(copies(entry.content)), process.stdout, { end: false })
  return 0
}

/** A stream may still hold a chunk when it asks for the next one. */
function* copies(content: Content): Iterable<Buffer> {
  for (const chunk of content.chunks()) yield Buffer.from(chunk)
}

export const remove: Action = ({ words, options, json, progress }) => {
  const outdated = options['outdated'] === true
  if (outdated === (words[0] !== undefined)) {
    throw new UfrError('UFR-USAGE', 'name one image, or give --outdated', { fix: 'See `ufr image ls`.' })
  }
  const images = outdated ? outdatedImages() : [findImage(String(words[0]))]
  const freed = removeImages(images)
  const removed = images.map(({ digest }) => digest)
  if (json) printJson<ImageRemovedReport>({ removed, freed })
  else progress.note(`Removed ${removed.length} images, ${mebibytes(freed)} MiB.`)
  return 0
}

export const extract: Action = async ({ words, json, progress }) => {
  const folder = path.resolve(String(words[1]))
  progress.step(`Extracting into ${folder}`)
  const entries = await opened(words[0], ({ tree }) => extractTree(tree, folder))
  progress.done()
  if (json) printJson<ImageExtractReport>({ folder, entries })
  else progress.note(`${entries} entries in ${folder}`)
  return 0
}

/** Opens an image for `use` and closes it afterwards. */
export async function opened<T>(given: unknown, use: (image: Opened) => Promise<T> | T): Promise<T> {
  const sources: FileSource[] = []
  try {
    return await use(open(String(given), sources))
  } finally {
    for (const source of sources) source[Symbol.dispose]()
  }
}

export interface Opened {
  parts: (ImagePart & { volume?: string })[]
  tree: Tree
  record?: ImageRecord
}

/**
 * A file, or an image of the store by the beginning of its digest: then each volume's files under the volume's role.
 * @param sources takes what has to be closed, whatever happens.
 */
function open(given: string, sources: FileSource[]): Opened {
  if (!fs.existsSync(given) && /^[0-9a-f]{6,64}$/.test(given)) return openStored(given, sources)
  const parts = openParts(given, sources)
  return { parts, tree: wholeImageTree(parts) }
}

function openStored(prefix: string, sources: FileSource[]): Opened {
  const record = findImage(prefix)
  const tree = new Tree()
  const parts: Opened['parts'] = []
  for (const { role, key } of record.volumes) {
    const found = openParts(homePath('volumes', `${key}.img`), sources)
    parts.push(...found.map((part) => ({ volume: role, ...part })))
    tree.directory(role).merge(wholeImageTree(found), role)
  }
  return { parts, tree, record }
}

/** @throws UfrError UFR-IMAGE-MISSING where the file cannot be read, UFR-FORMAT where it is no image. */
function openParts(file: string, sources: FileSource[]): ImagePart[] {
  try {
    // Opening a FIFO would wait for somebody to write to it.
    const stat = fs.statSync(file)
    if (!stat.isFile()) {
      const fix = 'Name a file, or an image of the store by its digest (`ufr image ls`).'
      throw new UfrError('UFR-FORMAT', stat.isDirectory() ? 'is a folder' : 'is no regular file', { fix })
    }
    const source = fileSource(file)
    sources.push(source)
    return openImage(source)
  } catch (error) {
    if (error instanceof UfrError)
      throw new UfrError(error.code, `${file}: ${error.message}`, { cause: error, fix: error.fix })
    if (systemCode(error) === undefined) throw error
    const why =
      systemCode(error) === 'ENOENT' ? 'does not exist' : `cannot be read: ${(error as Error).message}`
    throw new UfrError('UFR-IMAGE-MISSING', `${file} ${why}`, { cause: error })
  }
}

function entryFacts([path, entry]: [string, Entry]): ImageFilesReport['entries'][number] {
  if (entry.kind === 'link') return { path, kind: 'link', target: entry.target }
  const mode = entry.mode.toString(8).padStart(4, '0')
  return entry.kind === 'file'
    ? { path, kind: 'file', mode, bytes: entry.content.size }
    : { path, kind: 'directory', mode }
}

function line(name: string, entry: Entry): string {
  const shown = printable(name)
  if (entry.kind === 'link') return `l           - ${shown} -> ${printable(entry.target)}`
  if (entry.kind === 'directory') return `d           - ${shown}/`
  return `${entry.mode & 0o111 ? 'x' : '-'} ${String(entry.content.size).padStart(11)} ${shown}`
}
