import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { Content } from '../content.ts'
import { reading } from '../source.ts'
import { Tree } from '../tree.ts'
import { dynamicLinker } from './dynamic-linker.ts'
import {
  type FileView,
  hostView,
  mountView,
  overlayView,
  type Resolved,
  resolveFile,
  treeView,
  type ViewFile,
} from './file-view.ts'
import { type Found, findLibrary } from './library-find.ts'
import {
  expandTokens,
  isMuslItself,
  type Loaded,
  type SearchOptions,
  searchedInGuest,
} from './library-search.ts'
import { checkArchitecture, neededByChain, readObject } from './object.ts'

export interface ClosureOptions {
  /** Folder of the host that stands for the root; default `/`. Nothing outside it is looked at. */
  root?: string
  /** Files that the guest has anyway, at absolute paths: they are searched too, and hide what the root has there. */
  mounts?: { at: string; tree: Tree }[]
  /** The same, but over the root's own files and not in place of a folder of it. */
  over?: Tree
  /** Whether nothing of the host is looked at, `over` being all there is. */
  overOnly?: boolean
  /** LD_LIBRARY_PATH as the guest will have it. */
  libraryPath?: string[]
  /** Guest paths to search like those, which the guest is not told of: what is found there moves to a default folder. */
  extraLibraryPaths?: string[]
  /** Folder that relative paths start from; default `/`. */
  workingDirectory?: string
}

export interface ClosureFile {
  role: 'program' | 'interpreter' | 'library'
  /** What was asked for: a path, PT_INTERP, or DT_NEEDED. */
  name: string
  /** Absolute path at which the guest will look for it. */
  guestPath: string
  /** The path in the sysroot without links. */
  realPath: string
  /** Undefined for a file out of a mounted tree. */
  hostPath?: string
  content: Content
  /** Whether it is in a mounted tree, at the right place there: nothing needs to be done for it. */
  mounted: boolean
  /** What needs it, the program first and what names it last, by their paths in the sysroot; empty for a program. */
  neededBy: string[]
}

export interface Closure {
  /** Absolute guest paths of the programs, without links, in the order asked for. */
  programs: string[]
  /** Everything that the programs need to start, themselves included, in the order in which it was found. */
  files: ClosureFile[]
  /** Folders that must be there, for paths with `..` that lead through them. */
  directories: string[]
}

interface Work {
  view: FileView
  inMount(guestPath: string): boolean
  files: Map<string, ClosureFile>
  directories: Set<string>
}

/** What one run of a dynamic linker sees. */
interface Namespace {
  loaded: Loaded[]
  search: SearchOptions
}

const maxLoaded = 2048
const maxStringTableBytes = 16 * 2 ** 20

/** What a glibc before 2.34 opens by itself when a program looks up names; later ones have it in libc.so.6. */
const nameServiceLibraries = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2']

/** The folders on a path that a following `..` leaves again. */
function passedThrough(guestPath: string): string[] {
  const parts = guestPath.split('/')
  return parts.flatMap((part, i) =>
    part === '..' ? [path.posix.normalize(parts.slice(0, i).join('/') || '/')] : [],
  )
}

function addFile(
  work: Work,
  role: ClosureFile['role'],
  name: string,
  wanted: string,
  resolved: Resolved & { entry: ViewFile },
  neededBy: string[],
): void {
  let guestPath = path.posix.normalize(wanted)
  const mounted = work.inMount(guestPath) && work.inMount(resolved.path)
  if (work.inMount(guestPath) && !mounted) {
    // A link in a mounted tree leads out of it: the guest follows it to there.
    guestPath = resolved.through.find((p) => !work.inMount(p)) ?? resolved.path
  }
  for (const folder of passedThrough(wanted)) if (!work.inMount(folder)) work.directories.add(folder)
  const before = work.files.get(guestPath)
  if (before?.realPath === resolved.path) return
  if (before) {
    throw new UfrError(
      'UFR-LIBRARY',
      `Two different files would have to be at ${guestPath}: ${before.realPath} and ${resolved.path}`,
      { fix: 'Build two functions, or let both programs use the same version of the library.' },
    )
  }
  const { content, hostPath } = resolved.entry
  const host = hostPath === undefined ? {} : { hostPath }
  work.files.set(guestPath, {
    ...{ role, name, guestPath, realPath: resolved.path, ...host },
    ...{ content, mounted, neededBy },
  })
}

function loadProgram(work: Work, asked: string, guestPath: string): Loaded {
  const resolved = resolveFile(work.view, guestPath)
  if (!resolved) throw new UfrError('UFR-PROGRAM', `There is no program ${asked}`)
  const elf = readObject(resolved.entry, asked, 'UFR-PROGRAM')
  checkArchitecture(elf, asked)
  addFile(work, 'program', asked, resolved.path, resolved, [])
  const folder = path.posix.dirname(resolved.path)
  return {
    foundAt: resolved.path,
    realPath: resolved.path,
    file: resolved.entry,
    origin: { sysroot: folder, guest: folder },
    elf,
    names: new Set([guestPath]),
  }
}

/** Loads the dynamic linker that a program names. It is an object like the others: libc.so.6 needs it by its soname. */
function loadInterpreter(work: Work, program: Loaded, interpreter: string, asked: string): Loaded {
  const resolved = resolveFile(work.view, interpreter)
  if (!resolved) {
    const libc = program.elf.libc
    const owner = libc ? `${libc}'s dynamic linker` : 'its dynamic linker'
    const install =
      libc === 'musl' ? 'Install musl' : libc === 'glibc' ? 'Install glibc (libc6)' : 'Install it'
    throw new UfrError('UFR-INTERPRETER', `${program.foundAt} needs ${owner} ${asked}, which is not there`, {
      fix: `${install}, or link the program statically.`,
    })
  }
  const elf = readObject(resolved.entry, interpreter, 'UFR-INTERPRETER')
  checkArchitecture(elf, interpreter)
  addFile(work, 'interpreter', asked, interpreter, resolved, [program.foundAt])
  const folder = path.posix.dirname(interpreter)
  return {
    foundAt: interpreter,
    realPath: resolved.path,
    file: resolved.entry,
    origin: { sysroot: folder, guest: folder },
    elf,
    names: new Set([asked]),
    parent: program,
  }
}

function answersTo(object: Loaded, name: string, libc: 'glibc' | 'musl'): boolean {
  // musl compares the names under which libraries were asked for, glibc what they call themselves as well.
  return object.names.has(name) || (libc === 'glibc' && object.elf.soname === name)
}

/** Where the guest is to have a library so that its dynamic linker finds it on behalf of the loader. */
function placeInGuest(found: Found, name: string, loader: Loaded, search: SearchOptions): string {
  if (name.includes('/') || searchedInGuest(path.posix.dirname(found.at), loader, search)) return found.at
  return path.posix.join(search.linker.guestDefaults[0] ?? '/lib', name)
}

function addLibrary(work: Work, space: Namespace, loader: Loaded, name: string, found: Found): void {
  const guestPath = placeInGuest(found, name, loader, space.search)
  addFile(work, 'library', name, guestPath, found.resolved, neededByChain(loader))
  const same = space.loaded.find((l) => l.realPath === found.resolved.path)
  if (same) {
    same.names.add(name)
    return
  }
  if (space.loaded.length >= maxLoaded) {
    throw new UfrError('UFR-LIBRARY', `${neededByChain(loader)[0]} needs more than ${maxLoaded} libraries`)
  }
  space.loaded.push({
    foundAt: found.at,
    realPath: found.resolved.path,
    file: found.resolved.entry,
    origin: { sysroot: path.posix.dirname(found.at), guest: path.posix.dirname(guestPath) },
    elf: found.elf,
    names: new Set([name]),
    parent: loader,
  })
}

function need(work: Work, space: Namespace, loader: Loaded, needed: string, optional = false): void {
  const { linker } = space.search
  const name = expandTokens(needed, loader.origin.sysroot, linker)
  if (space.loaded.some((l) => answersTo(l, name, linker.libc))) return
  if (linker.libc === 'musl' && isMuslItself(name)) return
  const found = findLibrary(work.view, loader, name, space.search, optional)
  if (found) addLibrary(work, space, loader, name, found)
}

/** Loads what is needed, breadth first as dynamic linkers do, from the object at `start` on. */
function needAll(work: Work, space: Namespace, start: number): void {
  for (let i = start; i < space.loaded.length; i++) {
    const loader = space.loaded[i]
    if (loader) for (const name of loader.elf.needed) need(work, space, loader, name)
  }
}

function needNameService(work: Work, space: Namespace): void {
  const libc = space.loaded.find((l) => l.names.has('libc.so.6'))
  if (!libc?.elf.strings) return
  const { offset, size } = libc.elf.strings
  if (size > maxStringTableBytes) return
  const strings = reading(libc.file.open(), (source) => Buffer.from(source.read(offset, size)))
  if (strings.includes('\0GLIBC_2.34\0')) return
  const start = space.loaded.length
  for (const name of nameServiceLibraries) need(work, space, libc, name, true)
  needAll(work, space, start)
}

function newNamespace(work: Work, program: Loaded, options: ClosureOptions): Namespace {
  const workingDirectory = options.workingDirectory ?? '/'
  const asked = program.elf.interpreter
  const interpreter = asked === undefined ? undefined : path.posix.resolve(workingDirectory, asked)
  const loaded = [program]
  if (interpreter !== undefined && asked !== undefined) {
    loaded.push(loadInterpreter(work, program, interpreter, asked))
  }
  return {
    loaded,
    search: {
      linker: dynamicLinker(work.view, program.elf.libc, interpreter),
      libraryPath: options.libraryPath ?? [],
      extraLibraryPaths: options.extraLibraryPaths ?? [],
      workingDirectory,
    },
  }
}

/**
 * Everything that programs need to start: their dynamic linkers and shared libraries, found from the ELF files
 * themselves in the way and order of glibc's or musl's dynamic linker, inside a root that need not be this host's.
 * An object without an interpreter, such as a plugin, counts as opened by the program before it.
 * @param programs absolute paths in the guest, or paths of the host inside the root.
 * @throws UfrError UFR-PROGRAM, UFR-ARCHITECTURE, UFR-INTERPRETER or UFR-LIBRARY, naming the file and who needs it.
 */
export function closure(programs: string[], options: ClosureOptions = {}): Closure {
  const root = path.resolve(options.root ?? '/')
  const mounts = options.mounts ?? []
  const { over, overOnly = false } = options
  let view = overOnly ? treeView(new Tree()) : hostView(root)
  if (over) view = overlayView(view, treeView(over))
  for (const mount of mounts) view = mountView(view, mount.at, treeView(mount.tree))
  const work: Work = {
    view,
    inMount: (p) =>
      overOnly ||
      over?.has(p.slice(1)) === true ||
      mounts.some(({ at }) => p === at || p.startsWith(`${at}/`)),
    files: new Map(),
    directories: new Set(),
  }
  const paths: string[] = []
  let space: Namespace | undefined
  for (const asked of programs) {
    const guestPath = root !== '/' && asked.startsWith(`${root}/`) ? asked.slice(root.length) : asked
    const program = loadProgram(work, asked, path.posix.resolve(options.workingDirectory ?? '/', guestPath))
    paths.push(program.foundAt)
    if (space && program.elf.interpreter === undefined) {
      const start = space.loaded.push({ ...program, parent: space.loaded[0] as Loaded }) - 1
      needAll(work, space, start)
      continue
    }
    space = newNamespace(work, program, options)
    needAll(work, space, 0)
    if (space.search.linker.libc === 'glibc') needNameService(work, space)
  }
  return { programs: paths, files: [...work.files.values()], directories: [...work.directories].sort() }
}
