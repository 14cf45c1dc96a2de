import path from 'node:path'
import type { FunctionSpec } from '../../function/spec.ts'
import { dynamicLinker } from '../../image/closure/dynamic-linker.ts'
import { hostView, mountView, resolveFile, treeView } from '../../image/closure/file-view.ts'
import { type Content, contentBytes } from '../../image/content.ts'
import { isElf } from '../../image/formats/elf/elf-names.ts'
import { Tree } from '../../image/tree.ts'
import { type Program, taskFolder } from '../../language/program.ts'

/** Larger programs are language runtimes, which bring what they open. */
const mostBytes = 32 << 20
const mostPrograms = 100
const mostNames = 2000

/**
 * Paths that a function may come to ask for: of libraries and data files that its programs have the names of. One run
 * would not tell what an opened library opens in turn, had the library not been there; so it is tried with more than
 * it will need.
 */
export function candidatePaths(spec: FunctionSpec, program: Program): string[] {
  if (spec.root?.whole) return []
  const names = new Set<string>()
  for (const content of programsOf(spec, program)) {
    for (const name of namesIn(contentBytes(content))) if (names.size < mostNames) names.add(name)
  }
  const folders = searchFolders(spec, program)
  return [...names].flatMap((name) => (name.startsWith('/') ? [name] : folders(name)))
}

/** Names of libraries (`libfoo.so.1`) and absolute paths below /usr that stand in a program as texts with a NUL behind. */
export function namesIn(bytes: Buffer): string[] {
  const text = bytes.toString('latin1')
  const libraries = [...text.matchAll(/(?<![\w./+-])[\w./+-]{1,200}\.so(?:\.\d{1,6}){0,4}(?=\0)/g)]
  const files = [...text.matchAll(/\/usr\/(?:local\/)?(?:share|lib)\/[\w./+@-]{1,200}(?=\0)/g)]
  const names = [...libraries, ...files].map(([name]) => name)
  return [...new Set(names)].filter((name) => name.startsWith('/') || !name.includes('/'))
}

/** ELF files of the function's own: what it runs, unless that is a runtime, and those of its folder. */
function programsOf(spec: FunctionSpec, program: Program): Content[] {
  const found: Content[] = []
  const view = mountView(
    treeView(/^(native|provided)/.test(spec.runtime) ? program.base.tree() : new Tree()),
    `/${taskFolder}`,
    treeView(program.task),
  )
  const executable = resolveFile(view, program.executable)
  if (executable) found.push(executable.entry.content)
  for (const [, entry] of program.task.sorted()) {
    if (found.length > mostPrograms) break
    if (entry.kind === 'file' && !found.includes(entry.content)) found.push(entry.content)
  }
  return found.filter((content) => content.size >= 64 && content.size <= mostBytes && beginsAsElf(content))
}

function beginsAsElf(content: Content): boolean {
  for (const chunk of content.chunks()) return isElf(chunk)
  return false
}

/** Where the dynamic linker of the guest would look for a library that is asked for by its name. */
function searchFolders(spec: FunctionSpec, program: Program): (name: string) => string[] {
  const set = program.environment['LD_LIBRARY_PATH']?.split(/[:;]/) ?? []
  const libc = program.interpreter?.includes('musl') ? 'musl' : 'glibc'
  const linker = dynamicLinker(hostView(spec.root?.sysroot ?? '/'), libc, program.interpreter)
  return (name) => [
    ...set.map((folder) => path.posix.resolve(program.workingDirectory, folder, name)),
    // In the default folders first: elsewhere the guest, which has no ld.so.cache, would not look for it.
    ...linker.guestDefaults.map((folder) => `${folder}/${name}`),
  ]
}
