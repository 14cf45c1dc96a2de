/**
 * `script/kernel-tables KERNEL VERSION PATH [SOURCES]` adds or replaces the table of one version;
 * `script/kernel-tables numbers PATH` writes the names of the system calls at their numbers.
 */
import fs from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { writeFileAtomic } from '../../src/base/atomic.ts'
import type { KernelTable } from '../../src/check/table.ts'
import { linuxTable, systemCallNames } from './linux.ts'
import { nanosTable } from './nanos.ts'
import { osvTable } from './osv.ts'
import { tableFile, tableText, withTable } from './text.ts'
import type { Made } from './tree.ts'
import { unikraftTable } from './unikraft.ts'

const usage = `Usage: script/kernel-tables nanos VERSION TREE
       script/kernel-tables osv VERSION TREE               (built by its scripts/build)
       script/kernel-tables unikraft VERSION BUILD [TREE]  (the folder of a build, and what it was built from)
       script/kernel-tables linux VERSION KALLSYMS         (/proc/kallsyms of the guest)
       script/kernel-tables numbers TREE                   (of Linux, or asm/unistd_64.h)`

/** The table of a version, from a kernel's tree or file. */
export async function makeTable(
  kernel: string,
  version: string,
  given: string,
  sources: string | undefined,
  numbers: readonly string[],
): Promise<KernelTable> {
  const made = await read(kernel, given, sources, numbers)
  const words = (set: Set<string>) => [...set].sort().join(' ')
  if (made.has.size === 0) throw new Error(`${given} names no system calls`)
  return {
    kernel: kernel as KernelTable['kernel'],
    version,
    origin: made.origin,
    has: words(made.has),
    ...(made.ignores?.size && { ignores: words(made.ignores) }),
    ...(made.symbols?.size && { symbols: words(made.symbols) }),
  }
}

async function read(
  kernel: string,
  given: string,
  sources: string | undefined,
  numbers: readonly string[],
): Promise<Made> {
  if (kernel === 'nanos') return nanosTable(given)
  if (kernel === 'osv') return osvTable(given)
  if (kernel === 'unikraft') return unikraftTable(given, sources)
  if (kernel === 'linux') return linuxTable(given, numbers)
  throw new Error(usage)
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { help: { type: 'boolean', short: 'h' } },
  })
  const [kernel = '', version = '', given, sources] = positionals
  if (values.help) return console.log(usage)
  if (kernel === 'numbers' && version !== '') {
    const names = systemCallNames(path.resolve(version))
    if (names.length === 0) throw new Error(`${version} names no system calls`)
    return write(tableFile('numbers'), tableText.numbers(names))
  }
  if (given === undefined) throw new Error(usage)
  const { systemCalls } = await import('../../src/check/tables/numbers.ts')
  const from = sources === undefined ? undefined : path.resolve(sources)
  const table = await makeTable(kernel, version, path.resolve(given), from, systemCalls)
  const file = tableFile(kernel)
  write(file, tableText.kernel(kernel, await withTable(file, kernel, table)))
}

function write(file: string, text: string): void {
  if (fs.existsSync(file) && fs.readFileSync(file, 'utf8') === text) return
  writeFileAtomic(file, text)
  console.error(`wrote ${path.relative(process.cwd(), file)}`)
}

if (import.meta.main) {
  try {
    await main()
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 2
  }
}
