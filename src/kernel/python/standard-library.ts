import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../base/errors.ts'
import { placeFile } from '../runtime-root.ts'

/**
 * What nobody needs in a guest, as paths in `lib/python3.X`: Python's own tests; what installs packages or makes
 * environments; what needs a terminal, a display or a sound card; documentation; and Debian's own additions. (Debian
 * has tkinter, idlelib, lib2to3 and ensurepip in packages of their own, which are not fetched.)
 */
const leftOut = new Set([
  ...['test', 'EXTERNALLY-MANAGED', 'sitecustomize.py', '__phello__', '__hello__.py'],
  ...['venv', 'ensurepip', 'lib2to3', 'idlelib', 'tkinter', 'turtle.py', 'turtledemo', 'pydoc_data'],
  ...['curses', '_pyrepl', 'this.py', 'antigravity.py', 'dbm/ndbm.py'],
])

const extensions = 'lib-dynload'
const leftOutExtensions =
  /^(_test\w*|_ctypes_test|_xxtestfuzz|xx\w*|_curses\w*|readline|_dbm|_gdbm|nis|ossaudiodev)\./

/** Whether a file or folder of the standard library, named by its path there, goes into a guest. */
export function isWanted(name: string): boolean {
  if (leftOut.has(name) || path.basename(name) === '__pycache__') return false
  return path.dirname(name) !== extensions || !leftOutExtensions.test(path.basename(name))
}

/**
 * Copies the standard library out of Debian's packages, without what nobody needs in a guest.
 * @returns its modules that are ELF files.
 * @throws UfrError UFR-RUNTIME where there is none.
 */
export function copyStandardLibrary(from: string, to: string): string[] {
  if (!fs.existsSync(path.join(from, 'os.py')))
    throw new UfrError('UFR-RUNTIME', `Debian's packages hold no standard library of ${path.basename(from)}`)
  const modules: string[] = []
  const copy = (below: string): void => {
    for (const entry of fs.readdirSync(path.join(from, below), { withFileTypes: true })) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`
      if (!isWanted(name)) continue
      if (entry.isDirectory()) copy(name)
      // Links lead to Debian's configuration in /etc.
      else if (entry.isFile()) {
        placeFile(path.join(from, name), path.join(to, name), 0o644)
        if (name.endsWith('.so')) modules.push(path.join(to, name))
      }
    }
  }
  copy('')
  return modules
}
