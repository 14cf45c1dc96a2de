import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, removeFolderAtomic, writeFileAtomic } from '../base/atomic.ts'
import { type ErrorCode, UfrError } from '../base/errors.ts'
import { folderNames, homePath } from '../base/paths.ts'
import { fileSha256 } from './download/checksum.ts'
import {
  checkRecord,
  digestOf,
  type Provenance,
  parseRecord,
  type StoredFile,
  type StoreRecord,
} from './record.ts'

/** A kind of thing that the store keeps, by name and version: kernels, VMMs. */
export interface Kind {
  /** The word for it, also that of its commands: `ufr kernel rm`. */
  word: string
  /** Folder below UFR_HOME. */
  folder: string
  /** File name of an entry's record. */
  recordName: string
  /** An entry's name as people write it. */
  example: string
  /** Code of the error for what is not there. */
  missing: ErrorCode
}

/** Something in the store: files with roles, and a record of how they were had. */
export interface Entry extends StoreRecord {
  /** Absolute path of its folder in the store. */
  folder: string
  /** Whether it is what its name alone stands for: the one registered last. */
  isDefault: boolean
}

/** An entry of the store whose record or files are damaged. */
export interface BrokenEntry {
  name: string
  version: string
  folder: string
  error: UfrError
}

/** A file to be taken into the store: copied from the host, or made of bytes. */
export interface NewFile {
  /** What the file is to those who use it: `kernel`, `boot`, `klib`, `module`, `busybox`, `firecracker`. */
  role: string
  /** Path below the entry's folder. */
  path: string
  from: string | Uint8Array
  mode?: number
}

export interface NewEntry {
  name: string
  version: string
  /** In an order that is kept: a unikernel may mean something by it, as Linux does by the order of its modules. */
  files: NewFile[]
  provenance: Omit<Provenance, 'at'>
  /** Facts for those who use it and for people, such as Linux's release. */
  details?: Record<string, string>
}

const namePattern = /^[a-z][a-z0-9-]{0,31}$/
const versionPattern = /^[A-Za-z0-9][A-Za-z0-9._+~:-]{0,99}$/

/** The folder of an entry, there or not. @throws UfrError UFR-USAGE for what can name none. */
export function entryFolder(kind: Kind, name: string, version: string): string {
  if (!namePattern.test(name) || !versionPattern.test(version)) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(`${name}@${version}`)} cannot name a ${kind.word}`, {
      fix: `A ${kind.word} is named as in ${kind.example}: letters, digits and . _ + ~ : - only.`,
    })
  }
  return homePath(kind.folder, name, version)
}

function defaultMarker(kind: Kind, name: string): string {
  return homePath(kind.folder, name, 'default')
}

function readDefault(kind: Kind, name: string): string | undefined {
  try {
    return fs.readFileSync(defaultMarker(kind, name), 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * Takes files into the store as one entry, all or nothing, and makes it the default of its name. The same content
 * under the same version is no error. Other content under a version that is taken (a kernel built again at the same
 * commit) gets the first digits of its digest added to its version: nothing in the store ever changes.
 * @returns the entry, and whether the very same files were there already.
 * @throws UfrError UFR-DATA where the store cannot be written.
 */
export async function registerEntry(
  kind: Kind,
  wanted: NewEntry,
): Promise<{ entry: Entry; already: boolean }> {
  const { name } = wanted
  let version = wanted.version
  for (let attempt = 0; ; attempt++) {
    const folder = entryFolder(kind, name, version)
    let digest = ''
    const created = await createFolderAtomic(folder, (temporary) => {
      digest = buildFolder(kind, temporary, { ...wanted, version })
    })
    const there = created ? undefined : tryRead(kind, name, version)
    if (!created && there?.digest !== digest) {
      if (attempt > 0)
        throw brokenError(kind, { folder, name, version }, 'its content is not what its version says')
      version = `${wanted.version}-${digest.slice(0, 8)}`
      continue
    }
    writeFileAtomic(defaultMarker(kind, name), `${version}\n`)
    return { entry: readEntry(kind, name, version), already: !created }
  }
}

/** Fills a folder with an entry's files and its record. @returns the digest. */
function buildFolder(kind: Kind, folder: string, entry: NewEntry): string {
  const files: StoredFile[] = []
  for (const file of entry.files) {
    const to = path.join(folder, file.path)
    fs.mkdirSync(path.dirname(to), { recursive: true })
    // A clone where the file system can do that, else a copy: never a link to a file that others may change.
    if (typeof file.from === 'string') fs.copyFileSync(file.from, to, fs.constants.COPYFILE_FICLONE)
    else fs.writeFileSync(to, file.from)
    fs.chmodSync(to, file.mode ?? 0o644)
    files.push({ role: file.role, path: file.path, bytes: fs.statSync(to).size, sha256: fileSha256(to) })
  }
  const record: StoreRecord = {
    schemaVersion: 1,
    name: entry.name,
    version: entry.version,
    digest: digestOf(files),
    files,
    details: entry.details ?? {},
    provenance: { ...entry.provenance, at: new Date().toISOString() },
  }
  checkRecord(record)
  fs.writeFileSync(path.join(folder, kind.recordName), `${JSON.stringify(record, null, 2)}\n`, {
    flush: true,
  })
  return record.digest
}

interface Place {
  folder: string
  name: string
  version: string
}

function brokenError(kind: Kind, { folder, name, version }: Place, why: string, cause?: unknown): UfrError {
  return new UfrError('UFR-STORE-RECORD', `The ${kind.word} store's ${folder} is broken: ${why}`, {
    fix: `Remove it with \`ufr ${kind.word} rm ${name}@${version}\` and pull or import it again.`,
    cause,
  })
}

/** @throws UfrError UFR-STORE-RECORD where the record or a file is damaged; the kind's `missing` where nothing is. */
function readEntry(kind: Kind, name: string, version: string): Entry {
  const folder = entryFolder(kind, name, version)
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (!stat) throw missingError(kind, name, version)
  try {
    const record = parseRecord(fs.readFileSync(path.join(folder, kind.recordName), 'utf8'))
    if (record.name !== name || record.version !== version) {
      throw new Error(`its record is of ${record.name}@${record.version}`)
    }
    for (const file of record.files) {
      const found = fs.lstatSync(path.join(folder, file.path), { throwIfNoEntry: false })
      if (!found?.isFile()) throw new Error(`${file.path} is missing`)
      if (found.size !== file.bytes)
        throw new Error(`${file.path} has ${found.size} bytes instead of ${file.bytes}`)
    }
    return { ...record, folder, isDefault: readDefault(kind, name) === version }
  } catch (error) {
    throw brokenError(kind, { folder, name, version }, (error as Error).message, error)
  }
}

function tryRead(kind: Kind, name: string, version: string): Entry | undefined {
  try {
    return readEntry(kind, name, version)
  } catch {
    return undefined
  }
}

function missingError(kind: Kind, name: string, version: string | undefined): UfrError {
  const wanted = version === undefined ? name : `${name}@${version}`
  const there = versionsOf(kind, name)
  return new UfrError(kind.missing, `There is no ${wanted} in the ${kind.word} store`, {
    fix: `Get it with \`ufr ${kind.word} pull ${wanted}\`, or \`ufr ${kind.word} import ${name} PATH\`.`,
    detail: there.length > 0 ? [`There is: ${there.map((each) => `${name}@${each}`).join(', ')}`] : [],
  })
}

function versionsOf(kind: Kind, name: string): string[] {
  return folderNames(homePath(kind.folder, name)).filter((version) => versionPattern.test(version))
}

/** All entries of a kind: by name, and within a name the one registered last first; broken ones apart. */
export function listEntries(kind: Kind): { entries: Entry[]; broken: BrokenEntry[] } {
  const entries: Entry[] = []
  const broken: BrokenEntry[] = []
  for (const name of folderNames(homePath(kind.folder)).filter((each) => namePattern.test(each))) {
    for (const version of versionsOf(kind, name)) {
      try {
        entries.push(readEntry(kind, name, version))
      } catch (error) {
        // Removed by another process since the folder was listed: not broken, just gone.
        if (!(error instanceof UfrError) || error.code === kind.missing) continue
        broken.push({ name, version, folder: entryFolder(kind, name, version), error })
      }
    }
  }
  return { entries: entries.sort(byNameAndTime), broken }
}

function byNameAndTime(a: Entry, b: Entry): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.provenance.at < b.provenance.at ? 1 : a.provenance.at > b.provenance.at ? -1 : 0
}

/**
 * An entry by name and exact version; without a version the default one (registered last), or the one registered last
 * of those left where the default is gone.
 * @throws UfrError with the kind's `missing` where there is none; UFR-STORE-RECORD where it is broken.
 */
export function findEntry(kind: Kind, name: string, version?: string): Entry {
  if (version !== undefined) return readEntry(kind, name, version)
  const marked = readDefault(kind, name)
  if (marked !== undefined && versionsOf(kind, name).includes(marked)) return readEntry(kind, name, marked)
  const { entries, broken } = listEntries(kind)
  const newest = entries.find((entry) => entry.name === name)
  if (newest) return newest
  const damaged = broken.find((entry) => entry.name === name)
  throw damaged?.error ?? missingError(kind, name, undefined)
}

/** As `findEntry`, undefined where there is none; a broken one still throws. */
export function findEntryIfAny(kind: Kind, name: string, version?: string): Entry | undefined {
  try {
    return findEntry(kind, name, version)
  } catch (error) {
    if (error instanceof UfrError && error.code === kind.missing) return undefined
    throw error
  }
}

/** Makes an entry what its name alone stands for. */
export function makeEntryDefault(kind: Kind, entry: Entry): Entry {
  writeFileAtomic(defaultMarker(kind, entry.name), `${entry.version}\n`)
  return { ...entry, isDefault: true }
}

/**
 * Removes an entry, broken ones too.
 * @returns the folder that is gone.
 * @throws UfrError with the kind's `missing` where there is none.
 */
export function removeEntry(kind: Kind, name: string, version: string): string {
  const folder = entryFolder(kind, name, version)
  if (!fs.existsSync(folder)) throw missingError(kind, name, version)
  removeFolderAtomic(folder)
  if (readDefault(kind, name) === version) fs.rmSync(defaultMarker(kind, name), { force: true })
  return folder
}

/** Absolute paths of an entry's files of one role, in their recorded order. */
export function filesOf(entry: Entry, role: string): string[] {
  return entry.files.filter((file) => file.role === role).map((file) => path.join(entry.folder, file.path))
}

/**
 * Absolute path of an entry's only file of a role.
 * @throws UfrError UFR-STORE-RECORD where it has none.
 */
export function fileOf(kind: Kind, entry: Entry, role: string): string {
  const [file] = filesOf(entry, role)
  if (file === undefined) throw brokenError(kind, entry, `it has no ${role}`)
  return file
}

/** Reads all files of an entry again. @throws UfrError UFR-STORE-RECORD naming a file whose sha256 has changed. */
export function verifyEntry(kind: Kind, entry: Entry): void {
  for (const file of entry.files) {
    if (fileSha256(path.join(entry.folder, file.path)) === file.sha256) continue
    throw brokenError(kind, entry, `${file.path} is not what was registered`)
  }
}
