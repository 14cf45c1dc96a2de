import fs from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * The guest's side of a handler, and what runs web functions and programs: modules for `python -m`. They are compiled,
 * which saves 15 ms where a guest is emulated.
 */
export const handlerModule = 'ufr_handler'
export const runModule = 'ufr_run'

const modules = [handlerModule, runModule, 'ufr_guest', 'ufr_http', 'ufr_json', 'ufr_logging']

/** A file of ours that runs in the guest. */
export interface GuestSource {
  /** Where its bytecode goes, relative to the guest's root. */
  compiled: string
  /** What tracebacks call it. */
  name: string
  text: string
}

/** A folder of the interpreter's own search, which Debian's Python has for packages of Debian. */
const packages = 'usr/lib/python3/dist-packages'

/** All of them: modules that lie beside this file and are told by their names. */
export function guestSources(): GuestSource[] {
  return modules.map((module) => ({
    compiled: `${packages}/${module}.pyc`,
    name: `/opt/ufr/${module}.py`,
    text: read(`${module}.py`),
  }))
}

function read(name: string): string {
  return fs.readFileSync(fileURLToPath(new URL(`./guest/${name}`, import.meta.url)), 'utf8')
}
