import fs from 'node:fs'
import path from 'node:path'
import { parseJson } from '../../json.ts'
import { inputError, readInput, type TextFile } from '../text.ts'

/** Where modules are: what OSv's config.json says. */
export interface Repositories {
  /** The file that says so, if one does. */
  file?: TextFile
  /** Where a value of it is in its text. */
  at(path: (string | number)[]): number
  /** Folders with modules in them, those that are there. */
  folders: string[]
  /** Folders that are named and not there. */
  missing: string[]
  /** Modules with a place of their own, by name. */
  direct: Map<string, string>
  defaults: string[]
  osvBase: string | undefined
}

/** Names of the file that declares a module; the second is a slip that manuals have. */
export const moduleFiles = ['module.py', 'modules.py'] as const

/** The module file of a folder, or undefined where it has none. */
export function moduleFile(folder: string): string | undefined {
  return moduleFiles.map((name) => path.join(folder, name)).find((file) => isFile(file))
}

export function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

/** Whether a folder is a module of OSv's. */
export function isModule(folder: string): boolean {
  return moduleFile(folder) !== undefined || isFile(path.join(folder, 'usr.manifest'))
}

/** Whether a text is a config.json of OSv's, by the object `modules` in it. */
export function isOsvConfig({ text }: TextFile): boolean {
  try {
    const { value } = parseJson(text, (message) => {
      throw new Error(message)
    })
    return isObject(value) && isObject(value['modules'])
  } catch {
    return /^\s*\{\s*"modules"\s*:\s*\{/.test(text)
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Reads OSv's config.json (osv: scripts/osv/modules/resolve.py). `${OSV_BASE}` is the variable of that name, else the
 * folder of the file.
 * @throws UfrError UFR-INPUT naming file and line.
 */
export function readRepositories(file: TextFile): Repositories {
  const json = parseJson(file.text, (message, at) => {
    throw inputError(file, at, message)
  })
  const folder = path.resolve(path.dirname(file.file))
  const osvBase = process.env['OSV_BASE'] || folder
  const wrong = (at: (string | number)[], what: string) => inputError(file, json.at(at, false), what)
  if (!isObject(json.value)) throw wrong([], 'the configuration must be an object')
  const found: Repositories = {
    file,
    at: (place) => json.at(place, false),
    folders: [],
    missing: [],
    direct: new Map(),
    defaults: [],
    osvBase,
  }
  const resolve = (at: (string | number)[], value: unknown): string => {
    if (typeof value !== 'string' || value.includes('\0'))
      throw wrong(at, 'this must be a path in double quotes')
    const expanded = value.replaceAll(/\$\{?OSV_BASE\}?/g, () => osvBase)
    const [odd] = /\$\{?\w+\}?/.exec(expanded) ?? []
    if (odd !== undefined) throw wrong(at, `nothing says what ${odd} is; write the path itself`)
    return path.resolve(folder, expanded)
  }
  for (const key of Object.keys(json.value)) {
    if (key === 'modules' || key === 'default') continue
    throw inputError(
      file,
      json.at([key], true),
      `unknown key ${JSON.stringify(key)}; the keys are modules and default`,
    )
  }
  const modules = json.value['modules'] ?? {}
  if (!isObject(modules)) throw wrong(['modules'], 'modules must be an object')
  for (const [name, value] of Object.entries(modules)) {
    const at = ['modules', name]
    if (name === 'repositories') {
      if (!Array.isArray(value)) throw wrong(at, 'modules.repositories must be a list of folders')
      for (const [i, one] of value.entries()) {
        const repository = resolve([...at, i], one)
        const there = fs.statSync(repository, { throwIfNoEntry: false })?.isDirectory() === true
        found[there ? 'folders' : 'missing'].push(repository)
      }
    } else if (name === 'include') {
      throw wrong(at, 'modules.include cannot be taken: write what those files say here')
    } else {
      if (!isObject(value)) throw wrong(at, `modules.${name} must be an object`)
      if (value['type'] !== 'direct-dir') {
        throw wrong(
          [...at, 'type'],
          `modules.${name} is of a type that has to be fetched; ufr takes direct-dir`,
        )
      }
      found.direct.set(name, resolve([...at, 'path'], value['path']))
    }
  }
  const defaults = json.value['default'] ?? []
  if (!Array.isArray(defaults) || defaults.some((one) => typeof one !== 'string')) {
    throw wrong(['default'], 'default must be a list of names of modules')
  }
  found.defaults = defaults as string[]
  return found
}

/**
 * What says where the modules are that a module needs: config.json in the folder above it or the one above that, or in
 * OSV_BASE; else its neighbours.
 */
export function repositoriesOf(folder: string): Repositories {
  const above = path.dirname(folder)
  const base = process.env['OSV_BASE'] || undefined
  const places = [above, path.dirname(above), ...(base === undefined ? [] : [base])]
  for (const place of places) {
    const file = path.join(place, 'config.json')
    const text = isFile(file) ? readInput(file) : undefined
    if (!text || !isOsvConfig(text)) continue
    const found = readRepositories(text)
    return { ...found, folders: [...new Set([...found.folders, above])] }
  }
  return { at: () => 0, folders: [above], missing: [], direct: new Map(), defaults: [], osvBase: base }
}

/** The folder of a module by its name. */
export function findModule({ folders, direct }: Repositories, name: string): string | undefined {
  if (!/^[\w.+-]+$/.test(name) || name === '.' || name === '..') return undefined
  const own = direct.get(name)
  const places = own === undefined ? folders.map((folder) => path.join(folder, name)) : [own]
  return places.find((place) => fs.statSync(place, { throwIfNoEntry: false })?.isDirectory())
}

/** Names of all modules in the repositories, sorted. */
export function moduleNames({ folders }: Repositories): string[] {
  const names = folders.flatMap((folder) =>
    fs
      .readdirSync(folder)
      .slice(0, 10_000)
      .filter((name) => isModule(path.join(folder, name))),
  )
  return [...new Set(names)].sort()
}
