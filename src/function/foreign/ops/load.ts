import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../../base/errors.ts'
import { compileGlob, hasMagic } from '../../../base/glob.ts'
import { nearest } from '../../../base/nearest.ts'
import { opensServer } from '../../javascript.ts'
import { assemble, type Findings } from '../assemble.ts'
import type { Foreign, Overrides } from '../foreign.ts'
import { hostFileAt, inTree, type Placed, scriptOf } from '../host-tree.ts'
import { interpreterFor, modulesOf, runtimeOfProgram } from '../programs.ts'
import { inputError, type TextFile } from '../text.ts'
import { type OpsConfig, readOps } from './read.ts'

/** What `ops run` and `ops image create` do, in folders: relative paths are those below the guest's root. */
interface Work {
  file: TextFile
  config: OpsConfig
  folder: string
  /** The host's folder for relative paths. */
  base: string
  sysroot: string
}

/**
 * A function of an ops configuration (ops: lepton/image.go). The program is what --command says, else `Program`.
 * @throws UfrError UFR-INPUT where a file that it names is not there, or nothing says which program runs.
 */
export function loadOps(file: TextFile, overrides: Overrides): Foreign {
  const config = readOps(file)
  const folder = path.resolve(path.dirname(file.file))
  const base = path.resolve(folder, config.parent ?? '.')
  const work = { file, config, folder, base, sysroot: path.resolve(folder, config.sysroot ?? '/') }
  const { placed, ...program } = programOf(work, overrides.command)
  const files = [...placed, ...placedFiles(work)]
  const workingDirectory = path.posix.resolve('/', config.workingDirectory ?? '/')
  const script = program.runtime === 'nodejs' ? scriptOf(files, config.args, workingDirectory) : undefined
  const [port] = config.ports
  const findings: Findings = {
    folder,
    title: `files of ${path.basename(file.file)}`,
    ...program,
    args: config.args,
    environment: config.environment,
    workingDirectory,
    port,
    server: script !== undefined && opensServer(script),
    memoryMiB: config.memoryMiB,
    cpus: config.cpus,
    placed: files,
    sysroot: work.sysroot === '/' ? undefined : work.sysroot,
    notes: [...config.notes],
  }
  return assemble(findings, overrides)
}

type Program = Pick<Findings, 'runtime' | 'command'> & { placed: Placed[] }

function programOf({ file, config, base, sysroot }: Work, given: string | undefined): Program {
  const program = given ?? config.program
  if (program === undefined) throw noProgram(file, config)
  const own = path.resolve(base, program)
  if (!path.isAbsolute(program) && fs.statSync(own, { throwIfNoEntry: false })?.isFile()) {
    const command = `/${inTree(program)}`
    return { runtime: 'native', command, placed: [{ from: own, to: command }] }
  }
  const runtime = runtimeOfProgram(program)
  if (runtime) return { ...runtime, placed: [] }
  const onHost = hostProgram(program, sysroot)
  if (onHost === undefined) {
    const fix = 'Correct it, or name another program by --command: a path, or a name that is in PATH.'
    const what = `there is no program ${program}, neither in ${base} nor on this host`
    if (given !== undefined) throw new UfrError('UFR-USAGE', `--command: ${what}`, { fix })
    throw inputError(file, config.at(['Program']), what, { fix })
  }
  const modules = modulesOf(onHost).filter((folder) => fs.existsSync(path.join(sysroot, folder)))
  const placed = modules.map((folder) => ({ from: path.join(sysroot, folder), to: folder }))
  return { runtime: 'native', command: onHost, placed }
}

/** A program of the host's by its absolute path there, found as a shell finds it where it has no slash. */
function hostProgram(program: string, sysroot: string): string | undefined {
  const folders = path.isAbsolute(program)
    ? ['']
    : program.includes('/')
      ? []
      : ['/usr/local/bin', '/usr/bin', '/bin', '/usr/local/sbin', '/usr/sbin', '/sbin']
  const found = folders.map((folder) => (folder === '' ? program : `${folder}/${program}`))
  return found.find((one) => fs.statSync(path.join(sysroot, one), { throwIfNoEntry: false })?.isFile())
}

function noProgram(file: TextFile, { args, at }: OpsConfig): UfrError {
  const first = args.find((arg) => !arg.startsWith('-'))
  const interpreter = interpreterFor(first)
  const what =
    'nothing says which program runs: there is no Program, so ops would have loaded a package (`ops pkg load NAME`) that has it'
  const named = interpreter ?? '/usr/bin/PROGRAM'
  const fix =
    interpreter === undefined
      ? `Name the program on the command line, \`--command ${named}\`, or write "Program" into the file.`
      : `${first} is for ${interpreter}: name it on the command line, \`--command ${named}\`, or write "Program": "/usr/bin/${named}" into the file.`
  return inputError(file, at([]), what, { fix })
}

/** Files, Dirs and MapDirs, in the order in which ops adds them (ops: lepton/image.go, setManifestFromConfig). */
function placedFiles(work: Work): Placed[] {
  const { config, base } = work
  const placed: Placed[] = config.files.map((name, i) => {
    const from = hostFile(work, name)
    if (from === undefined) throw missing(work, ['Files', i], name, 'file')
    if (fs.statSync(from).isDirectory()) {
      const what = `Files[${i}] is a folder: ${from}`
      throw inputError(work.file, config.at(['Files', i]), what, { fix: 'Write it into Dirs.' })
    }
    return { from, to: `/${inTree(name)}` }
  })
  for (const [pattern, to] of Object.entries(config.mapDirs)) placed.push(mapped(work, pattern, to))
  for (const [i, name] of config.dirs.entries()) {
    const from = hostFile(work, name)
    if (from === undefined) throw missing(work, ['Dirs', i], name, 'folder')
    if (!fs.statSync(from).isDirectory()) {
      const what = `Dirs[${i}] is a file: ${from}`
      throw inputError(work.file, config.at(['Dirs', i]), what, { fix: 'Write it into Files.' })
    }
    placed.push({ from, to: `/${inTree(name)}` })
  }
  const first = config.args.find((arg) => !arg.startsWith('-'))
  const own = first === undefined || path.isAbsolute(first) ? undefined : path.join(base, first)
  const copied = config.copiesFirstArgument && own !== undefined && fs.existsSync(own)
  if (copied && !first!.split('/').includes('..') && hostFileAt(placed, first!) === undefined) {
    placed.push({ from: own, to: `/${inTree(first!)}` })
  }
  return placed
}

/** Where something that is named is on the host; absolute paths may also be meant below the folder, as ops has it. */
function hostFile({ base, sysroot }: Work, name: string): string | undefined {
  const places = path.isAbsolute(name)
    ? [path.join(sysroot, name), path.join(base, name)]
    : [path.resolve(base, name)]
  return places.find((file) => fs.existsSync(file))
}

/** ops: addMappedFiles. The last part is a pattern for names, at any depth below the folder before it. */
function mapped(work: Work, pattern: string, to: string): Placed {
  const { config, file, base, sysroot } = work
  const at = config.at(['MapDirs', pattern])
  const full = path.isAbsolute(pattern) ? path.join(sysroot, pattern) : path.resolve(base, pattern)
  const stat = fs.statSync(full, { throwIfNoEntry: false })
  // A folder without a pattern is meant to be there whole; ops would make an empty folder of it.
  if (stat?.isDirectory()) return { from: full, to }
  if (stat) return { from: full, to: path.posix.join(to, path.basename(full)) }
  const folder = path.dirname(full)
  if (!fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw inputError(file, at, `MapDirs: there is no folder ${folder}`, {
      fix: `Correct ${JSON.stringify(pattern)}.`,
    })
  }
  const name = path.basename(full)
  if (name === '*') return { from: folder, to }
  if (!hasMagic(name)) {
    const fix = 'Write a folder, or a pattern of * and ? behind the last slash.'
    throw inputError(file, at, `MapDirs: there is no ${full}`, { fix })
  }
  const matches = compileGlob(name)
  return { from: folder, to, takes: (inside) => matches(path.basename(inside)) }
}

function missing({ file, config, base }: Work, at: [string, number], name: string, what: string): UfrError {
  const near = nearest(name, namesIn(path.dirname(path.resolve(base, name)), path.dirname(name)))
  const hint = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`
  const message = `${at[0]}[${at[1]}]: there is no ${what} ${JSON.stringify(name)} in ${base}${hint}`
  return inputError(file, config.at(at), message, { fix: `Correct it, or make the ${what}.` })
}

function namesIn(folder: string, prefix: string): string[] {
  try {
    return fs.readdirSync(folder).map((name) => path.posix.join(prefix, name))
  } catch {
    return []
  }
}
