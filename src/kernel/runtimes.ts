import fs from 'node:fs'
import path from 'node:path'
import { removeFolderAtomic } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { folderNames, homePath } from '../base/paths.ts'

/** A language runtime of the store: the root of a guest with the runtime in it. */
export interface Runtime {
  /** `node`, `python`, `java`. */
  language: string
  version: string
  /** Its program, relative to `root`: `usr/bin/node`. */
  program: string
  /** sha256 over path, mode and content of everything in `root`. */
  key: string
  /** Absolute path of its folder in the store. */
  folder: string
  /** Absolute path of the guest's root: `FOLDER/root`. */
  root: string
  /** What it was made of. */
  packages: RuntimePackage[]
  /** When it was made, ISO 8601. */
  at: string
}

export interface RuntimePackage {
  /** `debian` or `npm`. */
  from: string
  name: string
  version: string
  sha256: string
}

export interface BrokenRuntime {
  language: string
  version: string
  folder: string
  error: UfrError
}

export const runtimeRecord = 'runtime.json'
const languagePattern = /^[a-z][a-z0-9]{0,15}$/
const programPattern = /^[\w.+-]+(\/[\w.+-]+)*$/
const versionPattern = /^\d+(\.\d+){0,3}$/

/** The folder of a runtime, there or not. @throws UfrError UFR-USAGE for names that are none. */
export function runtimeFolder(language: string, version: string): string {
  if (languagePattern.test(language) && versionPattern.test(version))
    return homePath('runtimes', language, version)
  throw new UfrError('UFR-USAGE', `${JSON.stringify(`${language}@${version}`)} cannot name a runtime`, {
    fix: 'A runtime is named as in node@24.11.0; `ufr runtime ls` shows what there is.',
  })
}

/** The text of a runtime's record. */
export function recordText(runtime: Omit<Runtime, 'folder' | 'root'>): string {
  return `${JSON.stringify({ schemaVersion: 1, ...runtime }, null, 2)}\n`
}

/** @throws UfrError UFR-STORE-RECORD where the record or the root is damaged. */
export function readRuntime(language: string, version: string): Runtime {
  const folder = runtimeFolder(language, version)
  try {
    const value: unknown = JSON.parse(fs.readFileSync(path.join(folder, runtimeRecord), 'utf8'))
    const record = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>
    if (record['schemaVersion'] !== 1) throw new Error('its record has another schemaVersion than 1')
    if (record['language'] !== language || record['version'] !== version)
      throw new Error('its record is of another')
    const { key, at, packages } = record
    if (typeof key !== 'string' || !/^[0-9a-f]{64}$/.test(key)) throw new Error('its record has no key')
    if (typeof at !== 'string' || !Array.isArray(packages)) throw new Error('its record is incomplete')
    const root = path.join(folder, 'root')
    // Records of 0.1.0 do not name it.
    const program = record['program'] ?? `usr/bin/${language}`
    if (typeof program !== 'string' || !programPattern.test(program) || program.includes('..'))
      throw new Error('its record names no program')
    if (!fs.lstatSync(path.join(root, program), { throwIfNoEntry: false })?.isFile()) {
      throw new Error(`root/${program} is missing`)
    }
    return { language, version, program, key, folder, root, packages: packages as RuntimePackage[], at }
  } catch (error) {
    throw new UfrError(
      'UFR-STORE-RECORD',
      `The runtime in ${folder} is broken: ${(error as Error).message}`,
      {
        fix: `Remove it with \`ufr runtime rm ${language}@${version}\`; it is fetched again when it is needed.`,
        cause: error,
      },
    )
  }
}

/**
 * The newest runtime of a language in the store whose version begins with the numbers that are wanted: `24` is had by
 * 24.21.0, `3.13` by 3.13.5.
 * @throws UfrError UFR-STORE-RECORD where the only one is broken.
 */
export function storedRuntime(language: string, wanted: string): Runtime | undefined {
  const fits = (each: { language: string; version: string }) =>
    each.language === language && `${each.version}.`.startsWith(`${wanted}.`)
  const { runtimes, broken } = listRuntimes()
  const newest = runtimes.find(fits)
  const damaged = broken.find(fits)
  if (!newest && damaged) throw damaged.error
  return newest
}

/** All language runtimes of the store: by language, the newest version first; broken ones apart. */
export function listRuntimes(): { runtimes: Runtime[]; broken: BrokenRuntime[] } {
  const runtimes: Runtime[] = []
  const broken: BrokenRuntime[] = []
  for (const language of folderNames(homePath('runtimes')).filter((name) => languagePattern.test(name))) {
    const versions = folderNames(homePath('runtimes', language)).filter((name) => versionPattern.test(name))
    for (const version of versions.sort((a, b) => -compareVersions(a, b))) {
      const folder = runtimeFolder(language, version)
      try {
        runtimes.push(readRuntime(language, version))
      } catch (error) {
        if (error instanceof UfrError && fs.existsSync(folder))
          broken.push({ language, version, folder, error })
      }
    }
  }
  return { runtimes, broken }
}

/** Orders versions by their numbers. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [a.split('.').map(Number), b.split('.').map(Number)]
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const difference = (x[i] ?? 0) - (y[i] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

/**
 * Removes a runtime, broken ones too.
 * @returns the folder that is gone.
 * @throws UfrError UFR-RUNTIME where there is none.
 */
export function removeRuntime(language: string, version: string): string {
  const folder = runtimeFolder(language, version)
  if (!fs.existsSync(folder))
    throw new UfrError('UFR-RUNTIME', `There is no runtime ${language}@${version} in the store`)
  removeFolderAtomic(folder)
  return folder
}
