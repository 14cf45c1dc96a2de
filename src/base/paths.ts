import fs from 'node:fs'
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

/** Names of the folders in a folder; none where it is not there. */
export function folderNames(folder: string): string[] {
  if (!fs.existsSync(folder)) return []
  const entries = fs.readdirSync(folder, { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
}
