import fs from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { KernelTable } from '../../src/check/table.ts'

const folder = path.join(import.meta.dirname, '../../src/check/tables')
const note = '// Written by script/kernel-tables: do not edit.\n'

export function tableFile(name: string): string {
  return path.join(folder, `${name}.ts`)
}

/** The text of a file of tables, as the formatter would have it. */
export const tableText = {
  kernel(name: string, tables: readonly KernelTable[]): string {
    const entries = tables.map((table) => {
      const lines = Object.entries(table).map(([key, value]) => property(key, value))
      return `  {\n${lines.join('')}  },\n`
    })
    return `${note}import type { KernelTable } from '../table.ts'\n\nexport const ${name}: KernelTable[] = [\n${entries.join('')}]\n`
  },
  numbers(names: readonly string[]): string {
    return `${note}/** Names of the system calls of x86-64 at their numbers: linux, arch/x86/entry/syscalls/syscall_64.tbl. */\nexport const systemCalls =\n  '${names.join(',')}'.split(\n    ',',\n  )\n`
  },
}

const lineWidth = 110

function property(key: string, value: string): string {
  const line = `    ${key}: '${value}',\n`
  // The formatter leaves a value on the line of a name that is no longer than an indentation.
  return line.length <= lineWidth + 1 || key.length < 4 ? line : `    ${key}:\n      '${value}',\n`
}

/** The tables of a file with one more, or with one replaced; the newest last as they were added. */
export async function withTable(file: string, name: string, table: KernelTable): Promise<KernelTable[]> {
  if (!fs.existsSync(file)) return [table]
  const there = ((await import(pathToFileURL(file).href)) as Record<string, KernelTable[]>)[name] ?? []
  const index = there.findIndex(({ version }) => version === table.version)
  return index < 0 ? [...there, table] : there.with(index, table)
}
