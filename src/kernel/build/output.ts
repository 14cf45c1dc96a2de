import fs from 'node:fs'
import path from 'node:path'
import { systemCode, UfrError } from '../../base/errors.ts'

/** @throws UfrError UFR-USAGE where a path given for the clone does not stay in it. */
export function checkInside(option: string, given: string): void {
  const normal = path.normalize(given)
  const leaves = path.isAbsolute(given) || normal === '..' || normal.startsWith('../')
  if (given !== '' && !given.includes('\0') && !leaves) return
  throw new UfrError('UFR-USAGE', `${option} ${JSON.stringify(given)} is no path in the clone`, {
    fix: `Give what the command makes, as seen from the top of the clone: ${option} build/kernel`,
  })
}

/**
 * Where a build has put something, without symbolic links.
 * @param given as `checkInside` lets it pass.
 * @throws UfrError UFR-BUILD-OUTPUT where there is nothing, nothing but a device or the like, or where a symbolic link
 * leads out of the clone.
 */
export function resolveOutput(clone: string, given: string): string {
  const wrong = (why: string, cause?: unknown) =>
    new UfrError('UFR-BUILD-OUTPUT', `${given} ${why}`, { cause })
  let real: string
  try {
    real = fs.realpathSync(path.join(clone, given))
  } catch (cause) {
    const code = systemCode(cause)
    if (code === 'ENOENT' && isThere(path.join(clone, given)))
      throw wrong('is a symbolic link that leads nowhere', cause)
    if (code === 'ENOENT' || code === 'ENOTDIR') throw wrong('is not there after the build', cause)
    throw wrong(`cannot be looked at: ${(cause as Error).message}`, cause)
  }
  const top = fs.realpathSync(clone)
  if (real !== top && !real.startsWith(`${top}/`)) throw wrong('leads out of the clone by a symbolic link')
  const stat = fs.statSync(real)
  if (stat.isFile() || stat.isDirectory()) return real
  throw wrong('is neither a file nor a folder')
}

function isThere(file: string): boolean {
  return fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined
}
