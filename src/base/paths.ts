import os from 'node:os'
import path from 'node:path'

/** The folder with all of ufr's data: UFR_HOME, else the XDG data folder. Read at each call, so tests can move it. */
export function ufrHome(): string {
  const set = process.env['UFR_HOME']
  if (set) return path.resolve(set)
  const data = process.env['XDG_DATA_HOME']
  return path.join(data && path.isAbsolute(data) ? data : path.join(os.homedir(), '.local', 'share'), 'ufr')
}

/** A path below UFR_HOME. */
export function homePath(...parts: string[]): string {
  return path.join(ufrHome(), ...parts)
}
