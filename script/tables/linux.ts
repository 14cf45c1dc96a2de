import fs from 'node:fs'
import path from 'node:path'
import { type Made, treeText } from './tree.ts'

/**
 * Linux: the functions __x64_sys_NAME of a running kernel's /proc/kallsyms. What its configuration leaves out is weak
 * (`W`, kernel/sys_ni.c). Only names that x86-64 has a number for are taken.
 * @param given /proc/kallsyms of the kernel, or a file with its lines of system calls.
 */
export function linuxTable(given: string, numbers: readonly string[]): Made {
  const has = new Set<string>()
  for (const [, kind = '', name = ''] of fs
    .readFileSync(given, 'utf8')
    .matchAll(/^[0-9a-f]{8,16} ([A-Za-z]) __x64_sys_(\w+)\s*$/gm)) {
    if (kind === 'T' || kind === 't') has.add(names[name] ?? name)
  }
  const known = new Set(numbers.filter((name) => has.has(name)))
  return { has: known, origin: 'Debian linux-image-cloud-amd64: __x64_sys_* in /proc/kallsyms' }
}

/** Where the function is not called as the system call is. */
const names: Record<string, string> = {
  newstat: 'stat',
  newfstat: 'fstat',
  newlstat: 'lstat',
  newuname: 'uname',
  sendfile64: 'sendfile',
  umount: 'umount2',
}

/** Names of the system calls of x86-64 at their numbers: linux, arch/x86/entry/syscalls/syscall_64.tbl. */
export function systemCallNames(treeOrHeader: string): string[] {
  const names: string[] = []
  const table = 'arch/x86/entry/syscalls/syscall_64.tbl'
  if (fs.existsSync(path.join(treeOrHeader, table))) {
    for (const [, number = '', name = ''] of treeText(treeOrHeader, table).matchAll(
      /^(\d+)\s+(?:common|64)\s+(\w+)/gm,
    ))
      names[Number(number)] = name
  } else {
    for (const [, name = '', number = ''] of fs
      .readFileSync(treeOrHeader, 'utf8')
      .matchAll(/^#define __NR_(\w+)\s+(\d+)\s*$/gm))
      names[Number(number)] = name
  }
  return Array.from(names, (name) => name ?? '')
}
