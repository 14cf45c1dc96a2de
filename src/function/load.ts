import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { folderTree } from '../image/folder/folder.ts'
import { configName, readConfig } from './config.ts'
import {
  bootstrapName,
  type Detected,
  type Detector,
  detect,
  nothingDetected,
  runtimeOfFile,
} from './detect.ts'
import { openFolder } from './open-folder.ts'
import { rootFiles } from './root-files.ts'
import { runtimeFamily } from './runtime.ts'
import { configDefaults, type FunctionConfig } from './schema.ts'
import type { FunctionSpec, Shape } from './spec.ts'
import { checkTogether, wrongConfig } from './together.ts'

type Said = Partial<FunctionSpec>

/**
 * Reads a function from its folder: ufr.json, if there is one, completed by what the files show.
 * @param overrides what flags and variables say (settings.ts); they come before ufr.json.
 * @throws UfrError UFR-FOLDER, UFR-CONFIG, or UFR-DETECT where neither ufr.json nor the files say what it is.
 */
export function loadFunction(folder: string, overrides: Said, detectors: readonly Detector[]): FunctionSpec {
  const absolute = openFolder(folder)
  const said = override(saidBy(readConfig(absolute), absolute), overrides)
  const kind = kindOf(absolute, said, detectors)
  const spec: FunctionSpec = {
    name: defaultName(absolute),
    args: [],
    environment: {},
    memoryMiB: configDefaults.memory,
    cpus: configDefaults.cpus,
    timeoutSeconds: configDefaults.timeout,
    files: [],
    network: configDefaults.network,
    ...said,
    ...kind,
    folder: absolute,
  }
  checkTogether(spec)
  return spec
}

/** The folder's name with everything replaced that a function's name cannot have. */
export function defaultName(folder: string): string {
  const name = path.basename(folder).replace(/[^A-Za-z0-9_-]+/g, '-')
  return name.slice(0, 64).replace(/^-+|-+$/g, '') || 'function'
}

/**
 * The container image that a folder's ufr.json names, and what it and the overrides say about it; undefined where it
 * names none.
 * @throws UfrError UFR-FOLDER, UFR-CONFIG.
 */
export function imageSaid(folder: string, overrides: Said): { image: string; said: Said } | undefined {
  const absolute = openFolder(folder)
  const config = readConfig(absolute)
  if (config.image === undefined) return undefined
  if (config.files !== undefined) {
    const fix = "Remove files: put what is missing into the image, or give a program's folder without image."
    throw wrongConfig(absolute, 'files and image are both there', fix)
  }
  return {
    image: config.image,
    said: { name: defaultName(absolute), ...override(saidBy(config, absolute), overrides) },
  }
}

/** ufr.json in the words of FunctionSpec. */
function saidBy(config: FunctionConfig, folder: string): Said {
  const { $schema: _, image: __, memory, timeout, files, ...same } = config
  return {
    ...same,
    ...(memory === undefined ? {} : { memoryMiB: memory }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    ...(files === undefined ? {} : placesOf(files, folder)),
  }
}

/** What of `files` goes below the folder's place in the guest, and what to absolute places. */
function placesOf(files: NonNullable<FunctionConfig['files']>, folder: string): Pick<Said, 'files' | 'root'> {
  const rules = files.map((rule) => (typeof rule === 'string' ? { from: rule } : rule))
  const placed = rules.flatMap(({ from, to }) =>
    to?.startsWith('/') ? [{ from, to: to.slice(1) || '.' }] : [],
  )
  if (placed.length === 0) return { files: rules }
  return {
    files: rules.filter(({ to }) => !to?.startsWith('/')),
    root: rootFiles(`files of ${configName}`, () => folderTree(folder, placed)),
  }
}

function override(said: Said, overrides: Said): Said {
  const merged = { ...said }
  // One of the two says what runs: a flag for the one takes the place of a key for the other.
  if (overrides.command !== undefined) delete merged.handler
  if (overrides.handler !== undefined) delete merged.command
  return Object.assign(
    merged,
    Object.fromEntries(Object.entries(overrides).filter(([, v]) => v !== undefined)),
  )
}

type Kind = Pick<FunctionSpec, 'runtime' | 'shape' | 'handler' | 'command'>

/** What runs, and as what. */
function kindOf(folder: string, said: Said, detectors: readonly Detector[]): Kind {
  const { handler, command } = said
  const runtimeSaid = said.runtime ?? runtimeOfFile(folder, said)
  if (handler !== undefined && command !== undefined && !isProvided(runtimeSaid)) {
    const fix = 'Keep handler for a handler, command for anything else.'
    throw wrongConfig(folder, 'handler and command are both there', fix)
  }
  const named = (handler ?? command) !== undefined
  const complete = runtimeSaid !== undefined && named
  const found =
    complete && said.shape !== undefined ? undefined : detectFor(folder, runtimeSaid, complete, detectors)
  const runtime = runtimeSaid ?? found?.runtime
  if (runtime === undefined) throw nothingDetected(folder, detectors)
  const shape = said.shape ?? shapeOf(said, runtime, found)
  if (isProvided(runtime)) {
    const program = command ?? found?.command ?? bootstrapName
    return { runtime, shape, command: program, ...(handler === undefined ? {} : { handler }) }
  }
  if (shape === 'handler') {
    const name = handler ?? (command === undefined ? found?.handler : undefined)
    if (name === undefined) throw lacking(folder, 'handler', shape, '"handler": "index.handler"')
    return { runtime, shape, handler: name }
  }
  const program = command ?? (handler === undefined ? found?.command : undefined)
  if (program === undefined) throw lacking(folder, 'command', shape, '"command": "server.mjs"')
  return { runtime, shape, command: program }
}

/** Where ufr.json already says enough to go on, an error of a detector is none. */
function detectFor(
  folder: string,
  runtime: string | undefined,
  complete: boolean,
  detectors: readonly Detector[],
): Detected | undefined {
  try {
    return detect(folder, detectors, runtime === undefined ? undefined : runtimeFamily(runtime))
  } catch (error) {
    if (complete && error instanceof UfrError) return undefined
    throw error
  }
}

function shapeOf(said: Said, runtime: string, found: Detected | undefined): Shape {
  if (said.handler !== undefined) return 'handler'
  if (said.port !== undefined) return 'web'
  if (said.command !== undefined && !isProvided(runtime)) {
    // What was detected may be about another file of the folder.
    if (found?.command === path.normalize(said.command)) return found.shape
    return runtime === 'native' ? 'program' : 'web'
  }
  return found?.shape ?? 'handler'
}

function isProvided(runtime: string | undefined): boolean {
  return runtime !== undefined && runtimeFamily(runtime) === 'provided'
}

function lacking(folder: string, key: string, shape: Shape, example: string): UfrError {
  const what = { handler: 'a handler', web: 'a web function', program: 'a program' }[shape]
  return new UfrError('UFR-DETECT', `${folder} is ${what}, but nothing says which file: ${key} is missing`, {
    fix: `Write it into ${configName}, such as { ${example} }.`,
  })
}
