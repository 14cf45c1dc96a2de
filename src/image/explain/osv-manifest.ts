import path from 'node:path'

/**
 * What OSv's kernel brings itself, by name (its scripts/manifest_from_host.sh leaves these out): the C library and its
 * parts, and as it is built by default the C++ library as well.
 */
const ofKernel = /lib(gcc_s|resolv|c|m|pthread|dl|rt|stdc\+\+|aio|xenstore|crypt|selinux)\.so[\d.]*/
const rule = '# --------------------'

export type ProgramKind = 'pie' | 'executable' | 'library'

const titles: Record<ProgramKind, string> = {
  pie: '# (PIE) Position Independent Executable',
  executable: '# Position Dependent Executable',
  library: '# Shared Library',
}

export interface ManifestSource {
  /** What it is to be called in the root, or in /usr/lib for a library. */
  name: string
  /** The ELF file on the host, without links. */
  file: string
  kind: ProgramKind
  /** What it needs, itself left out: the names asked for and the files on the host. */
  libraries: { name: string; file: string }[]
}

/**
 * The lines of a `usr.manifest` as OSv's `scripts/manifest_from_host.sh` prints them for an ELF file: the file itself in
 * the root (a library: in /usr/lib), then what it needs, all in /usr/lib, but for what the kernel brings.
 */
export function osvManifest({ name, file, kind, libraries }: ManifestSource): string[] {
  const lines = libraries
    .map((library) => ({ ...library, name: path.posix.basename(library.name) }))
    .filter((library) => !ofKernel.test(library.name) && !library.name.startsWith('ld-linux-x86-64'))
    .map((library) => `/usr/lib/${library.name}: ${library.file}`)
  return [
    titles[kind],
    `/${kind === 'library' ? 'usr/lib/' : ''}${name}: ${file}`,
    ...[rule, '# Dependencies        ', rule],
    ...[...new Set(lines)].sort(),
    rule,
  ]
}
