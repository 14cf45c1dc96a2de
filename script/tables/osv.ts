import fs from 'node:fs'
import path from 'node:path'
import { readLinking } from '../../src/check/code/linking.ts'
import { commitOf, type Made, sourceFiles, treeText } from './tree.ts'

const buildFolder = 'build/release.x64'
/** Names that its table gives to calls of which the x86-64 number has another name. */
const aliases: Record<string, string> = { fstatat: 'newfstatat' }

/**
 * OSv: SYSCALLn(NAME, …) in linux.cc and what it includes, by the configuration that the tree was built with; names
 * beginning with sys_ or long_ are defined there as the real one's number. Symbols: exported_symbols/, as far as the
 * built loader has them.
 */
export async function osvTable(tree: string): Promise<Made> {
  const main = treeText(tree, 'linux.cc')
  const configuration = settings(tree)
  const list = ['syscalls/syscalls.cc.in', `${buildFolder}/gen/include/osv/syscalls.cc`].findLast((file) =>
    fs.existsSync(path.join(tree, file)),
  )!
  const defined = new Map<string, string>()
  for (const [, from = '', to = ''] of main.matchAll(/^#define __NR_(\w+)\s+__NR_(\w+)/gm))
    defined.set(from, to)
  const has = new Set<string>()
  const text = `${preprocessed(main, configuration)}\n${preprocessed(treeText(tree, list), configuration)}`
  for (const [, name = ''] of text.matchAll(/^\s*SYSCALL[0-6]\((\w+)/gm)) {
    has.add(aliases[name] ?? defined.get(name) ?? name.replace(/^sys_/, ''))
  }
  const origin = `cloudius-systems/osv ${await commitOf(tree)}: linux.cc, ${path.basename(list)}; exported_symbols/`
  return { has, symbols: symbolsOf(tree), origin }
}

/** What the build was configured with; a tree that was not built has everything. */
function settings(tree: string): Map<string, string> | undefined {
  const file = path.join(tree, buildFolder, 'gen/include/osv/kernel_config.h')
  if (!fs.existsSync(file)) return undefined
  const found = fs.readFileSync(file, 'utf8').matchAll(/^#define (CONF_\w+) (.*)$/gm)
  return new Map([...found].map(([, name = '', value = '']) => [name, value]))
}

/** As much of a C preprocessor as these files need: conditions on CONF_ names, on the processor, on SYS_ names. */
function preprocessed(text: string, configuration: Map<string, string> | undefined): string {
  const open: boolean[] = []
  const kept: string[] = []
  for (const line of text.split('\n')) {
    const condition = /^\s*#\s*if(n?def)?\s+(.*)$/.exec(line)
    if (condition) open.push(holds(condition[1], condition[2]!.trim(), configuration))
    else if (/^\s*#\s*else/.test(line)) open.push(!open.pop())
    else if (/^\s*#\s*endif/.test(line)) open.pop()
    else if (open.every(Boolean)) kept.push(line)
  }
  return kept.join('\n')
}

function holds(
  kind: string | undefined,
  what: string,
  configuration: Map<string, string> | undefined,
): boolean {
  if (/aarch64/.test(what)) return kind === 'ndef'
  const name = /^(CONF_\w+)$/.exec(what)?.[1]
  if (name === undefined || configuration === undefined || name.startsWith('CONF_syscall_'))
    return kind !== 'ndef'
  const value = configuration.get(name)
  return kind === 'ndef'
    ? value === undefined
    : kind === 'def'
      ? value !== undefined
      : Number(value ?? 0) !== 0
}

function symbolsOf(tree: string): Set<string> {
  const listed = sourceFiles(tree, 'exported_symbols', /\.symbols$/)
    .filter((file) => !file.includes('aarch64'))
    .flatMap((file) => treeText(tree, file).split(/\s+/))
  const loader = path.join(tree, buildFolder, 'loader-stripped.elf')
  const there = fs.existsSync(loader)
    ? new Set(
        readLinking(fs.readFileSync(loader)).dynamic.flatMap(({ defined, name }) => (defined ? [name] : [])),
      )
    : undefined
  return new Set(listed.filter((name) => /^[A-Za-z]\w*$|^_[^Z]\w*$/.test(name) && (there?.has(name) ?? true)))
}
