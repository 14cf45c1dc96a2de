import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from './errors.ts'
import { makeFolders } from './folders.ts'

/** Temporary files and folders begin with this: never part of the data, and swept away when they are old. */
export const temporaryPrefix = '.tmp-'

const staleMs = 24 * 3600_000
const full = new Set(['EDQUOT', 'ENOSPC'])
const forbidden = new Set(['EACCES', 'EEXIST', 'ENOTDIR', 'EPERM', 'EROFS'])

/** A name in the folder of `target` (so a rename never crosses file systems) that nothing else uses. */
export function temporaryName(target: string): string {
  const random = randomBytes(6).toString('hex')
  return path.join(path.dirname(target), `${temporaryPrefix}${path.basename(target).slice(0, 64)}-${random}`)
}

/** Turns "disk full", "no permission" and the like into UFR-DATA naming the folder; other errors stay as they are. */
export function dataError(error: unknown, folder: string): unknown {
  const code = systemCode(error)
  if (error instanceof UfrError || code === undefined) return error
  const isFull = full.has(code)
  if (!isFull && !(forbidden.has(code) && concerns(error as NodeJS.ErrnoException, folder))) return error
  const why = isFull ? 'no space is left' : (error as Error).message
  return new UfrError('UFR-DATA', `${folder} cannot be written: ${why}`, { cause: error })
}

/** Whether a system error is about the folder, something in it or above it: not about a file that was only read. */
function concerns(error: NodeJS.ErrnoException, folder: string): boolean {
  return error.path === undefined || `${error.path}/`.startsWith(folder) || folder.startsWith(error.path)
}

/** Makes a folder and those above it. @throws UfrError UFR-DATA where that cannot be. */
export function makeFolder(folder: string): void {
  try {
    makeFolders(folder)
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw dataError(error, folder)
    // Nothing is missing: it is a place where nobody makes folders.
    throw new UfrError('UFR-DATA', `${folder} cannot be made: ${(error as Error).message}`, { cause: error })
  }
}

/**
 * Writes a whole file or nothing: into a temporary file beside it, synced to the disk, then renamed.
 * @param options.sync false to wait for no disk: after a crash of the host the file may be there and empty.
 * @throws UfrError UFR-DATA where the folder cannot be written.
 */
export function writeFileAtomic(
  file: string,
  data: string | Uint8Array,
  { mode = 0o644, sync = true }: { mode?: number; sync?: boolean } = {},
): void {
  const temporary = temporaryName(file)
  makeFolder(path.dirname(file))
  try {
    fs.writeFileSync(temporary, data, { mode, flush: sync, flag: 'wx' })
    fs.renameSync(temporary, file)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    throw dataError(error, path.dirname(file))
  }
}

/**
 * As `writeFileAtomic`, but only where the file is not there yet; of several processes exactly one succeeds.
 * @returns whether this call wrote it.
 */
export function createFileAtomic(file: string, data: string | Uint8Array, mode = 0o644): boolean {
  const temporary = temporaryName(file)
  makeFolder(path.dirname(file))
  try {
    fs.writeFileSync(temporary, data, { mode, flush: true, flag: 'wx' })
    // A hard link, unlike a rename, never replaces what is there.
    fs.linkSync(temporary, file)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw dataError(error, path.dirname(file))
  } finally {
    fs.rmSync(temporary, { force: true })
  }
}

/**
 * Makes a folder that is whole or not there: `build` fills a temporary folder beside it, which is then renamed.
 * @returns false where the folder was there already (or another process was first); what `build` made is gone then.
 * @throws UfrError UFR-DATA where the folder cannot be written; what `build` throws.
 */
export async function createFolderAtomic(
  folder: string,
  build: (temporary: string) => Promise<void> | void,
): Promise<boolean> {
  return withTemporaryFolder(path.dirname(folder), async (temporary) => {
    const made = path.join(temporary, 'new')
    fs.mkdirSync(made)
    await build(made)
    try {
      fs.renameSync(made, folder)
      return true
    } catch (error) {
      const code = systemCode(error)
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') return false
      throw error
    }
  })
}

/** Gives `use` an empty folder of its own below `parent` and removes it afterwards, however that ends. */
export async function withTemporaryFolder<T>(
  parent: string,
  use: (folder: string) => Promise<T> | T,
): Promise<T> {
  let folder: string | undefined
  try {
    makeFolder(parent)
    sweepTemporary(parent)
    folder = fs.mkdtempSync(path.join(parent, temporaryPrefix))
    return await use(folder)
  } catch (error) {
    throw dataError(error, parent)
  } finally {
    if (folder !== undefined) removeFolder(folder)
  }
}

/** Removes a folder so that no one ever sees it half removed: it loses its name first. Nothing there is no error. */
export function removeFolderAtomic(folder: string): void {
  const temporary = temporaryName(folder)
  try {
    fs.renameSync(folder, temporary)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return
    throw dataError(error, path.dirname(folder))
  }
  removeFolder(temporary)
}

/** Removes what a killed process left behind a day ago or earlier, or as long ago as is said. */
export function sweepTemporary(folder: string, olderThanMs = staleMs): void {
  for (const name of fs.readdirSync(folder)) {
    if (!name.startsWith(temporaryPrefix)) continue
    const file = path.join(folder, name)
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat && Date.now() - stat.mtimeMs > olderThanMs) removeFolder(file)
  }
}

/** As `rm -rf`, also for folders without the owner's write permission, as packages can have them. */
function removeFolder(folder: string): void {
  try {
    fs.rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    if (systemCode(error) !== 'EACCES') throw dataError(error, folder)
    makeWritable(folder)
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

function makeWritable(folder: string): void {
  fs.chmodSync(folder, 0o700)
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) makeWritable(path.join(folder, entry.name))
  }
}
