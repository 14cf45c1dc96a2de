import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../../base/errors.ts'
import { nearest } from '../../../base/nearest.ts'
import { opensServer } from '../../javascript.ts'
import { configDefaults } from '../../schema.ts'
import { assemble, type Findings } from '../assemble.ts'
import type { Foreign, Overrides } from '../foreign.ts'
import { filtered, hostFileAt, inTree, type Placed, type PlacedLink, scriptOf } from '../host-tree.ts'
import { runtimeOfProgram } from '../programs.ts'
import { inputError, readInput, type TextFile } from '../text.ts'
import { readCommand } from './command.ts'
import { expand, type ManifestFolders, manifestFiles, readManifest } from './manifest.ts'
import { type ModuleText, type RunConfig, readModule } from './python.ts'
import {
  moduleFile,
  moduleNames,
  type Repositories,
  readRepositories,
  repositoriesOf,
} from './repositories.ts'
import { requirement } from './requires.ts'

type Files = (Placed | PlacedLink)[]

/** What a module and those that it requires bring. */
interface Gathered {
  files: Files
  languages: Set<string>
  notes: string[]
  seen: Set<string>
}

const maxModules = 200

/**
 * A function of an OSv module: what `scripts/build image=NAME` would put into an image, and its run configuration.
 * @throws UfrError UFR-INPUT naming file and line of what ufr cannot do.
 */
export function loadModule(folder: string, overrides: Overrides, repositories?: Repositories): Foreign {
  const absolute = path.resolve(folder)
  const gathered: Gathered = { files: [], languages: new Set(), notes: [], seen: new Set() }
  const module = gather(folder, repositories ?? repositoriesOf(absolute), gathered)
  const { file, text } = module
  const { run, program } = runOf(absolute, file, text, overrides.command)
  const cpus = overrides.cpus ?? configDefaults.cpus
  const command = run ? commandOf(file!, run, cpus) : { program: '', args: [], environment: {}, left: [] }
  if (program !== undefined) command.program = program
  const started = programOf(file, run, command.program, gathered)
  if (command.left.length > 0) {
    gathered.notes.push(
      `${file!.file}: ${command.left.join(' ')} left out: options of OSv's, which ufr sets itself.`,
    )
  }
  const workingDirectory = path.posix.resolve('/', command.workingDirectory ?? '/')
  const script =
    started.runtime === 'nodejs'
      ? scriptOf(gathered.files, command.args, workingDirectory, ['', '.js', '/index.js'])
      : undefined
  const findings: Findings = {
    folder: absolute,
    title: `files of ${path.basename(absolute)}`,
    ...started,
    args: command.args,
    environment: environmentOf(started.runtime, command.environment),
    workingDirectory,
    server: script !== undefined && opensServer(script),
    placed: gathered.files,
    notes: gathered.notes,
  }
  return assemble(findings, overrides)
}

/**
 * A function of a folder of modules with their config.json: the one of `default` that is in the repositories, else the
 * only one that there is.
 * @throws UfrError UFR-INPUT where that is none or several.
 */
export function loadRepositories(file: TextFile, overrides: Overrides): Foreign {
  const repositories = readRepositories(file)
  const beside = path.dirname(path.resolve(file.file))
  const names = moduleNames({ ...repositories, folders: [...new Set([...repositories.folders, beside])] })
  const all = { ...repositories, folders: [...new Set([...repositories.folders, beside])] }
  const wanted = repositories.defaults.filter((name) => names.includes(name))
  const [name, ...others] = wanted.length > 0 ? wanted : names
  if (name === undefined) {
    const { folders, missing } = all
    const looked = [...folders, ...missing.map((one) => `${one} (not there)`)]
    throw inputError(file, 0, 'no module is in the repositories', {
      detail: [`looked in: ${looked.join(', ')}`],
      fix: 'Name the folder that has your modules in modules.repositories, or give the folder of a module.',
    })
  }
  const folder = folderOf(all, name)
  if (others.length > 0) {
    const shown = [name, ...others].slice(0, 8).join(', ')
    const more = others.length > 7 ? ', …' : ''
    throw inputError(file, 0, `there are several modules, and nothing says which runs: ${shown}${more}`, {
      fix: `Give the folder of one: ${folder}; or name one in "default".`,
    })
  }
  const foreign = loadModule(folder, overrides, all)
  const left = repositories.defaults.filter((one) => one !== name)
  if (left.length > 0) {
    foreign.spec.notes?.push(
      `${file.file}: ${left.join(', ')} of "default" left out: ufr manages guests from outside.`,
    )
  }
  return foreign
}

function folderOf({ folders, direct }: Repositories, name: string): string {
  const places = folders.map((folder) => path.join(folder, name))
  return direct.get(name) ?? places.find((place) => fs.existsSync(place))!
}

interface Gatherable {
  file: TextFile | undefined
  text: ModuleText
}

/** A module's files over those of the modules that it requires. */
function gather(folder: string, repositories: Repositories, gathered: Gathered): Gatherable {
  const absolute = path.resolve(folder)
  const { seen, files, notes } = gathered
  seen.add(absolute)
  const named = moduleFile(folder)
  const file = named === undefined ? undefined : readInput(named)
  const text = file ? readModule(file) : { required: [], runs: new Map(), files: [], links: [] }
  for (const one of text.required) {
    const found = requirement(file!, one, repositories)
    if ('runtime' in found) gathered.languages.add(found.runtime)
    else if ('leftOut' in found) {
      notes.push(
        `${file!.file}: the module ${one.name} left out: libraries are taken from this host as programs need them.`,
      )
    } else if (!seen.has(path.resolve(found.folder))) {
      if (seen.size >= maxModules) throw inputError(file!, one.at, `more than ${maxModules} modules`)
      gather(found.folder, repositories, gathered)
    }
  }
  const folders: ManifestFolders = { MODULE_DIR: absolute, OSV_BASE: repositories.osvBase }
  const manifest = readInput(path.join(folder, 'usr.manifest'))
  const root = path.join(absolute, 'ROOTFS')
  if (manifest) {
    const { placed, libraries } = manifestFiles(manifest, readManifest(manifest), folders)
    files.push(...placed)
    if (libraries.length > 0) {
      notes.push(
        `${manifest.file}: ${libraries.join(', ')} left out: libraries are taken from this host as programs need them.`,
      )
    }
  } else if (fs.statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    files.push({ from: root, to: '/' })
    notes.push(`${absolute} has no usr.manifest: all of ROOTFS is taken.`)
  }
  if (file) files.push(...mapped(file, text, folders))
  return { file, text }
}

/** osv: scripts/osv/modules/filemap.py. */
function mapped(file: TextFile, text: ModuleText, folders: ManifestFolders): Files {
  const found: Files = []
  for (const { host, guest, filters, at } of text.files) {
    if (guest === undefined)
      throw inputError(file, at, 'these files have no .to(…), so they have no place in the guest')
    const from = path.resolve(folders.MODULE_DIR, expand(file, at, host, folders))
    if (!fs.existsSync(from))
      throw inputError(file, at, `there is no ${from}`, { fix: 'Correct the path, or build the module.' })
    found.push({ from, to: `/${inTree(guest)}`, ...(filters.length > 0 && { takes: filtered(filters) }) })
  }
  for (const { guest, to, at } of text.links) {
    if (to === undefined) throw inputError(file, at, 'this link has no .to(…)')
    found.push({ link: to, to: `/${inTree(guest)}` })
  }
  return found
}

/** The run configuration that is asked for; or the program that is to run instead. */
function runOf(
  folder: string,
  file: TextFile | undefined,
  { runs }: ModuleText,
  given: string | undefined,
): { run?: RunConfig | undefined; program?: string } {
  const named = given === undefined ? undefined : runs.get(given)
  if (named) return { run: named }
  if (given !== undefined) return { run: runs.get('default'), program: given }
  const run = runs.get('default') ?? (runs.size === 1 ? [...runs.values()][0] : undefined)
  if (run) return { run }
  const names = [...runs.keys()]
  if (!file) {
    throw new UfrError('UFR-INPUT', `${folder} has no module.py, so nothing says which program runs`, {
      fix: "Write one with `default = api.run('/program')`, or name the program by --command.",
    })
  }
  if (names.length === 0) {
    throw inputError(file, 0, 'this module runs nothing: it has no `default = api.run(…)`', {
      fix: 'Give a module that runs something, or name the program by --command.',
    })
  }
  throw inputError(
    file,
    runs.get(names[0]!)!.at,
    'this module has no `default`, so nothing says which of these runs',
    {
      fix: `Name one: --command ${names.slice(0, 8).join(', --command ')}`,
    },
  )
}

interface Command {
  program: string
  args: string[]
  environment: Record<string, string>
  workingDirectory?: string
  left: string[]
}

function commandOf(file: TextFile, run: RunConfig, cpus: number): Command {
  if (run.how !== 'run_java') {
    // What is run at the start is put into the background for the app that comes then; here it is the app.
    const line = run.how === 'run_on_init' ? run.line.replace(/\s*&!?\s*$/, '') : run.line
    return readCommand(file, run.at, line, cpus)
  }
  const classpath = run.classpath.length > 0 ? ['-cp', run.classpath.join(':')] : []
  return { program: 'java', args: [...run.jvmArgs, ...classpath, ...run.args], environment: {}, left: [] }
}

function programOf(
  file: TextFile | undefined,
  run: RunConfig | undefined,
  program: string,
  { files, languages }: Gathered,
): Pick<Findings, 'runtime' | 'command'> {
  const guest = `/${inTree(program)}`
  const own = hostFileAt(files, guest) !== undefined || files.some((one) => 'link' in one && one.to === guest)
  if (own) return { runtime: 'native', command: guest }
  const runtime = runtimeOfProgram(program)
  if (runtime) return runtime
  const near = nearest(
    guest,
    files.map(({ to }) => to),
  )
  const hint = near === undefined ? '' : `; did you mean ${near}?`
  const what = `no file of the module's is at ${guest}, which is to run${hint}`
  const wanted = languages.size > 0 ? ` It requires ${[...languages].join(', ')}.` : ''
  const fix = `Name it in usr.manifest, as in: ${guest}: \${MODULE_DIR}${guest}.${wanted}`
  if (file && run) throw inputError(file, run.at, what, { fix })
  throw new UfrError('UFR-INPUT', what, { fix })
}

/** Where OSv's modules put an interpreter's own files is not where ufr's runtimes have them. */
function environmentOf(runtime: string, environment: Record<string, string>): Record<string, string> {
  if (!runtime.startsWith('python')) return environment
  const { PYTHONHOME: _, PYTHONPLATLIBDIR: __, ...rest } = environment
  return rest
}
