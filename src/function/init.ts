import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { createFileAtomic, dataError, temporaryPrefix } from '../base/atomic.ts'
import { systemCode, UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { Progress } from '../base/progress.ts'
import { configName } from './config.ts'
import { type Detector, detect, nothingDetected } from './detect.ts'
import type { Found, Overrides } from './foreign/foreign.ts'
import { defaultName } from './load.ts'
import { openFolder } from './open-folder.ts'
import type { FunctionConfig } from './schema.ts'

export interface Initialised {
  /** Absolute path of the ufr.json. */
  file: string
  config: FunctionConfig
  /** What of another tool's input is not in it, one sentence each. */
  lost: string[]
}

/**
 * Writes a ufr.json that says what the folder's files show, and no more.
 * @throws UfrError UFR-EXISTS where there is one, UFR-DETECT where the files show nothing, UFR-FOLDER.
 */
export function initFunction(folder: string, detectors: readonly Detector[]): Initialised {
  const absolute = openFolder(folder)
  const file = path.join(absolute, configName)
  refuseThere(file)
  const found = detect(absolute, detectors)
  if (!found) throw nothingDetected(absolute, detectors)
  const { runtime, shape, handler, command } = found
  const config: FunctionConfig = {
    name: defaultName(absolute),
    runtime: runtime as NonNullable<FunctionConfig['runtime']>,
    shape,
    ...(handler === undefined ? {} : { handler }),
    ...(command === undefined ? {} : { command }),
  }
  writeConfig(file, config)
  return { file, config, lost: [] }
}

/**
 * Writes a ufr.json that says what an input of another tool does, into that input's folder.
 * @throws UfrError UFR-EXISTS, UFR-FOLDER; as the input's kind does.
 */
export async function initForeign(
  found: Found,
  overrides: Overrides,
  progress: Progress,
): Promise<Initialised> {
  const { spec, config, lost } = await found.load(overrides, progress)
  const file = path.join(openFolder(spec.folder), configName)
  refuseThere(file)
  writeConfig(file, config)
  return { file, config, lost: [...(spec.notes ?? []), ...lost] }
}

function refuseThere(file: string): void {
  if (fs.lstatSync(file, { throwIfNoEntry: false })) throw there(file)
}

function there(file: string): UfrError {
  return new UfrError('UFR-EXISTS', `${file} is there already`, { fix: 'Edit it, or remove it first.' })
}

function writeConfig(file: string, config: FunctionConfig): void {
  try {
    if (!createFileAtomic(file, `${JSON.stringify(config, null, 2)}\n`)) throw there(file)
  } catch (error) {
    throw folderError(error)
  }
}

/** UFR-DATA is about the data folder and its advice about UFR_HOME: here it is a folder of the user's own. */
function folderError(error: unknown): unknown {
  if (!(error instanceof UfrError) || error.code !== 'UFR-DATA') return error
  return new UfrError('UFR-FOLDER', error.message, {
    cause: error,
    fix: 'Free space there, get the right to write there, or choose another folder.',
  })
}

/** The examples that the package brings; the same two steps up from src/function and from dist/function. */
export function examplesFolder(): string {
  return fileURLToPath(new URL('../../examples', import.meta.url))
}

/** The names of all examples, sorted. */
export function exampleNames(examples = examplesFolder()): string[] {
  try {
    const entries = fs.readdirSync(examples, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name)
      .sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

/**
 * Copies an example into a folder that is empty or not there yet; where that fails, nothing is left of it.
 * @returns absolute path of the folder.
 * @throws UfrError UFR-USAGE for a name that no example has, UFR-EXISTS where the folder has something in it.
 */
export function copyExample(name: string, target: string, examples = examplesFolder()): string {
  const names = exampleNames(examples)
  if (!names.includes(name)) {
    throw new UfrError('UFR-USAGE', `there is no example ${JSON.stringify(name)}${didYouMean(name, names)}`, {
      fix:
        names.length > 0
          ? `The examples are ${names.join(', ')}.`
          : `${examples} has none: install ufr anew.`,
    })
  }
  const folder = path.resolve(target)
  requireEmpty(folder, target)
  let made: string | undefined
  let temporary: string | undefined
  const moved: string[] = []
  try {
    made = fs.mkdirSync(folder, { recursive: true })
    // In the folder and not beside it: a shell may stand in it, so it cannot be replaced by another one.
    temporary = fs.mkdtempSync(path.join(folder, temporaryPrefix))
    fs.cpSync(path.join(examples, name), temporary, { recursive: true, verbatimSymlinks: true })
    for (const entry of fs.readdirSync(temporary)) {
      fs.renameSync(path.join(temporary, entry), path.join(folder, entry))
      moved.push(path.join(folder, entry))
    }
    fs.rmdirSync(temporary)
  } catch (error) {
    const leftovers = made === undefined ? moved.concat(temporary ?? []) : [made]
    for (const file of leftovers) fs.rmSync(file, { recursive: true, force: true })
    throw folderError(dataError(error, folder))
  }
  return folder
}

function requireEmpty(folder: string, shown: string): void {
  const fix = 'Name an empty folder, or one that is not there yet.'
  try {
    if (fs.readdirSync(folder).length === 0) return
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return
    if (code === 'ENOTDIR')
      throw new UfrError('UFR-EXISTS', `${shown} is not a folder`, { fix, cause: error })
    throw new UfrError('UFR-FOLDER', `${shown} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  throw new UfrError('UFR-EXISTS', `${shown} has something in it already`, { fix })
}
