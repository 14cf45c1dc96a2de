import fs from 'node:fs'
import path from 'node:path'
import { ufrHome } from '../../src/base/paths.ts'
import { findCommand } from '../../src/base/process.ts'
import { latin1 } from './latin1.ts'

/** What of the caller's environment a command in the lab has, too. */
const passed = /^(?:PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|CI|NO_COLOR|FORCE_COLOR|UFR_\w+)$/

/** The words of this process' command line behind the script: as bytes, which Node.js makes text of. */
export function commandLine(): string[] {
  const words = rawList('/proc/self/cmdline')
  return words.slice(words.length - (process.argv.length - 2))
}

/** The environment of a command in the lab, as bytes; the Node.js that runs this is the first on its PATH. */
export function environment(): [name: string, value: string][] {
  const all = rawList('/proc/self/environ').map((each): [string, string] => {
    const at = each.indexOf('=')
    return [each.slice(0, at), each.slice(at + 1)]
  })
  const values = new Map(all.filter(([name]) => passed.test(name)))
  if (findCommand('node') !== process.execPath) {
    values.set('PATH', `${latin1(path.dirname(process.execPath))}:${values.get('PATH') ?? '/usr/bin:/bin'}`)
  }
  values.set('UFR_HOME', latin1(ufrHome()))
  values.set('UFR_IN_LAB', '1')
  values.set('TERM', 'dumb')
  return [...values]
}

/** A file of texts that each end with NUL, such as proc(5) has. */
function rawList(file: string): string[] {
  return fs.readFileSync(file, 'latin1').split('\0').slice(0, -1)
}
