import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { linuxTable, systemCallNames } from '../../script/tables/linux.ts'
import { makeTable } from '../../script/tables/main.ts'
import { tableFile, tableText } from '../../script/tables/text.ts'
import type { KernelTable } from '../../src/check/table.ts'
import { linux } from '../../src/check/tables/linux.ts'
import { nanos } from '../../src/check/tables/nanos.ts'
import { systemCalls } from '../../src/check/tables/numbers.ts'
import { osv } from '../../src/check/tables/osv.ts'
import { unikraft } from '../../src/check/tables/unikraft.ts'
import { tableOf } from '../../src/check/tables.ts'

const all = { nanos, osv, unikraft, linux }

function tree(t: TestContext, files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-tables-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
  return folder
}

const table = (kernel: string, given: string): Promise<KernelTable> =>
  makeTable(kernel, '1', given, undefined, systemCalls)

test('nanos: what is registered for x86-64, and what is ignored', async (t) => {
  const folder = tree(t, {
    'src/unix/a.c': [
      'register_syscall(map, read, read);',
      'register_syscall(map, exit, (sysreturn (*)())exit);',
      '#ifdef __aarch64__',
      'register_syscall(map, renameat2, renameat2);',
      '#endif',
      'register_syscall(map, flock, syscall_ignore);',
    ].join('\n'),
    'src/riscv64/b.c': 'register_syscall(map, wait4, syscall_ignore);',
    'klib/umcg.c': 'register_syscall(linux_syscalls, umcg_ctl, umcg_ctl);',
  })
  const { has, ignores } = await table('nanos', folder)
  assert.deepEqual([has, ignores], ['exit flock read', 'flock'])
})

test('osv: what its configuration leaves in, under the names of Linux', async (t) => {
  const folder = tree(t, {
    'linux.cc': '#define __NR_long_mmap __NR_mmap\n    SYSCALL6(futex, int *, int);\n',
    'syscalls/syscalls.cc.in': [
      '    SYSCALL3(read, int, char *, size_t);',
      '#if CONF_core_epoll',
      '    SYSCALL1(epoll_create1, int);',
      '#endif',
      '#if CONF_networking_stack',
      '    SYSCALL2(listen, int, int);',
      '#endif',
      '#ifdef __aarch64__',
      '    SYSCALL1(unlinkat, int);',
      '#endif',
      '    SYSCALL6(long_mmap, void *, size_t);',
      '    SYSCALL1(sys_exit, int);',
      '    SYSCALL4(fstatat, int);',
    ].join('\n'),
    'build/release.x64/gen/include/osv/kernel_config.h':
      '#define CONF_core_epoll 1\n#define CONF_networking_stack 0\n',
    'exported_symbols/osv_libc.so.6.symbols': 'abort\n_Znwm\nputs\n',
    'exported_symbols/aarch64/x.symbols': 'other\n',
  })
  const { has, symbols } = await table('osv', folder)
  assert.deepEqual([has, symbols], ['epoll_create1 exit futex mmap newfstatat read', 'abort puts'])
})

test('unikraft: the list that a build writes', async (t) => {
  const folder = tree(t, {
    'libsyscall_shim/provided_syscalls.in': 'brk-1\narch_prctl-3e\nread-3\n',
    config: 'CONFIG_UK_NAME="tiny"\n',
  })
  const { has, origin } = await table('unikraft', folder)
  assert.equal(has, 'arch_prctl brk read')
  assert.match(origin, /configured as tiny/)
})

test('linux: functions that are not weak, and numbers by name', (t) => {
  const lines = [
    'T __x64_sys_read',
    'W __x64_sys_lookup_dcookie',
    'T __x64_sys_newuname',
    't __x64_sys_read.cold',
  ]
  const header = '#define __NR_read 0\n#define __NR_uname 2\n#define __NR_lookup_dcookie 4\n'
  const folder = tree(t, {
    kallsyms: lines.map((line) => `ffffffff810045c0 ${line}\n`).join(''),
    'unistd_64.h': header,
    'arch/x86/entry/syscalls/syscall_64.tbl':
      '# x\n0\tcommon\tread\tsys_read\n1\t64\twrite\tsys_write\n2\tx32\tno\tsys_no\n',
  })
  const numbers = systemCallNames(path.join(folder, 'unistd_64.h'))
  assert.deepEqual(numbers, ['read', '', 'uname', '', 'lookup_dcookie'])
  assert.deepEqual(systemCallNames(folder), ['read', 'write'])
  assert.deepEqual([...linuxTable(path.join(folder, 'kallsyms'), numbers).has], ['read', 'uname'])
})

test('what names no system calls makes no table', async (t) => {
  await assert.rejects(table('nanos', tree(t, { 'src/a.c': '' })), /names no system calls/)
  await assert.rejects(table('plan9', tree(t, {})), /Usage/)
})

test('the committed tables are as the script writes them, with names of Linux only', () => {
  for (const [name, tables] of Object.entries(all)) {
    assert.equal(fs.readFileSync(tableFile(name), 'utf8'), tableText.kernel(name, tables), name)
    for (const { kernel, version, origin, has, ignores } of tables) {
      assert.equal(kernel, name)
      assert.ok(version !== '' && origin.includes(': '), name)
      const calls = has.split(' ')
      assert.deepEqual(calls, [...new Set(calls)].sort())
      assert.deepEqual(
        calls.filter((call) => !systemCalls.includes(call)),
        [],
        `${name} ${version}`,
      )
      for (const call of ignores?.split(' ') ?? []) assert.ok(calls.includes(call), call)
    }
  }
  assert.equal(systemCalls.indexOf('execve'), 59)
  assert.equal(fs.readFileSync(tableFile('numbers'), 'utf8'), tableText.numbers(systemCalls))
})

test('facts that were tried on the kernels themselves', () => {
  const has = (name: keyof typeof all, call: string) => tableOf(name, undefined).has(call)
  assert.ok(
    has('nanos', 'inotify_init1') && !has('osv', 'inotify_init1') && !has('unikraft', 'inotify_init1'),
  )
  assert.ok(has('nanos', 'rt_sigsuspend') && !has('osv', 'rt_sigsuspend'))
  assert.ok(has('osv', 'shmget') && !has('nanos', 'shmget'))
  for (const name of ['nanos', 'osv', 'unikraft'] as const) {
    assert.ok(
      !has(name, 'fork') && !has(name, 'memfd_create') && has(name, 'getrandom') && has(name, 'futex'),
      name,
    )
  }
  assert.ok(!has('linux', 'lookup_dcookie') && has('linux', 'io_uring_setup'))
})

test('a table is found by its version, also where a store adds digits to it', () => {
  assert.deepEqual(
    [tableOf('unikraft', '0.17.0-4e2d9bdc').version, tableOf('unikraft', '0.17.0-4e2d9bdc').exact],
    ['0.17.0', true],
  )
  assert.deepEqual([tableOf('nanos', '0.1.55').version, tableOf('nanos', '0.1.55').exact], ['0.1.55', true])
  const other = tableOf('nanos', '9.9.9')
  assert.deepEqual([other.version, other.exact], [nanos.at(-1)!.version, false])
})

/** Trees of the real kernels, where somebody has them: `UFR_KERNEL_TREES` names a folder with them by kernel. */
for (const kernel of ['nanos', 'osv'] as const) {
  test(`${kernel}: the committed table is what a real tree gives`, async (t) => {
    const folder = process.env['UFR_KERNEL_TREES']
    const at = folder === undefined ? undefined : path.join(folder, kernel)
    if (at === undefined || !fs.existsSync(at)) return t.skip(`no tree of ${kernel} (UFR_KERNEL_TREES)`)
    const committed = all[kernel].at(-1)!
    assert.deepEqual(await makeTable(kernel, committed.version, at, undefined, systemCalls), committed)
  })
}
