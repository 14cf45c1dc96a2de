import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { readLdCache } from '../formats/ld-cache.ts'
import { reading } from '../source.ts'
import { type FileView, resolveFile, resolvePath, type ViewFile } from './file-view.ts'

/** What a root's dynamic linker does without being told: where it looks, and what `$LIB` stands for. */
export interface DynamicLinker {
  libc: 'glibc' | 'musl'
  /** Where it looks in the sysroot, last of all. */
  defaults: string[]
  /** Where it looks in the guest, which has none of its configuration files. Libraries are put into the first. */
  guestDefaults: string[]
  /** What `$LIB` stands for. */
  lib: string
  /** What the root's ld.so.cache knows; empty where there is none. */
  cache: Map<string, string[]>
}

const multiarch = '/lib/x86_64-linux-gnu'
// For a linker that does not tell: upstream's folders, and Debian's before them.
const upstreamDefaults = ['/lib64', '/usr/lib64', '/lib', '/usr/lib']
const debianDefaults = [multiarch, `/usr${multiarch}`, ...upstreamDefaults]
const muslDefaults = ['/lib', '/usr/local/lib', '/usr/lib']

const maxLinkerBytes = 16 * 2 ** 20
const maxCacheBytes = 64 * 2 ** 20
const maxPathFileBytes = 64 * 2 ** 10

function bytesOf(file: ViewFile, limit: number): Buffer | undefined {
  if (file.content.size > limit) return undefined
  return reading(file.open(), (source) => Buffer.from(source.read(0, source.size)))
}

/**
 * The default folders that a glibc was built with. Distributions differ, and only ld.so itself knows: it has them as
 * consecutive strings, each with a slash at its end (`system_dirs` in elf/dl-load.c).
 */
export function builtInDirectories(linker: Uint8Array): string[] | undefined {
  const text = Buffer.from(linker.buffer, linker.byteOffset, linker.byteLength).toString('latin1')
  const run = text.match(/(?:\/[\x21-\x7e]{0,254}\/\0){1,16}/g)?.find((dirs) => /\/lib[^/\0]*\//.test(dirs))
  return run
    ?.split('\0')
    .filter((dir) => dir !== '')
    .map((dir) => dir.slice(0, -1))
}

function ldCache(view: FileView): Map<string, string[]> {
  const file = resolveFile(view, '/etc/ld.so.cache')
  const bytes = file && bytesOf(file.entry, maxCacheBytes)
  try {
    return bytes ? readLdCache(bytes) : new Map()
  } catch (error) {
    // ld.so does without a cache that it cannot read.
    if (error instanceof UfrError) return new Map()
    throw error
  }
}

/** @param file ld.so itself, where the program names one that is there. */
function glibcLinker(view: FileView, file: ViewFile | undefined): DynamicLinker {
  const bytes = file && bytesOf(file, maxLinkerBytes)
  const debian = resolvePath(view, multiarch)?.entry.kind === 'directory'
  const defaults = (bytes && builtInDirectories(bytes)) ?? (debian ? debianDefaults : upstreamDefaults)
  return {
    libc: 'glibc',
    defaults,
    guestDefaults: defaults,
    lib: defaults.includes(multiarch) ? multiarch.slice(1) : 'lib64',
    cache: ldCache(view),
  }
}

/** musl reads its folders from a file beside its own prefix (ldso/dynlink.c); the guest will not have that file. */
function muslLinker(view: FileView, interpreter: string): DynamicLinker {
  const prefix = path.posix.dirname(path.posix.dirname(interpreter))
  const file = resolveFile(view, path.posix.join(prefix, 'etc/ld-musl-x86_64.path'))
  const text = file && bytesOf(file.entry, maxPathFileBytes)?.toString('utf8')
  const defaults = text?.split(/[:\n]/).filter((dir) => dir.startsWith('/')) ?? muslDefaults
  return { libc: 'musl', defaults, guestDefaults: muslDefaults, lib: 'lib', cache: new Map() }
}

/**
 * What is known of a program's dynamic linker.
 * @param interpreter PT_INTERP as an absolute guest path; undefined for what is loaded without one.
 */
export function dynamicLinker(
  view: FileView,
  libc: 'glibc' | 'musl' | undefined,
  interpreter: string | undefined,
): DynamicLinker {
  if (libc === 'musl' && interpreter !== undefined) return muslLinker(view, interpreter)
  return glibcLinker(view, interpreter === undefined ? undefined : resolveFile(view, interpreter)?.entry)
}
