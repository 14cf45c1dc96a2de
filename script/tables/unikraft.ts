import fs from 'node:fs'
import path from 'node:path'
import { commitOf, type Made, treeText } from './tree.ts'

/**
 * Unikraft: the list that a build writes of the system calls of the libraries that are in it
 * (libsyscall_shim/provided_syscalls.in: NAME-ARGUMENTS). Which those are depends on its configuration.
 * @param build the folder of a build.
 * @param sources the tree that it was built from, for its commit.
 */
export async function unikraftTable(build: string, sources: string | undefined): Promise<Made> {
  const list = 'libsyscall_shim/provided_syscalls.in'
  const has = new Set<string>()
  for (const [, name = ''] of treeText(build, list).matchAll(/^(\w+)-\d+\w*$/gm)) has.add(name)
  const commit = sources === undefined ? 'tree' : await commitOf(sources)
  const file = path.join(build, 'config')
  const name = fs.existsSync(file)
    ? /^CONFIG_UK_NAME="(.*)"/m.exec(fs.readFileSync(file, 'utf8'))?.[1]
    : undefined
  return { has, origin: `unikraft/unikraft ${commit}: ${list}${name ? `, configured as ${name}` : ''}` }
}
