import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'

/** Where Firecracker's programs are on the host. */
export interface Programs {
  firecracker: string
  jailer?: string
  /** Of a build tree: whether it is optimised. */
  profile?: 'release' | 'debug'
}

/** firecracker: tools/release.sh (`SUFFIX`): what the version and the processor add to names in a release. */
export function releaseName(program: 'firecracker' | 'jailer', version: string): string {
  return `${program}-v${version}-x86_64`
}

/** firecracker: tools/release.sh (`RELEASE_DIR`). */
export function releaseFolder(version: string): string {
  return `release-v${version}-x86_64`
}

const releaseFolderPattern = /^release-v\d[\w.-]*-x86_64$/
const releasePattern = /^firecracker-(v\d[\w.-]*-x86_64)$/

/**
 * Where a build leaves its programs, the better one first: firecracker: tools/release.sh (`CARGO_TARGET_DIR`), and
 * cargo by itself. One linked against musl is static, so that it runs in the jailer's chroot.
 */
const targets = ['x86_64-unknown-linux-musl', 'x86_64-unknown-linux-gnu']
const buildFolders = (['release', 'debug'] as const).flatMap((profile) =>
  [
    ...targets.map((target) => `build/cargo_target/${target}`),
    ...targets.map((target) => `target/${target}`),
    'build/cargo_target',
    'target',
  ].map((folder) => ({ folder: `${folder}/${profile}`, profile })),
)

/**
 * The programs beside and including a file, or in a folder: a plain one, an unpacked release, a build tree.
 * @returns all that were found, the best first; none where there is nothing of the kind.
 * @throws UfrError UFR-VMM-FILE where a symbolic link leads out of the folder.
 */
export function findPrograms(from: string): Programs[] {
  if (!fs.statSync(from).isDirectory()) return [withJailer(from)]
  const found = programsIn(from)
  for (const { firecracker, jailer } of found) {
    checkInside(from, firecracker)
    if (jailer !== undefined) checkInside(from, jailer)
  }
  return found
}

function checkInside(folder: string, file: string): void {
  if (fs.realpathSync(file).startsWith(`${fs.realpathSync(folder)}/`)) return
  throw new UfrError('UFR-VMM-FILE', `${file} is a symbolic link that leads out of ${folder}`, {
    fix: 'Give the program itself.',
  })
}

function programsIn(from: string): Programs[] {
  const plain = path.join(from, 'firecracker')
  if (isFile(plain)) return [{ ...withJailer(plain), ...profileOf(from) }]
  const released = [from, ...subfolders(from)].flatMap(releasedIn)
  if (released.length > 0) return released
  return buildFolders.flatMap(({ folder, profile }) => {
    const file = path.join(from, folder, 'firecracker')
    return isFile(file) ? [{ ...withJailer(file), profile }] : []
  })
}

function releasedIn(folder: string): Programs[] {
  const names = fs.readdirSync(folder).filter((name) => releasePattern.test(name))
  return names.sort().map((name) => withJailer(path.join(folder, name)))
}

function subfolders(folder: string): string[] {
  const names = fs.readdirSync(folder).filter((name) => releaseFolderPattern.test(name))
  const folders = names.sort().map((name) => path.join(folder, name))
  return folders.filter((each) => fs.statSync(each, { throwIfNoEntry: false })?.isDirectory())
}

/** A cargo target's own folder was given. */
function profileOf(folder: string): { profile?: 'release' | 'debug' } {
  const name = path.basename(folder)
  return name === 'release' || name === 'debug' ? { profile: name } : {}
}

function withJailer(firecracker: string): Programs {
  const suffix = releasePattern.exec(path.basename(firecracker))?.[1]
  const jailer = path.join(path.dirname(firecracker), suffix === undefined ? 'jailer' : `jailer-${suffix}`)
  return isFile(jailer) ? { firecracker, jailer } : { firecracker }
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}
