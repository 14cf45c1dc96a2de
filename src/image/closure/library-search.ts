import path from 'node:path'
import type { ElfFile } from '../formats/elf/elf.ts'
import type { DynamicLinker } from './dynamic-linker.ts'
import type { ViewFile } from './file-view.ts'

/** An object as a dynamic linker has it in memory. */
export interface Loaded {
  /** The path that it was found at in the sysroot. */
  foundAt: string
  /** The same without links: two names for one file are one object. */
  realPath: string
  file: ViewFile
  /** Folder that `$ORIGIN` stands for in the sysroot and in the guest: they differ where a library has to move. */
  origin: { sysroot: string; guest: string }
  elf: ElfFile
  /** The names that it answers to. */
  names: Set<string>
  /** What asked for it; undefined for a program. */
  parent?: Loaded
}

export interface SearchOptions {
  linker: DynamicLinker
  /** LD_LIBRARY_PATH as the guest will have it. */
  libraryPath: string[]
  /** Folders to search like those, that the guest knows nothing of. */
  extraLibraryPaths: string[]
  /** Folder that relative paths start from. */
  workingDirectory: string
}

/** In the sysroot everything counts; the guest has no ld.so.cache, and libraries may have moved. */
export type Side = 'sysroot' | 'guest'

export type Step = { kind: 'directory'; path: string } | { kind: 'cache' }

const flag1NoDefaultLibraries = 0x800

/** Replaces `$ORIGIN`, `$LIB` and `$PLATFORM`, with or without braces (ld.so(8), "Dynamic string tokens"). */
export function expandTokens(text: string, origin: string, linker: DynamicLinker): string {
  return text.replace(/\$(?:\{(ORIGIN|LIB|PLATFORM)\}|(ORIGIN|LIB|PLATFORM)(?![A-Za-z0-9_]))/g, (_, a, b) => {
    const name = a ?? b
    return name === 'ORIGIN' ? origin : name === 'LIB' ? linker.lib : 'x86_64'
  })
}

/** The folders of an RPATH, RUNPATH or library path. An empty one stands for the working directory. */
function folders(list: string[], origin: string, options: SearchOptions): Step[] {
  return list.map((folder) => {
    const expanded = expandTokens(folder, origin, options.linker)
    return {
      kind: 'directory',
      path: expanded.startsWith('/') ? expanded : `${options.workingDirectory}/${expanded}`,
    }
  })
}

function chainOf(loader: Loaded): Loaded[] {
  const chain = []
  for (let l: Loaded | undefined = loader; l; l = l.parent) chain.push(l)
  return chain
}

function libraryPathSteps(loader: Loaded, side: Side, options: SearchOptions): Step[] {
  const list = side === 'guest' ? options.libraryPath : [...options.libraryPath, ...options.extraLibraryPaths]
  const program = chainOf(loader).at(-1) ?? loader
  return folders(list, program.origin[side], options)
}

function ownSteps(l: Loaded, list: string | undefined, side: Side, options: SearchOptions): Step[] {
  return list === undefined ? [] : folders(list.split(':'), l.origin[side], options)
}

/** The order of `_dl_map_object` in glibc's elf/dl-load.c; ld.so(8) describes it. */
function glibcSteps(loader: Loaded, side: Side, options: SearchOptions): Step[] {
  const steps: Step[] = []
  if (loader.elf.runpath === undefined) {
    for (const l of chainOf(loader)) {
      if (l.elf.runpath === undefined) steps.push(...ownSteps(l, l.elf.rpath, side, options))
    }
  }
  steps.push(...libraryPathSteps(loader, side, options))
  steps.push(...ownSteps(loader, loader.elf.runpath, side, options))
  // For such an object ld.so takes nothing from the cache either that is in a default folder.
  if ((loader.elf.flags1 & flag1NoDefaultLibraries) !== 0) return steps
  if (side === 'sysroot' && options.linker.cache.size > 0) steps.push({ kind: 'cache' })
  return [...steps, ...defaultSteps(side, options)]
}

/** The order of `load_library` in musl's ldso/dynlink.c: RUNPATH counts like RPATH, and both are inherited. */
function muslSteps(loader: Loaded, side: Side, options: SearchOptions): Step[] {
  return [
    ...libraryPathSteps(loader, side, options),
    ...chainOf(loader).flatMap((l) => ownSteps(l, l.elf.runpath ?? l.elf.rpath, side, options)),
    ...defaultSteps(side, options),
  ]
}

function defaultSteps(side: Side, options: SearchOptions): Step[] {
  const { defaults, guestDefaults } = options.linker
  return (side === 'guest' ? guestDefaults : defaults).map((folder) => ({ kind: 'directory', path: folder }))
}

/** Where the dynamic linker looks for a library without a slash in its name, in order. */
export function searchSteps(loader: Loaded, side: Side, options: SearchOptions): Step[] {
  return options.linker.libc === 'musl' ? muslSteps(loader, side, options) : glibcSteps(loader, side, options)
}

/** Whether the guest's own dynamic linker looks into a folder on behalf of a loader. */
export function searchedInGuest(folder: string, loader: Loaded, options: SearchOptions): boolean {
  const wanted = path.posix.normalize(`${folder}/`)
  return searchSteps(loader, 'guest', options).some(
    (step) => step.kind === 'directory' && path.posix.normalize(`${step.path}/`) === wanted,
  )
}

/** Names that musl's dynamic linker takes for itself, whatever follows the dot (ldso/dynlink.c, `reserved`). */
export function isMuslItself(name: string): boolean {
  return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name)
}
