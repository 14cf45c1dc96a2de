import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import type { FunctionSpec } from '../../function/spec.ts'
import { closure } from '../../image/closure/closure.ts'
import {
  type FileView,
  hostView,
  type Resolved,
  resolvePath,
  type ViewFile,
} from '../../image/closure/file-view.ts'
import { isElf } from '../../image/formats/elf/elf-names.ts'
import { reading } from '../../image/source.ts'
import type { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'
import type { AddedFile, RefusedFile } from './record.ts'

export interface HostFiles {
  added: AddedFile[]
  refused: RefusedFile[]
}

/** Where packages have their files. What is elsewhere may be this host's settings or secrets. */
const ofPackages = /^\/(usr\/(local\/)?)?(lib|lib64)\/|^\/usr\/(local\/)?share\//
/** What every dynamic linker, and OpenSSL, asks for and does without. */
const unwanted = /^\/etc\/(ld\.so\.(cache|preload)|ssl\/openssl\.cnf)$/
/** What belongs to one build of a C library: that of a language runtime need not be the host's. */
const ofLibc = /^\/usr\/(local\/)?(lib|share)\/(locale|i18n)\/|\/gconv\//
const mostBytes = 64 << 20
const mostFiles = 500

/** Whether a path is a shared library's, by its name. */
export function isLibraryName(file: string): boolean {
  return /\.so(\.[\w.]+)?$/.test(file)
}

/**
 * The files of the host that would be found at paths of the guest where the guest has nothing: libraries together with
 * what they need. Only files that belong to packages are taken: others are named, for a person to decide.
 * @param wanted absolute paths, in the order in which a program would try them: of several for one library the first
 * that is there counts.
 * @param base the program's base as a tree.
 */
export function hostFiles(
  wanted: Iterable<string>,
  spec: FunctionSpec,
  program: Program,
  base: Tree,
): HostFiles {
  const found: HostFiles = { added: [], refused: [] }
  const root = spec.root?.whole ? undefined : (spec.root?.sysroot ?? '/')
  const view = root === undefined ? undefined : hostView(root)
  const hostsLibc = /^(native|provided)/.test(spec.runtime)
  // Two of one name would be two libraries to a dynamic linker.
  const names = [...base.sorted(), ...program.task.sorted()].map(([at]) => path.posix.basename(at))
  const libraries = new Set(names.filter(isLibraryName))
  for (const at of wanted) {
    if (found.added.length >= mostFiles) break
    if (unwanted.test(at) || (!hostsLibc && ofLibc.test(at)) || has(found, at)) continue
    const inTask = at.startsWith(`/${taskFolder}/`)
    const there = inTask ? inFolder(spec, at) : view && resolvePath(view, at)
    const name = path.posix.basename(at)
    if (there?.entry.kind !== 'file' || libraries.has(name)) continue
    const why = inTask ? '.ufrignore leaves it out' : refusal(at, there.entry)
    if (why !== undefined) {
      found.refused.push({ path: at, why })
      continue
    }
    if (isLibraryName(at)) libraries.add(name)
    add(found, at, there as Resolved & { entry: ViewFile }, { root: root!, program, base })
  }
  return found
}

function has({ added, refused }: HostFiles, at: string): boolean {
  return added.some((file) => file.path === at) || refused.some((file) => file.path === at)
}

function inFolder(spec: FunctionSpec, at: string): Resolved | undefined {
  const view: FileView = hostView(spec.folder)
  return resolvePath(view, at.slice(taskFolder.length + 1))
}

function refusal(at: string, file: ViewFile): string | undefined {
  if (!ofPackages.test(at)) return 'not among the files of packages (below /usr/lib, /lib and /usr/share)'
  if ((file.mode & 0o004) === 0) return 'not readable for everybody'
  return file.content.size > mostBytes ? `larger than ${mostBytes >> 20} MiB` : undefined
}

function add(
  found: HostFiles,
  at: string,
  there: Resolved & { entry: ViewFile },
  { root, program, base }: { root: string; program: Program; base: Tree },
): void {
  const { entry } = there
  const file = {
    path: at,
    from: entry.hostPath!,
    bytes: entry.content.size,
    why: 'asked for by the function',
  }
  try {
    const needed = isElfFile(entry) ? neededBy(there.path, root, program, base) : []
    found.added.push(file)
    for (const each of needed) {
      if (each.from !== file.from && !found.added.some(({ path }) => path === each.path))
        found.added.push(each)
    }
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    found.refused.push({ path: at, why: error.message })
  }
}

function isElfFile(file: ViewFile): boolean {
  return reading(file.open(), (source) => source.size >= 64 && isElf(source.read(0, 4)))
}

/** What a library needs that the guest does not have yet. */
function neededBy(library: string, root: string, program: Program, base: Tree): AddedFile[] {
  const libraryPath = program.environment['LD_LIBRARY_PATH']
  const { files } = closure([program.executable, library], {
    root,
    over: base,
    mounts: [{ at: `/${taskFolder}`, tree: program.task }],
    workingDirectory: program.workingDirectory,
    ...(libraryPath && { libraryPath: libraryPath.split(/[:;]/) }),
  })
  return files.flatMap(({ mounted, hostPath, guestPath, content, neededBy: chain }) =>
    mounted || hostPath === undefined
      ? []
      : [
          {
            path: guestPath,
            from: hostPath,
            bytes: content.size,
            why: `needed by ${chain.at(-1) ?? library}`,
          },
        ],
  )
}
