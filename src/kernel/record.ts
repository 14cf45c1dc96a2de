import { createHash } from 'node:crypto'
import { checkPath } from '../image/tree.ts'

/** One file of an entry. */
export interface StoredFile {
  role: string
  /** Path below the entry's folder. */
  path: string
  bytes: number
  sha256: string
}

/** What an entry was built from, and by what. */
export interface BuildFacts {
  /** Address of the git repository; never with a password. */
  repo: string
  /** What was asked for: a branch, a tag or a commit. */
  ref: string
  commit: string
  /** The command that made it, word by word. */
  command: string[]
  /** What was taken, as a path in the clone. */
  output: string
  submodules: { path: string; commit: string }[]
}

/** How an entry came into the store. */
export interface Provenance {
  how: 'pull' | 'import' | 'build'
  /** Address, package, path or repository that it was taken from; never with a password. */
  from: string
  /** When it was registered, ISO 8601. */
  at: string
  /** sha256 of what was downloaded or imported, where that is one file. */
  sha256?: string
  /** The sum that upstream publishes, checked; `weak` where it finds damage but no malice. */
  upstreamChecksum?: { algorithm: string; value: string; weak: boolean }
  /** Where it was built here. */
  build?: BuildFacts
}

/** The record of an entry: `kernel.json`, `vmm.json`. */
export interface StoreRecord {
  schemaVersion: 1
  name: string
  version: string
  /** sha256 over role, path and sha256 of all files in order: names the content. */
  digest: string
  files: StoredFile[]
  details: Record<string, string>
  provenance: Provenance
}

const maxFiles = 1000

/** Names the content of an entry: the same files in the same roles and order always have the same digest. */
export function digestOf(files: readonly StoredFile[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file.role}\0${file.path}\0${file.sha256}\n`)
  return hash.digest('hex')
}

type Shape = { [key: string]: unknown }

function object(value: unknown, what: string): Shape {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Shape
  throw new Error(`its record's ${what} is no object`)
}

function strings(shape: Shape, what: string, keys: readonly string[]): void {
  for (const key of keys) {
    if (typeof shape[key] !== 'string') throw new Error(`its record's ${what}${key} is no text`)
  }
}

function sum(value: unknown, what: string): void {
  if (typeof value !== 'string' || !/^[0-9a-f]{64}$/.test(value)) {
    throw new Error(`its record's ${what} is no sha256`)
  }
}

/**
 * By hand, not by a schema library: this is read at every run, and loading one takes longer than all checks.
 * @throws Error saying what is wrong with a record.
 */
export function checkRecord(value: unknown): asserts value is StoreRecord {
  const record = object(value, 'content')
  const version = record['schemaVersion']
  if (version !== 1) {
    throw new Error(
      typeof version === 'number' && version > 1
        ? 'its record was written by a newer ufr'
        : 'its record has no schemaVersion',
    )
  }
  strings(record, '', ['name', 'version'])
  sum(record['digest'], 'digest')
  const details = object(record['details'], 'details')
  strings(details, 'details.', Object.keys(details))
  checkProvenance(object(record['provenance'], 'provenance'))
  const files: unknown = record['files']
  if (!Array.isArray(files) || files.length === 0 || files.length > maxFiles) {
    throw new Error("its record's files are no list")
  }
  for (const file of files) checkFile(object(file, 'files'))
  if (digestOf(files as StoredFile[]) !== record['digest'])
    throw new Error('its record and its digest differ')
}

function checkFile(file: Shape): void {
  strings(file, 'files.', ['role', 'path'])
  checkPath(file['path'] as string)
  sum(file['sha256'], 'files.sha256')
  if (!Number.isSafeInteger(file['bytes'])) throw new Error("its record's files.bytes is no number")
}

function checkProvenance(provenance: Shape): void {
  strings(provenance, 'provenance.', ['how', 'from', 'at'])
  if (!['pull', 'import', 'build'].includes(provenance['how'] as string)) {
    throw new Error("its record's provenance.how is unknown")
  }
  if (provenance['sha256'] !== undefined) sum(provenance['sha256'], 'provenance.sha256')
  if (provenance['build'] !== undefined) checkBuild(object(provenance['build'], 'provenance.build'))
  if (provenance['upstreamChecksum'] === undefined) return
  const upstream = object(provenance['upstreamChecksum'], 'provenance.upstreamChecksum')
  strings(upstream, 'provenance.upstreamChecksum.', ['algorithm', 'value'])
  if (typeof upstream['weak'] !== 'boolean') {
    throw new Error("its record's provenance.upstreamChecksum.weak is no boolean")
  }
}

function checkBuild(build: Shape): void {
  strings(build, 'provenance.build.', ['repo', 'ref', 'commit', 'output'])
  const { command, submodules } = build
  if (!Array.isArray(command) || !command.every((word) => typeof word === 'string')) {
    throw new Error("its record's provenance.build.command is no list of words")
  }
  if (!Array.isArray(submodules)) throw new Error("its record's provenance.build.submodules is no list")
  for (const each of submodules) {
    const what = 'provenance.build.submodules.'
    strings(object(each, 'provenance.build.submodules'), what, ['path', 'commit'])
  }
}

/** @throws Error saying what is wrong with the text of a record. */
export function parseRecord(text: string): StoreRecord {
  const record: unknown = JSON.parse(text)
  checkRecord(record)
  return record
}
