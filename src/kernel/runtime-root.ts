import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../base/errors.ts'
import { readElf } from '../image/formats/elf/elf.ts'
import { withSource } from '../image/source.ts'
import { fileSha256 } from './download/checksum.ts'

/** Where libraries are in Debian's packages, and where the guest has them all (the first). */
const libraryFolders = ['lib/x86_64-linux-gnu', 'usr/lib/x86_64-linux-gnu']
const linker = 'ld-linux-x86-64.so.2'
const linkerFolder = 'lib64'

/**
 * Libraries that programs load without naming them in DT_NEEDED, and what native addons built for older glibc name:
 * since glibc 2.34 most of these are stubs of a few kilobytes.
 */
const extraLibraries = [
  'libdl.so.2',
  'libm.so.6',
  'libnss_dns.so.2',
  'libnss_files.so.2',
  'libpthread.so.0',
  'libresolv.so.2',
  'librt.so.1',
  'libutil.so.1',
]

/** Of the time zones: `posix` is a duplicate, `right` counts leap seconds, `localtime` points out of the image. */
const leftOutZones = new Set(['posix', 'right', 'localtime'])
const maxLibraries = 100

/** Debian packages that a language runtime built for glibc needs. */
export const runtimePackages = ['libc6', 'libstdc++6', 'libgcc-s1', 'tzdata', 'ca-certificates'] as const

/**
 * Lays out the root of a guest: a program at `usr/bin`, the libraries that it needs, time zones and authorities. Modes
 * are set, not taken over: the same inputs make the same root, whatever umask and user.
 * @param packages folder into which `runtimePackages` were unpacked.
 * @throws UfrError UFR-RUNTIME where something is not where it should be.
 */
export function buildRuntimeRoot(
  root: string,
  program: { name: string; file: string },
  packages: string,
): void {
  placeFile(program.file, path.join(root, 'usr/bin', program.name), 0o755)
  addLibraries(root, [program.file], packages)
  addZonesAndAuthorities(root, packages)
  openFolders(root)
}

/**
 * Puts the dynamic linker and all libraries that some ELF files need into a guest's root, and those that programs load
 * without naming them; all flat in one folder of the linker's own search, wherever they are in the packages.
 * @param files ELF files, in the root or not.
 * @param packages folder into which their packages were unpacked.
 * @param extra further libraries, by name.
 * @throws UfrError UFR-RUNTIME for a library that the packages do not have.
 */
export function addLibraries(
  root: string,
  files: readonly string[],
  packages: string,
  extra: readonly string[] = [],
): void {
  for (const [name, file] of libraryClosure(files, packages, extra)) {
    const folder = name === linker ? linkerFolder : libraryFolders[0]!
    placeFile(file, path.join(root, folder, name), name === linker ? 0o755 : 0o644)
  }
}

/** Time zones from `tzdata`, and from `ca-certificates` one file with all authorities, where OpenSSL looks for it. */
export function addZonesAndAuthorities(root: string, packages: string): void {
  copyZones(path.join(packages, 'usr/share/zoneinfo'), path.join(root, 'usr/share/zoneinfo'), leftOutZones)
  writeAuthorities(path.join(packages, 'usr/share/ca-certificates/mozilla'), root)
}

/** Lets everybody read a folder and all below it, whatever the umask was. */
export function openFolders(folder: string): void {
  fs.chmodSync(folder, 0o755)
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(path.join(folder, entry.name))
  }
}

/** Copies a file with a mode of its own; folders are made where they are missing. */
export function placeFile(from: string, to: string, mode: number): void {
  fs.mkdirSync(path.dirname(to), { recursive: true })
  fs.copyFileSync(from, to, fs.constants.COPYFILE_FICLONE)
  fs.chmodSync(to, mode)
}

/** All libraries of some ELF files by name, transitively, with the extra ones; the dynamic linker among them. */
function libraryClosure(
  files: readonly string[],
  packages: string,
  extra: readonly string[],
): Map<string, string> {
  const found = new Map<string, string>()
  const standard = [linker, ...extraLibraries, ...extra].map((name) => ({ name, by: files[0] ?? linker }))
  const queue = [...files.flatMap((file) => neededBy(file).map((name) => ({ name, by: file }))), ...standard]
  for (let next = queue.shift(); next; next = queue.shift()) {
    if (found.has(next.name)) continue
    if (found.size >= maxLibraries) throw new UfrError('UFR-RUNTIME', `${next.by} needs too many libraries`)
    const file = findLibrary(packages, next.name)
    if (file === undefined) {
      throw new UfrError(
        'UFR-RUNTIME',
        `${path.basename(next.by)} needs ${next.name}, which is not in the Debian packages`,
        {
          fix: 'Choose another version of the runtime, and report this.',
        },
      )
    }
    found.set(next.name, file)
    for (const name of neededBy(file)) queue.push({ name, by: file })
  }
  return found
}

function neededBy(file: string): string[] {
  return withSource(file, (source) => readElf(source).needed)
}

function findLibrary(packages: string, name: string): string | undefined {
  if (name.includes('/')) return undefined
  for (const folder of libraryFolders) {
    const file = path.join(packages, folder, name)
    const stat = fs.lstatSync(file, { throwIfNoEntry: false })
    if (stat?.isFile()) return file
    if (!stat?.isSymbolicLink()) continue
    // Links of libraries stay in their folder; any other would lead to the host's files.
    const target = path.join(packages, folder, path.basename(fs.readlinkSync(file)))
    if (fs.lstatSync(target, { throwIfNoEntry: false })?.isFile()) return target
  }
  return undefined
}

function copyZones(from: string, to: string, leftOut: ReadonlySet<string>): void {
  if (!fs.existsSync(from))
    throw new UfrError('UFR-RUNTIME', `Debian's tzdata holds no ${path.basename(from)}`)
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    if (leftOut.has(entry.name)) continue
    const [source, target] = [path.join(from, entry.name), path.join(to, entry.name)]
    if (entry.isDirectory()) copyZones(source, target, new Set())
    else if (entry.isFile()) placeFile(source, target, 0o644)
    else if (entry.isSymbolicLink()) {
      fs.mkdirSync(to, { recursive: true })
      fs.symlinkSync(fs.readlinkSync(source), target)
    }
  }
}

/** As update-ca-certificates makes it from Mozilla's authorities, in the order of file names. */
function writeAuthorities(from: string, root: string): void {
  const names = fs.existsSync(from) ? fs.readdirSync(from).filter((name) => name.endsWith('.crt')) : []
  if (names.length === 0) throw new UfrError('UFR-RUNTIME', "Debian's ca-certificates holds no certificates")
  const texts = names.sort(byBytes).map((name) => fs.readFileSync(path.join(from, name), 'utf8').trimEnd())
  const file = path.join(root, 'etc/ssl/certs/ca-certificates.crt')
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, `${texts.join('\n')}\n`)
  fs.chmodSync(file, 0o644)
}

/** An order that depends on no locale. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

/** sha256 over path, mode and content of all files and links of a folder, in order of path: names what is in it. */
export function folderKey(folder: string): string {
  const lines: [string, string][] = []
  const walk = (relative: string): void => {
    for (const entry of fs.readdirSync(path.join(folder, relative), { withFileTypes: true })) {
      const below = relative === '' ? entry.name : `${relative}/${entry.name}`
      const file = path.join(folder, below)
      if (entry.isDirectory()) walk(below)
      else if (entry.isSymbolicLink()) lines.push([below, `link\0${fs.readlinkSync(file)}`])
      else lines.push([below, `${(fs.statSync(file).mode & 0o7777).toString(8)}\0${fileSha256(file)}`])
    }
  }
  walk('')
  const hash = createHash('sha256')
  for (const [name, rest] of lines.sort(([a], [b]) => byBytes(a, b))) hash.update(`${name}\0${rest}\n`)
  return hash.digest('hex')
}
