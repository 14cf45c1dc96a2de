import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic, removeFolderAtomic, writeFileAtomic } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { homePath } from '../base/paths.ts'
import { fileSha256 } from './download/checksum.ts'
import {
  checkRecord,
  digestOf,
  type KernelRecord,
  type Provenance,
  parseRecord,
  recordName,
  type StoredFile,
} from './record.ts'

/** A kernel of the store. */
export interface Kernel extends KernelRecord {
  /** Absolute path of its folder in the store. */
  folder: string
  /** Whether it is what its name alone stands for: the one pulled or imported last. */
  isDefault: boolean
}

/** An entry of the store whose record or files are damaged. */
export interface BrokenKernel {
  name: string
  version: string
  folder: string
  error: UfrError
}

/** A file to be taken into the store: copied from the host, or made of bytes. */
export interface NewFile {
  /** What the file is to the unikernel: `kernel`, `boot`, `klib`, `module`, `busybox`. */
  role: string
  /** Path below the kernel's folder. */
  path: string
  from: string | Uint8Array
  mode?: number
}

export interface NewKernel {
  name: string
  version: string
  /** In an order that is kept: a unikernel may mean something by it, as Linux does by the order of its modules. */
  files: NewFile[]
  provenance: Omit<Provenance, 'at'>
  /** Facts about the kernel for its unikernel and for people, such as Linux's release. */
  details?: Record<string, string>
}

export interface Registered {
  kernel: Kernel
  /** The very same files were there already. */
  already: boolean
}

const namePattern = /^[a-z][a-z0-9-]{0,31}$/
const versionPattern = /^[A-Za-z0-9][A-Za-z0-9._+~:-]{0,99}$/

function kernelFolder(name: string, version: string): string {
  if (!namePattern.test(name) || !versionPattern.test(version)) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(`${name}@${version}`)} cannot name a kernel`, {
      fix: 'A kernel is named as in nanos@0.1.54: letters, digits and . _ + ~ : - only.',
    })
  }
  return homePath('kernels', name, version)
}

function defaultMarker(name: string): string {
  return homePath('kernels', name, 'default')
}

function readDefault(name: string): string | undefined {
  try {
    return fs.readFileSync(defaultMarker(name), 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * Takes files into the store as one kernel, all or nothing, and makes it the default of its name. The same content
 * under the same version is no error. Other content under a version that is taken (a kernel built again at the same
 * commit) gets the first digits of its digest added to its version: nothing in the store ever changes.
 * @throws UfrError UFR-DATA where the store cannot be written.
 */
export async function registerKernel(kernel: NewKernel): Promise<Registered> {
  let version = kernel.version
  for (let attempt = 0; ; attempt++) {
    const folder = kernelFolder(kernel.name, version)
    let digest = ''
    const created = await createFolderAtomic(folder, (temporary) => {
      digest = buildFolder(temporary, { ...kernel, version })
    })
    const there = created ? undefined : tryRead(kernel.name, version)
    if (!created && there?.digest !== digest) {
      if (attempt > 0)
        throw brokenError(folder, kernel.name, version, 'its content is not what its version says')
      version = `${kernel.version}-${digest.slice(0, 8)}`
      continue
    }
    writeFileAtomic(defaultMarker(kernel.name), `${version}\n`)
    return { kernel: readKernel(kernel.name, version), already: !created }
  }
}

/** Fills a folder with a kernel's files and its record. @returns the digest. */
function buildFolder(folder: string, kernel: NewKernel): string {
  const files: StoredFile[] = []
  for (const file of kernel.files) {
    const to = path.join(folder, file.path)
    fs.mkdirSync(path.dirname(to), { recursive: true })
    // A clone where the file system can do that, else a copy: never a link to a file that others may change.
    if (typeof file.from === 'string') fs.copyFileSync(file.from, to, fs.constants.COPYFILE_FICLONE)
    else fs.writeFileSync(to, file.from)
    fs.chmodSync(to, file.mode ?? 0o644)
    files.push({ role: file.role, path: file.path, bytes: fs.statSync(to).size, sha256: fileSha256(to) })
  }
  const record: KernelRecord = {
    schemaVersion: 1,
    name: kernel.name,
    version: kernel.version,
    digest: digestOf(files),
    files,
    details: kernel.details ?? {},
    provenance: { ...kernel.provenance, at: new Date().toISOString() },
  }
  checkRecord(record)
  fs.writeFileSync(path.join(folder, recordName), `${JSON.stringify(record, null, 2)}\n`, { flush: true })
  return record.digest
}

function brokenError(folder: string, name: string, version: string, why: string, cause?: unknown): UfrError {
  return new UfrError('UFR-STORE-RECORD', `The kernel store's ${folder} is broken: ${why}`, {
    fix: `Remove it with \`ufr kernel rm ${name}@${version}\` and pull or import it again.`,
    cause,
  })
}

/** @throws UfrError UFR-STORE-RECORD where the record or a file is damaged; UFR-KERNEL-MISSING where nothing is. */
function readKernel(name: string, version: string): Kernel {
  const folder = kernelFolder(name, version)
  const stat = fs.lstatSync(folder, { throwIfNoEntry: false })
  if (!stat) throw missingError(name, version)
  try {
    const record = parseRecord(fs.readFileSync(path.join(folder, recordName), 'utf8'))
    if (record.name !== name || record.version !== version) {
      throw new Error(`its record is of ${record.name}@${record.version}`)
    }
    for (const file of record.files) {
      const found = fs.lstatSync(path.join(folder, file.path), { throwIfNoEntry: false })
      if (!found?.isFile()) throw new Error(`${file.path} is missing`)
      if (found.size !== file.bytes)
        throw new Error(`${file.path} has ${found.size} bytes instead of ${file.bytes}`)
    }
    return { ...record, folder, isDefault: readDefault(name) === version }
  } catch (error) {
    throw brokenError(folder, name, version, (error as Error).message, error)
  }
}

function tryRead(name: string, version: string): Kernel | undefined {
  try {
    return readKernel(name, version)
  } catch {
    return undefined
  }
}

function missingError(name: string, version: string | undefined): UfrError {
  const wanted = version === undefined ? name : `${name}@${version}`
  const there = versionsOf(name)
  return new UfrError('UFR-KERNEL-MISSING', `There is no ${wanted} in the kernel store`, {
    fix: `Get it with \`ufr kernel pull ${wanted}\`, or \`ufr kernel import ${name} PATH\`.`,
    detail: there.length > 0 ? [`There is: ${there.map((each) => `${name}@${each}`).join(', ')}`] : [],
  })
}

function folders(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  const entries = fs.readdirSync(folder, { withFileTypes: true })
  return entries.filter((each) => each.isDirectory()).map((each) => each.name)
}

function versionsOf(name: string): string[] {
  return folders(homePath('kernels', name)).filter((version) => versionPattern.test(version))
}

/** All kernels of the store: by name, and within a name the one registered last first; broken ones apart. */
export function listKernels(): { kernels: Kernel[]; broken: BrokenKernel[] } {
  const kernels: Kernel[] = []
  const broken: BrokenKernel[] = []
  for (const name of folders(homePath('kernels')).filter((each) => namePattern.test(each))) {
    for (const version of versionsOf(name)) {
      try {
        kernels.push(readKernel(name, version))
      } catch (error) {
        // Removed by another process since the folder was listed: not broken, just gone.
        if (!(error instanceof UfrError) || error.code === 'UFR-KERNEL-MISSING') continue
        broken.push({ name, version, folder: kernelFolder(name, version), error })
      }
    }
  }
  return { kernels: kernels.sort(byNameAndTime), broken }
}

function byNameAndTime(a: Kernel, b: Kernel): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1
  return a.provenance.at < b.provenance.at ? 1 : a.provenance.at > b.provenance.at ? -1 : 0
}

/**
 * A kernel by name and exact version; without a version the default one (pulled or imported last), or the one
 * registered last where the default is gone.
 * @throws UfrError UFR-KERNEL-MISSING where there is none; UFR-STORE-RECORD where it is broken.
 */
export function findKernel(name: string, version?: string): Kernel {
  if (version !== undefined) return readKernel(name, version)
  const marked = readDefault(name)
  if (marked !== undefined && versionsOf(name).includes(marked)) return readKernel(name, marked)
  const { kernels, broken } = listKernels()
  const newest = kernels.find((kernel) => kernel.name === name)
  if (newest) return newest
  const damaged = broken.find((kernel) => kernel.name === name)
  throw damaged?.error ?? missingError(name, undefined)
}

/** As `findKernel`, undefined where there is none; a broken one still throws. */
export function findKernelIfAny(name: string, version?: string): Kernel | undefined {
  try {
    return findKernel(name, version)
  } catch (error) {
    if (error instanceof UfrError && error.code === 'UFR-KERNEL-MISSING') return undefined
    throw error
  }
}

/** Makes a kernel of the store what its name alone stands for. */
export function makeDefault(kernel: Kernel): Kernel {
  writeFileAtomic(defaultMarker(kernel.name), `${kernel.version}\n`)
  return { ...kernel, isDefault: true }
}

/**
 * Removes a kernel, broken ones too.
 * @returns the folder that is gone.
 * @throws UfrError UFR-KERNEL-MISSING where there is none.
 */
export function removeKernel(name: string, version: string): string {
  const folder = kernelFolder(name, version)
  if (!fs.existsSync(folder)) throw missingError(name, version)
  removeFolderAtomic(folder)
  if (readDefault(name) === version) fs.rmSync(defaultMarker(name), { force: true })
  return folder
}

/** Absolute paths of a kernel's files of one role, in their recorded order. */
export function kernelFiles(kernel: Kernel, role: string): string[] {
  return kernel.files.filter((file) => file.role === role).map((file) => path.join(kernel.folder, file.path))
}

/**
 * Absolute path of a kernel's only file of a role.
 * @throws UfrError UFR-STORE-RECORD where the kernel has none.
 */
export function kernelFile(kernel: Kernel, role: string): string {
  const [file] = kernelFiles(kernel, role)
  if (file === undefined) throw brokenError(kernel.folder, kernel.name, kernel.version, `it has no ${role}`)
  return file
}

/** Reads all files of a kernel again. @throws UfrError UFR-STORE-RECORD naming a file whose sha256 has changed. */
export function verifyKernel(kernel: Kernel): void {
  for (const file of kernel.files) {
    if (fileSha256(path.join(kernel.folder, file.path)) === file.sha256) continue
    throw brokenError(kernel.folder, kernel.name, kernel.version, `${file.path} is not what was registered`)
  }
}
