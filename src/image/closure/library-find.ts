import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { architectureOf, type ElfFile, isX86_64 } from '../formats/elf/elf.ts'
import { type FileView, type Resolved, resolveFile, type ViewFile } from './file-view.ts'
import { type Loaded, type SearchOptions, type Step, searchSteps } from './library-search.ts'
import { neededByChain, readObject } from './object.ts'

export interface Found {
  /** The path as the search put it together, which may have `..` and links in it. */
  at: string
  resolved: Resolved & { entry: ViewFile }
  elf: ElfFile
}

interface Skipped {
  at: string
  architecture: string
}

function candidates(step: Step, name: string, search: SearchOptions): string[] {
  return step.kind === 'cache' ? (search.linker.cache.get(name) ?? []) : [`${step.path}/${name}`]
}

/** `a needs it, which b needs, which c needs`: from who names a library up to the program. */
function needs(loader: Loaded): string {
  const [first, ...others] = neededByChain(loader).reverse()
  return [`${first} needs it`, ...others.map((p) => `which ${p} needs`)].join(', ')
}

function missing(name: string, loader: Loaded, steps: Step[], skipped: Skipped[]): UfrError {
  const folders = steps.map((s) => (s.kind === 'cache' ? '/etc/ld.so.cache' : path.posix.normalize(s.path)))
  const detail = name.includes('/') ? [] : [`looked in: ${[...new Set(folders)].join(', ')}`]
  const [other] = skipped
  if (other) {
    return new UfrError(
      'UFR-ARCHITECTURE',
      `${name} is there only for ${other.architecture} (${other.at}), the guest runs x86-64: ${needs(loader)}`,
      { fix: `Install the x86-64 version of ${name}, or put it into the function's folder.`, detail },
    )
  }
  const fix = name.includes('/')
    ? 'That path is written into the file: put the library there, or link with -l and a folder (-L) instead.'
    : `Install the package that has ${name}, put it into the function's folder and set LD_LIBRARY_PATH to where it is below /var/task, or link the program statically.`
  return new UfrError('UFR-LIBRARY', `The shared library ${name} is missing: ${needs(loader)}`, {
    fix,
    detail,
  })
}

/**
 * Finds a library as the dynamic linker would on behalf of a loader: the first of the right name that is for x86-64;
 * others are passed over.
 * @param name DT_NEEDED with its tokens replaced; with a slash it is a path, which is not searched for.
 * @param optional gives undefined instead of an error where there is none.
 * @throws UfrError UFR-LIBRARY or UFR-ARCHITECTURE with the chain of who needs it and where was looked.
 */
export function findLibrary(
  view: FileView,
  loader: Loaded,
  name: string,
  search: SearchOptions,
  optional: boolean,
): Found | undefined {
  const direct = name.includes('/')
  const steps: Step[] = direct ? [] : searchSteps(loader, 'sysroot', search)
  const places = direct
    ? [name.startsWith('/') ? name : `${search.workingDirectory}/${name}`]
    : steps.flatMap((step) => candidates(step, name, search))
  const skipped: Skipped[] = []
  for (const at of places) {
    const resolved = resolveFile(view, at)
    if (!resolved) continue
    const elf = readObject(resolved.entry, `${path.posix.normalize(at)} (${needs(loader)})`, 'UFR-LIBRARY')
    if (isX86_64(elf)) return { at, resolved, elf }
    skipped.push({ at: path.posix.normalize(at), architecture: architectureOf(elf) })
  }
  if (optional) return undefined
  throw missing(name, loader, steps, skipped)
}
