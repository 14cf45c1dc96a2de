import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { noProgress } from '../../src/base/progress.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { native, prepareNative } from '../../src/language/native/native.ts'
import type { Program } from '../../src/language/program.ts'
import { type TinyElf, tinyElf } from '../image/formats/tiny-elf.ts'
import { type Files, sysroot, temporaryFolder, writeFiles, writeTree } from '../image/sysroot.ts'

const ldso = '/lib64/ld-linux-x86-64.so.2'
const program = (want: TinyElf = {}) => tinyElf({ interpreter: ldso, ...want })
const glibc: Files = {
  'lib64/ld-linux-x86-64.so.2': tinyElf({ soname: 'ld-linux-x86-64.so.2' }),
  'lib64/libc.so.6': tinyElf({ soname: 'libc.so.6', strings: ['GLIBC_2.34'] }),
}

function spec(folder: string, change: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    name: 'hello',
    folder,
    runtime: 'native',
    shape: 'program',
    command: 'hello',
    args: [],
    environment: {},
    memoryMiB: 512,
    cpus: 1,
    timeoutSeconds: 30,
    files: [],
    network: 'none',
    ...change,
  }
}

/** Prepares a function out of these files, on a system out of those. */
function prepare(
  t: TestContext,
  files: Files,
  change: Partial<FunctionSpec> = {},
  root: Files = glibc,
): Program {
  return prepareNative(spec(sysroot(t, files), change), sysroot(t, root))
}

/** Paths of all files and links of a program's base. */
function basePaths(prepared: Program): string[] {
  return prepared.base
    .tree()
    .sorted()
    .flatMap(([name, entry]) => (entry.kind === 'directory' ? [] : [name]))
}

test('a dynamic program: its own files in the task, the libraries in the base', (t) => {
  const prepared = prepare(
    t,
    {
      'bin/hello': program({ needed: ['liba.so', 'libc.so.6'], runpath: '$ORIGIN/../lib' }),
      'lib/liba.so': tinyElf({ needed: ['libb.so'] }),
      'data.txt': 'data',
    },
    { command: 'bin/hello', args: ['one', 'two'], environment: { A: 'b' } },
    { ...glibc, 'usr/lib64/libb.so': tinyElf() },
  )
  assert.equal(prepared.executable, '/var/task/bin/hello')
  assert.equal(prepared.interpreter, '/lib64/ld-linux-x86-64.so.2')
  assert.deepEqual(prepared.argv, ['bin/hello', 'one', 'two'])
  assert.deepEqual(prepared.environment, { A: 'b' })
  assert.equal(prepared.workingDirectory, '/var/task')
  assert.equal(prepared.tellsReady, false)
  assert.equal(prepared.base.title, 'libraries of hello')
  assert.deepEqual(prepared.base.topLevel, ['lib64', 'usr'])
  assert.deepEqual(basePaths(prepared), [
    'lib64/ld-linux-x86-64.so.2',
    'lib64/libc.so.6',
    'usr/lib64/libb.so',
  ])
  assert.ok(
    prepared.task.has('bin/hello') && prepared.task.has('lib/liba.so') && prepared.task.has('data.txt'),
  )
  const entry = prepared.task.get('bin/hello')
  assert.equal(entry?.kind === 'file' && entry.mode & 0o111, 0o111)
})

test('a static program has an empty base', (t) => {
  const prepared = prepare(t, { hello: tinyElf({ type: 2 }) }, {}, {})
  assert.equal(prepared.base.tree().size, 0)
  assert.deepEqual(prepared.base.topLevel, [])
  assert.equal(prepared.base.title, 'no libraries')
})

test("the base's key tells contents and paths apart, and nothing else", (t) => {
  const key = (files: Files, root: Files = glibc) => prepare(t, files, {}, root).base.key
  const one = key({ hello: program({ needed: ['libc.so.6'] }) })
  assert.equal(key({ hello: program({ needed: ['libc.so.6'], entry: 0x2000 }), 'more.txt': 'x' }), one)
  assert.notEqual(key({ hello: program() }), one)
  const newer = { ...glibc, 'lib64/libc.so.6': tinyElf({ soname: 'libc.so.6', strings: ['GLIBC_2.35'] }) }
  assert.notEqual(key({ hello: program({ needed: ['libc.so.6'] }) }, newer), one)
  const { 'lib64/libc.so.6': libc = '', ...rest } = glibc
  const moved = { ...rest, 'lib/libc.so.6': libc }
  assert.notEqual(key({ hello: program({ needed: ['libc.so.6'] }) }, moved), one)
})

test('a web function is told its port, unless it says otherwise', (t) => {
  const environment = (change: Partial<FunctionSpec>) =>
    prepare(t, { hello: program() }, { shape: 'web', ...change }).environment
  assert.deepEqual(environment({}), { PORT: '8080', AWS_LWA_PORT: '8080' })
  assert.deepEqual(environment({ port: 3000 }), { PORT: '3000', AWS_LWA_PORT: '3000' })
  assert.deepEqual(environment({ environment: { PORT: '1' } }), { PORT: '1', AWS_LWA_PORT: '8080' })
})

test('a program of the host goes into the base, at its real path', (t) => {
  const root = {
    ...glibc,
    'opt/x/tool-2': program({ needed: ['libc.so.6'] }),
    'usr/bin/tool': { link: '/opt/x/tool-2' },
  }
  const prepared = prepare(t, { 'data.txt': 'x' }, { command: '/usr/bin/tool' }, root)
  assert.equal(prepared.executable, '/opt/x/tool-2')
  assert.deepEqual(prepared.argv, ['/usr/bin/tool'])
  assert.ok(basePaths(prepared).includes('opt/x/tool-2'))
})

test('an absolute path into the folder is one of its files', (t) => {
  const folder = sysroot(t, { '..hello': program() })
  const prepared = prepareNative(spec(folder, { command: path.join(folder, '..hello') }), sysroot(t, glibc))
  assert.equal(prepared.executable, '/var/task/..hello')
  const again = prepareNative(spec(folder, { command: '/var/task/..hello' }), sysroot(t, glibc))
  assert.equal(again.executable, '/var/task/..hello')
})

test('a link to the program is followed, its name stays', (t) => {
  const prepared = prepare(t, {
    'opt/app/hello': program({ needed: ['liba.so'], runpath: '$ORIGIN' }),
    'opt/app/liba.so': tinyElf(),
    hello: { link: 'opt/app/hello' },
  })
  assert.equal(prepared.executable, '/var/task/opt/app/hello')
  assert.deepEqual(prepared.argv, ['hello'])
  assert.deepEqual(basePaths(prepared), ['lib64/ld-linux-x86-64.so.2'])
})

test('LD_LIBRARY_PATH counts, by paths of the guest', (t) => {
  const files = {
    hello: program({ needed: ['liba.so', 'libb.so'] }),
    'lib/liba.so': tinyElf(),
    'lib2/libb.so': tinyElf(),
  }
  const environment = { LD_LIBRARY_PATH: '/var/task/lib:lib2' }
  assert.deepEqual(basePaths(prepare(t, files, { environment })), ['lib64/ld-linux-x86-64.so.2'])
  assert.throws(() => prepare(t, files), { code: 'UFR-LIBRARY', message: /liba\.so is missing/ })
})

test('files that are left out of the image are not there', (t) => {
  const files = {
    hello: program({ needed: ['liba.so'], runpath: '$ORIGIN/lib' }),
    'lib/liba.so': tinyElf(),
    'build/other': program(),
  }
  assert.throws(() => prepare(t, files, { files: [{ from: 'hello' }] }), { code: 'UFR-LIBRARY' })
  assert.throws(() => prepare(t, files, { files: [{ from: 'lib/**' }] }), {
    code: 'UFR-PROGRAM',
    message: 'The program hello is not among the files of hello',
  })
  const renamed = prepare(t, files, { command: 'bin/x', files: [{ from: 'build/other', to: 'bin/x' }] })
  assert.equal(renamed.executable, '/var/task/bin/x')
})

test('what cannot be run is named', (t) => {
  const files: Files = {
    arm: tinyElf({ machine: 183, interpreter: '/lib/ld-linux-aarch64.so.1' }),
    old: tinyElf({ machine: 3, class: 32 }),
    'setup.exe': 'MZ\x90\0\x03',
    mac: Buffer.from('cffaedfe07000001', 'hex'),
    fat: Buffer.from('cafebabe00000002', 'hex'),
    'Main.class': Buffer.from('cafebabe00000041', 'hex'),
    'app.jar': 'PK\x03\x04xxxx',
    empty: '',
    text: 'hello',
    'object.o': tinyElf({ type: 1 }),
    'libx.so': tinyElf({ needed: ['libc.so.6'] }),
    'folder/x': '',
    musl: tinyElf({ interpreter: '/lib/ld-musl-x86_64.so.1' }),
    cut: program({ needed: ['libc.so.6'] }).subarray(0, 100),
  }
  const fails = (command: string, code: string, message: RegExp) =>
    assert.throws(() => prepare(t, files, { command }), { code, message }, command)
  fails('arm', 'UFR-ARCHITECTURE', /^arm is for aarch64, the guest runs x86-64$/)
  fails('old', 'UFR-ARCHITECTURE', /i386/)
  fails('setup.exe', 'UFR-PROGRAM', /a Windows program/)
  fails('mac', 'UFR-PROGRAM', /a macOS program/)
  fails('fat', 'UFR-PROGRAM', /a macOS program/)
  fails('Main.class', 'UFR-PROGRAM', /a Java class file/)
  fails('app.jar', 'UFR-PROGRAM', /a ZIP or JAR archive/)
  fails('empty', 'UFR-PROGRAM', /an empty file/)
  fails('text', 'UFR-PROGRAM', /neither an ELF program nor a script/)
  fails('object.o', 'UFR-PROGRAM', /has not been linked/)
  fails('libx.so', 'UFR-PROGRAM', /a shared library, not a program/)
  fails('folder', 'UFR-PROGRAM', /is a folder/)
  fails('musl', 'UFR-INTERPRETER', /needs musl's dynamic linker/)
  fails('cut', 'UFR-PROGRAM', /cut cannot be read: truncated/)
  fails('nothing', 'UFR-PROGRAM', /no program nothing: .*\/nothing does not exist/)
  fails('../hello', 'UFR-PROGRAM', /leads out of the folder/)
  fails('/usr/bin/nothing', 'UFR-PROGRAM', /\/usr\/bin\/nothing does not exist/)
  fails('', 'UFR-PROGRAM', /does not say which program/)
  assert.throws(() => prepare(t, files, { shape: 'handler' }), {
    code: 'UFR-PROGRAM',
    message: /cannot be a handler/,
  })
})

test('a program without the right to be executed is refused', (t) => {
  const folder = sysroot(t, { hello: program() })
  fs.chmodSync(path.join(folder, 'hello'), 0o644)
  assert.throws(() => prepareNative(spec(folder), sysroot(t, glibc)), {
    code: 'UFR-PROGRAM',
    fix: `chmod +x ${folder}/hello`,
  })
})

test('a script is run by its interpreter', (t) => {
  const root = { ...glibc, 'bin/sh': program({ needed: ['libc.so.6'] }), 'usr/local/bin/lua': program() }
  const start = (text: string, change: Partial<FunctionSpec> = {}, files: Files = {}) => {
    const { executable, argv } = prepare(
      t,
      { ...files, 'bin/run': text },
      { command: 'bin/run', ...change },
      root,
    )
    return [executable, ...argv]
  }
  const script = '/var/task/bin/run'
  assert.deepEqual(start('#!/bin/sh\n', { args: ['x'] }), ['/bin/sh', '/bin/sh', script, 'x'])
  assert.deepEqual(start('#! /bin/sh -e -u \n'), ['/bin/sh', '/bin/sh', '-e -u', script])
  assert.deepEqual(start('#!/bin/sh'), ['/bin/sh', '/bin/sh', script])
  assert.deepEqual(start('#!/usr/bin/env lua\n'), ['/usr/local/bin/lua', 'lua', script])
  assert.deepEqual(start('#!/usr/bin/env -S lua -e "a b"\n'), [
    '/usr/local/bin/lua',
    'lua',
    '-e',
    'a b',
    script,
  ])
  const own = { 'tools/lua': program() }
  const environment = { PATH: '/var/task/tools:/bin' }
  assert.deepEqual(start('#!/usr/bin/env lua\n', { environment }, own), [
    '/var/task/tools/lua',
    'lua',
    script,
  ])
  assert.deepEqual(start('#!tools/lua\n', {}, own), ['/var/task/tools/lua', 'tools/lua', script])
})

test('a script without a usable interpreter is refused, naming both', (t) => {
  const root = { ...glibc, 'bin/sh': program(), 'bin/wrapper': '#!/bin/sh\n', 'bin/text': 'x' }
  const fails = (text: string, code: string, message: RegExp) =>
    assert.throws(() => prepare(t, { run: text }, { command: 'run' }, root), { code, message }, text)
  fails(
    '#!/opt/ruby\n',
    'UFR-INTERPRETER',
    /script run needs the interpreter \/opt\/ruby, which is not there/,
  )
  fails('#!/bin/sh\r\n', 'UFR-INTERPRETER', /script run has Windows line ends/)
  fails(
    '#!/usr/bin/env ruby\n',
    'UFR-INTERPRETER',
    /script run needs the interpreter ruby.*\/usr\/local\/bin/,
  )
  fails('#!/bin/wrapper\n', 'UFR-INTERPRETER', /script run, \/bin\/wrapper, is a script itself/)
  fails('#!/bin/text\n', 'UFR-INTERPRETER', /neither an ELF/)
  fails('#!/bin\n', 'UFR-INTERPRETER', /not there/)
  fails('#!\n', 'UFR-PROGRAM', /names no interpreter/)
  fails('#!/usr/bin/env\n', 'UFR-PROGRAM', /uses env in a way/)
  fails('#!/usr/bin/env A=b sh\n', 'UFR-PROGRAM', /uses env in a way/)
  fails(`#!/${'x'.repeat(300)}\n`, 'UFR-PROGRAM', /longer than 256/)
})

test('a compiled program runs from its task and base alone', async (t) => {
  if (spawnSync('gcc', ['--version']).status !== 0) return t.skip('gcc is not installed')
  const folder = temporaryFolder(t)
  writeFiles(folder, {
    'a.c': 'int a(void) { return 42; }',
    'main.c':
      '#include <stdio.h>\nint a(void); int main(int n, char **v) { printf("%s %s %d\\n", v[0], v[n - 1], a()); }',
    'lib/keep': '',
  })
  const compile = (...args: string[]) =>
    assert.equal(spawnSync('gcc', args, { cwd: folder, stdio: 'inherit', timeout: 60_000 }).status, 0)
  compile('-shared', '-fPIC', '-o', 'lib/liba.so', 'a.c')
  compile('-o', 'hello', 'main.c', '-Llib', '-la', '-Wl,-rpath,$ORIGIN/lib')
  const prepared = await native.prepare(spec(folder, { args: ['world'] }), noProgress())
  assert.equal(prepared.executable, '/var/task/hello')
  assert.ok(!basePaths(prepared).some((name) => name.includes('liba')))

  const root = temporaryFolder(t)
  const enter = 'mkdir -p "$1/proc" && mount --rbind /proc "$1/proc" && exec chroot "$@"'
  const inside = (...args: string[]) =>
    spawnSync('unshare', ['-rm', 'sh', '-c', enter, 'sh', ...args], { encoding: 'utf8', timeout: 20_000 })
  if (inside('/', 'true').status !== 0) return t.skip('user namespaces are not allowed here')
  writeTree(root, prepared.base.tree())
  fs.mkdirSync(path.join(root, 'var/task'), { recursive: true })
  writeTree(path.join(root, 'var/task'), prepared.task)
  const ran = inside(root, prepared.executable, ...prepared.argv.slice(1))
  assert.equal(ran.stdout, '/var/task/hello world 42\n', ran.stderr)
})
