import { didYouMean, nearest } from '../../../base/nearest.ts'
import { pathText } from '../../check.ts'
import { type JsonDocument, parseJson } from '../../json.ts'
import { inputError, type TextFile } from '../text.ts'
import { guards, harmlessKlibs, type OpsKey, opsKeys, runKeys } from './keys.ts'

type Path = (string | number)[]

/** What an ops configuration says, as far as ufr makes something of it. */
export interface OpsConfig {
  args: string[]
  dirs: string[]
  files: string[]
  mapDirs: Record<string, string>
  environment: Record<string, string>
  program?: string
  copiesFirstArgument: boolean
  parent?: string
  sysroot?: string
  workingDirectory?: string
  memoryMiB?: number
  cpus?: number
  ports: number[]
  /** What was left out, one sentence for each reason. */
  notes: string[]
  /** Where a value is in the text: by the key as the schema spells it, and an index or key in it. */
  at(path: Path): number
}

/** A value with its key as the schema spells it, whose place is known by the keys as written. */
interface Read {
  file: TextFile
  json: JsonDocument
  spelled: Map<string, Path>
  left: Map<string, string[]>
}

/** @throws UfrError UFR-INPUT with file, line and column for unknown keys, wrong types and what ufr refuses. */
export function readOps(file: TextFile): OpsConfig {
  const json = parseJson(file.text, (message, at) => {
    throw inputError(file, at, message)
  })
  const read: Read = { file, json, spelled: new Map(), left: new Map() }
  const top = keysOf(read, [], json.value, opsKeys)
  const run = keysOf(read, ['RunConfig'], top['RunConfig'] ?? {}, runKeys)
  const program = top['Program'] as string | undefined
  const workingDirectory = passthrough(read, top['ManifestPassthrough'])
  refuseKlibs(read, (top['Klibs'] ?? []) as string[])
  const ports = ((run['Ports'] ?? []) as (string | number)[]).map((port, i) => portOf(read, port, i))
  const [port] = ports
  if (ports.length > 1) leave(read, 'RunConfig.Ports', `all but ${port}: a web function has one port`)
  const memoryMiB = memoryOf(read, run['Memory'] as string | number | undefined)
  const cpus = cpusOf(read, run['CPUs'] as number | undefined)
  return {
    args: (top['Args'] ?? []) as string[],
    dirs: (top['Dirs'] ?? []) as string[],
    files: (top['Files'] ?? []) as string[],
    mapDirs: (top['MapDirs'] ?? {}) as Record<string, string>,
    environment: (top['Env'] ?? {}) as Record<string, string>,
    ...(program ? { program } : {}),
    copiesFirstArgument: top['DisableArgsCopy'] !== true,
    ...(top['LocalFilesParentDirectory'] ? { parent: top['LocalFilesParentDirectory'] as string } : {}),
    ...(top['TargetRoot'] ? { sysroot: top['TargetRoot'] as string } : {}),
    ...(workingDirectory === undefined ? {} : { workingDirectory }),
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(cpus === undefined ? {} : { cpus }),
    ports,
    notes: notesOf(read),
    at: (path) => placeOf(read, path),
  }
}

/** Values by the schema's spelling: ops reads with Go's encoding/json, to which `ENV` and `env` are `Env`. */
function keysOf(
  read: Read,
  path: Path,
  value: unknown,
  known: Readonly<Record<string, OpsKey>>,
): Record<string, unknown> {
  if (!isObject(value)) throw wrong(read, path, 'an object', value)
  const found: Record<string, unknown> = {}
  for (const [written, one] of Object.entries(value)) {
    const spelling = spellingOf(written, known)
    const at = [...path, written]
    if (spelling === undefined) throw unknownKey(read, at, written, Object.keys(known))
    if (Object.hasOwn(found, spelling)) {
      const message = `${pathText(at)} is the same key as ${pathText([...path, spelling])}, which is there already`
      throw inputError(read.file, read.json.at(at, true), message)
    }
    read.spelled.set(JSON.stringify([...path, spelling]), at)
    // As Go has it: null leaves a value as it is.
    if (one === null) continue
    const key = known[spelling]!
    requireKind(read, at, key, one)
    if (key.handling === 'refused' && !isEmpty(one)) {
      const what = `${pathText(at)} cannot be had here: ${key.says}`
      throw inputError(read.file, read.json.at(at, true), what, { fix: `Remove ${pathText(at)}.` })
    }
    if (key.handling === 'noted' && !isEmpty(one)) leave(read, pathText(at), key.says)
    found[spelling] = one
  }
  return found
}

function spellingOf(written: string, known: Readonly<Record<string, OpsKey>>): string | undefined {
  if (Object.hasOwn(known, written)) return written
  const lower = written.toLowerCase()
  return Object.keys(known).find((name) => name.toLowerCase() === lower)
}

function unknownKey(read: Read, at: Path, written: string, known: string[]): Error {
  const elsewhere = at.length > 1 ? opsKeys : runKeys
  const other = at.length > 1 ? 'beside RunConfig' : 'in RunConfig'
  const near = didYouMean(written, known)
  const moved = spellingOf(written, elsewhere)
  const hint = near || (moved === undefined ? '' : `; ${moved} belongs ${other}`)
  const best = nearest(written, known) ?? moved
  const where = at.length > 1 ? ` in ${pathText(at.slice(0, -1))}` : ''
  const message = `unknown key ${JSON.stringify(written)}${where}${hint}`
  const fix =
    best === undefined
      ? 'Remove it: ops does not know it either.'
      : `Write ${JSON.stringify(best)}, or remove it.`
  return inputError(read.file, read.json.at(at, true), message, { fix })
}

function requireKind(read: Read, at: Path, { kind }: OpsKey, value: unknown): void {
  if (kind === 'text' && typeof value !== 'string') {
    // Numbers are as good as texts where the manual of old had them.
    if (at.at(-1) === 'Memory' && Number.isInteger(value)) return
    throw wrong(read, at, 'a text in double quotes', value)
  }
  if (kind === 'flag' && typeof value !== 'boolean') throw wrong(read, at, 'true or false', value)
  if (kind === 'whole' && !Number.isInteger(value)) throw wrong(read, at, 'a whole number', value)
  if (kind === 'texts')
    requireItems(read, at, value, (item) => typeof item === 'string', 'a text in double quotes')
  if (kind === 'ports') {
    const fits = (item: unknown) => typeof item === 'string' || Number.isInteger(item)
    requireItems(read, at, value, fits, 'a port, such as "8080"')
  }
  if (kind === 'map') {
    if (!isObject(value)) throw wrong(read, at, 'an object', value)
    for (const [name, text] of Object.entries(value)) {
      if (typeof text !== 'string') throw wrong(read, [...at, name], 'a text in double quotes', text)
      if (`${name}${text}`.includes('\0')) throw wrong(read, [...at, name], 'without NUL characters', text)
    }
  }
}

function requireItems(
  read: Read,
  at: Path,
  value: unknown,
  fits: (item: unknown) => boolean,
  what: string,
): void {
  if (!Array.isArray(value)) throw wrong(read, at, 'a list', value)
  for (const [i, item] of value.entries()) {
    if (!fits(item)) throw wrong(read, [...at, i], what, item)
    if (String(item).includes('\0')) throw wrong(read, [...at, i], 'without NUL characters', item)
  }
}

function wrong(read: Read, at: Path, what: string, value: unknown): Error {
  const shown = Array.isArray(value) ? 'a list' : isObject(value) ? 'an object' : JSON.stringify(value)
  const short = shown.length > 80 ? `${shown.slice(0, 76)}…` : shown
  const subject = at.length > 0 ? pathText(at) : 'the configuration'
  return inputError(read.file, read.json.at(at, false), `${subject} must be ${what}, not ${short}`)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What Go leaves out of JSON (`omitempty`): it says nothing. */
function isEmpty(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0
  if (isObject(value)) return Object.keys(value).length === 0
  return value === '' || value === false || value === 0
}

function leave(read: Read, name: string, why: string): void {
  read.left.set(why, [...(read.left.get(why) ?? []), name])
}

function notesOf({ left, file }: Read): string[] {
  return [...left].map(([why, names]) => `${file.file}: ${names.join(', ')} left out: ${why}.`)
}

function placeOf({ json, spelled }: Read, path: Path): number {
  for (let length = path.length; length > 0; length--) {
    const written = spelled.get(JSON.stringify(path.slice(0, length)))
    if (written) return json.at([...written, ...path.slice(length)], false)
  }
  return json.at(path, false)
}

/** ops: hands what is in it to the kernel's manifest as it is. @returns the working directory that it sets. */
function passthrough(read: Read, value: unknown): string | undefined {
  if (value === undefined) return undefined
  const written = read.spelled.get('["ManifestPassthrough"]') ?? ['ManifestPassthrough']
  if (!isObject(value)) throw wrong(read, written, 'an object', value)
  let cwd: string | undefined
  for (const [name, one] of Object.entries(value)) {
    const at = [...written, name]
    if (guards.has(name)) {
      const what = `${pathText(at)} cannot be had here: it guards the guest, and ufr would leave it out`
      throw inputError(read.file, read.json.at(at, true), what, { fix: `Remove ${pathText(at)}.` })
    }
    if (name !== 'cwd') leave(read, pathText(at), "a setting of the Nanos kernel's, which ufr writes itself")
    else if (typeof one === 'string' && !one.includes('\0')) cwd = one
    else throw wrong(read, at, 'a path', one)
  }
  return cwd
}

function refuseKlibs(read: Read, klibs: string[]): void {
  const written = read.spelled.get('["Klibs"]') ?? ['Klibs']
  for (const [i, klib] of klibs.entries()) {
    if (harmlessKlibs.has(klib)) {
      leave(read, `${pathText(written)} ${klib}`, 'klibs are not loaded; no program sees this one')
      continue
    }
    const what = `the klib ${JSON.stringify(klib)} cannot be had here: ufr loads no klibs`
    throw inputError(read.file, read.json.at([...written, i], false), what, {
      fix: 'Remove it, if the program does without.',
    })
  }
}

function portOf(read: Read, value: string | number, index: number): number {
  // Ranges are ops's own way to write several.
  const match = /^(\d{1,5})(?:-\d{1,5})?$/.exec(String(value))
  const port = Number(match?.[1])
  if (port >= 1 && port <= 65535) return port
  throw wrong(
    read,
    [...(read.spelled.get('["RunConfig","Ports"]') ?? []), index],
    'a port from 1 to 65535',
    value,
  )
}

function memoryOf(read: Read, value: string | number | undefined): number | undefined {
  if (value === undefined || value === '') return undefined
  const match = /^(\d{1,9})\s*([mg])?(?:i?b)?$/i.exec(String(value))
  const mebibytes = Number(match?.[1]) * (/g/i.test(match?.[2] ?? '') ? 1024 : 1)
  if (mebibytes >= 1 && mebibytes <= 1_048_576) return mebibytes
  const at = read.spelled.get('["RunConfig","Memory"]') ?? []
  throw wrong(read, at, 'a size such as "512m" or "2G"', value)
}

function cpusOf(read: Read, value: number | undefined): number | undefined {
  if (value === undefined || value === 0) return undefined
  if (value >= 1 && value <= 64) return value
  throw wrong(read, read.spelled.get('["RunConfig","CPUs"]') ?? [], 'from 1 to 64', value)
}
