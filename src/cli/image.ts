import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from '../base/errors.ts'
import { homePath } from '../base/paths.ts'
import { extractTree } from '../image/extract.ts'
import { type ImagePart, openImage, wholeImageTree } from '../image/open.ts'
import { type FileSource, fileSource } from '../image/source.ts'
import { findImage, listImages } from '../image/store/record.ts'
import { type Entry, Tree } from '../image/tree.ts'
import { mebibytes } from './build.ts'
import { type Action, printJson } from './outcome.ts'
import { table } from './table.ts'

export const list: Action = ({ words, json }) =>
  words[0] === undefined ? listStore(json) : opened(words[0], ({ tree }) => listTree(tree, json))

function listTree(tree: Tree, json: boolean): number {
  const entries = tree.sorted()
  if (json) printJson({ entries: entries.map(([name, entry]) => ({ path: name, ...entryFacts(entry) })) })
  else process.stdout.write(entries.map(([name, entry]) => `${line(name, entry)}\n`).join(''))
  return 0
}

function listStore(json: boolean): number {
  const images = listImages()
  if (json) {
    printJson({ images })
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
    printJson({ image: given, ...(image.record && { record: image.record }), parts })
    return 0
  }
  for (const { manifest, ...facts } of parts) {
    const shown = Object.entries(facts).filter(([, value]) => value !== undefined && value !== '')
    process.stdout.write(`${shown.map(([name, value]) => `${name} ${value}`).join(', ')}\n`)
    if (manifest) process.stdout.write(`${JSON.stringify(manifest, null, 2)}\n`)
  }
  return 0
}

export const cat: Action = ({ words }) =>
  opened(words[0], ({ tree }) => print(tree, String(words[1]).replace(/^\/+/, ''), String(words[0])))

function print(tree: Tree, wanted: string, given: string): number {
  const entry = tree.get(wanted)
  if (entry?.kind !== 'file') {
    const what = entry ? `is a ${entry.kind}` : 'is not in it'
    throw new UfrError('UFR-IMAGE-MISSING', `${wanted} ${what}`, { fix: `See: ufr image ls ${given}` })
  }
  for (const chunk of entry.content.chunks()) fs.writeSync(1, chunk)
  return 0
}

export const extract: Action = ({ words, json, progress }) => {
  const folder = path.resolve(String(words[1]))
  progress.step(`Extracting into ${folder}`)
  const entries = opened(words[0], ({ tree }) => extractTree(tree, folder))
  progress.done()
  if (json) printJson({ folder, entries })
  else progress.note(`${entries} entries in ${folder}`)
  return 0
}

/** Opens an image for `use` and closes it afterwards. */
function opened<T>(given: unknown, use: (image: Opened) => T): T {
  const image = open(String(given))
  try {
    return use(image)
  } finally {
    image[Symbol.dispose]()
  }
}

interface Opened extends Disposable {
  parts: ImagePart[]
  tree: Tree
  record?: ReturnType<typeof findImage>
}

/** A file, or an image of the store by the beginning of its digest: then each volume's files under the volume's role. */
function open(given: string): Opened {
  if (!fs.existsSync(given) && /^[0-9a-f]{6,64}$/.test(given)) return openStored(given)
  let source: FileSource
  try {
    source = fileSource(given)
  } catch (cause) {
    const message = systemCode(cause) === 'ENOENT' ? `${given} does not exist` : `${given} cannot be read`
    throw new UfrError('UFR-IMAGE-MISSING', message, { cause })
  }
  try {
    const parts = openImage(source)
    return { parts, tree: wholeImageTree(parts), [Symbol.dispose]: () => source[Symbol.dispose]() }
  } catch (error) {
    source[Symbol.dispose]()
    if (!(error instanceof UfrError)) throw error
    throw new UfrError(error.code, `${given}: ${error.message}`, { cause: error, fix: error.fix })
  }
}

function openStored(prefix: string): Opened {
  const record = findImage(prefix)
  const sources: FileSource[] = []
  const tree = new Tree()
  const parts: ImagePart[] = []
  for (const { role, key } of record.volumes) {
    const source = fileSource(homePath('volumes', `${key}.img`))
    sources.push(source)
    for (const part of openImage(source)) {
      parts.push(part)
      tree.directory(role).merge(part.tree, role)
    }
  }
  return {
    parts,
    tree,
    record,
    [Symbol.dispose]() {
      for (const source of sources) source[Symbol.dispose]()
    },
  }
}

function entryFacts(entry: Entry): Record<string, unknown> {
  if (entry.kind === 'link') return { kind: 'link', target: entry.target }
  const mode = entry.mode.toString(8).padStart(4, '0')
  return entry.kind === 'file'
    ? { kind: 'file', mode, bytes: entry.content.size }
    : { kind: 'directory', mode }
}

function line(name: string, entry: Entry): string {
  const shown = printable(name)
  if (entry.kind === 'link') return `l           - ${shown} -> ${printable(entry.target)}`
  if (entry.kind === 'directory') return `d           - ${shown}/`
  return `${entry.mode & 0o111 ? 'x' : '-'} ${String(entry.content.size).padStart(11)} ${shown}`
}

/** Names of a foreign image can hold anything, also what a terminal would obey. */
function printable(text: string): string {
  return text.replace(
    /[\0-\x1f\x7f-\x9f]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
