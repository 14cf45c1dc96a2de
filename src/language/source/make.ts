import fs from 'node:fs'
import path from 'node:path'
import { writeFileAtomic } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { isElfFile } from '../../function/detect.ts'
import type { Build } from './builder.ts'
import { compile, type Toolchain } from './compile.ts'

const toolchain: Toolchain = {
  command: 'make',
  install: 'Install make and what the Makefile uses: sudo apt-get install build-essential.',
}

/** Folders with a Makefile and sources. `make` works on a copy, for it writes beside its sources. */
export const buildByMake: Build = async ({ folder, cache, wanted }) => {
  const copy = path.join(cache, 'make')
  forgetRemoved(folder, copy, path.join(cache, 'make-sources.json'))
  // With the files' own times, so that make sees what it has made before.
  fs.cpSync(folder, copy, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true })
  await compile(toolchain, [], { folder: copy, sources: folder })
  return programIn(copy, folder, wanted)
}

/** Removes from the copy what was a source at the last build and is none any more; what make has made stays. */
function forgetRemoved(folder: string, copy: string, list: string): void {
  const names = fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })
  const before = fs.existsSync(list) ? (JSON.parse(fs.readFileSync(list, 'utf8')) as string[]) : []
  const now = new Set(names)
  for (const name of before) {
    if (!now.has(name)) fs.rmSync(path.join(copy, name), { recursive: true, force: true })
  }
  writeFileAtomic(list, JSON.stringify(names))
}

function programIn(copy: string, folder: string, wanted: string | undefined): string {
  for (const name of wanted === undefined ? ['bootstrap'] : [wanted, 'bootstrap']) {
    if (isProgram(path.join(copy, name))) return path.join(copy, name)
  }
  const programs = fs.readdirSync(copy).filter((name) => isProgram(path.join(copy, name)))
  if (programs.length === 1) return path.join(copy, programs[0]!)
  const what =
    programs.length === 0 ? 'no program at the top' : `several programs: ${programs.sort().join(', ')}`
  throw new UfrError('UFR-BUILD', `make makes ${what} of ${folder}`, {
    fix: 'Name the one that is meant in ufr.json by its path: { "command": "build/hello" }.',
  })
}

function isProgram(file: string): boolean {
  const stat = fs.statSync(file, { throwIfNoEntry: false })
  return stat?.isFile() === true && (stat.mode & 0o111) !== 0 && isElfFile(file)
}
