import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { closure } from '../../src/image/closure/closure.ts'
import { closureTree } from '../../src/image/closure/closure-tree.ts'
import { readElf } from '../../src/image/formats/elf/elf.ts'
import { fileSource } from '../../src/image/source.ts'
import { temporaryFolder, writeFiles, writeTree } from './sysroot.ts'

function run(command: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  return spawnSync(command, args, {
    encoding: 'utf8',
    timeout: 20_000,
    env: { PATH: process.env['PATH'], LC_ALL: 'C', ...env },
  })
}

// Without /proc no program knows where it is, and glibc leaves out what has $ORIGIN in it.
const enter = 'mkdir -p "$1/proc" && mount --rbind /proc "$1/proc" && exec chroot "$@"'

/** Runs a program with a folder as its root, which needs no privilege where user namespaces are allowed. */
function runInside(root: string, program: string, args: string[] = []) {
  return run('unshare', ['-rm', 'sh', '-c', enter, 'sh', root, program, ...args])
}

const canChroot = runInside('/', 'true').status === 0
const canCompile = run('gcc', ['--version']).status === 0

function isDynamicGlibc(file: string): boolean {
  try {
    using source = fileSource(file)
    return readElf(source).libc === 'glibc'
  } catch {
    return false
  }
}

/** What the dynamic linker of this host loads for a program, by its own word: real paths by name. */
function tracedLibraries(program: string, env: NodeJS.ProcessEnv = {}): Map<string, string> {
  const { stdout } = run(program, [], { ...env, LD_TRACE_LOADED_OBJECTS: '1' })
  const lines = stdout.matchAll(/^\t(\S+) => (\/\S*) \(0x[0-9a-f]+\)$/gm)
  return new Map([...lines].map((m) => [m[1] ?? '', fs.realpathSync(m[2] ?? '')]))
}

function foundLibraries(program: string, libraryPath: string[] = []): Map<string, string> {
  const libraries = closure([program], { libraryPath }).files.filter((f) => f.role === 'library')
  return new Map(libraries.map((f) => [f.name, fs.realpathSync(f.hostPath ?? '')]))
}

const sorted = (map: Map<string, string>) => [...map].sort()

function compile(t: TestContext, folder: string, args: string[]): void {
  const done = spawnSync('gcc', args, { cwd: folder, encoding: 'utf8', timeout: 60_000 })
  if (done.status !== 0) t.diagnostic(done.stderr)
  assert.equal(done.status, 0)
}

/** bin/hello needs lib/liba.so, which needs lib/sub/libb.so, each by its own run path. */
function buildHello(t: TestContext, folder: string, tags: string): string {
  writeFiles(folder, {
    'b.c': 'int b(void) { return 20; }',
    'a.c': 'int b(void); int a(void) { return 1 + b(); }',
    'main.c': '#include <stdio.h>\nint a(void); int main(void) { printf("answer %d\\n", 2 * a()); }',
    'bin/keep': '',
    'lib/sub/keep': '',
  })
  const shared = ['-shared', '-fPIC', `-Wl,${tags}`]
  compile(t, folder, [...shared, '-o', 'lib/sub/libb.so', 'b.c'])
  compile(t, folder, [...shared, '-o', 'lib/liba.so', 'a.c', '-Llib/sub', '-lb', '-Wl,-rpath,$ORIGIN/sub'])
  const search = [`-Wl,${tags}`, '-Wl,-rpath,$ORIGIN/../lib', '-Wl,-rpath-link,lib/sub']
  compile(t, folder, ['-o', 'bin/hello', 'main.c', '-Llib', '-la', ...search])
  return path.join(folder, 'bin/hello')
}

test('agrees with the dynamic linker of this host about its own programs', (t) => {
  const names = ['bash', 'python3', 'git', 'ssh', 'perl', 'curl', 'qemu-system-x86_64', 'gdb', 'systemctl']
  const programs = [process.execPath, ...names.map((name) => `/usr/bin/${name}`)].filter(isDynamicGlibc)
  if (programs.length === 0) return t.skip('no dynamic glibc programs on this host')
  for (const program of programs) {
    const traced = tracedLibraries(program)
    assert.ok(traced.size > 0, program)
    assert.deepEqual(sorted(foundLibraries(program)), sorted(traced), program)
  }
})

test('agrees with the dynamic linker about RPATH, RUNPATH and LD_LIBRARY_PATH', (t) => {
  if (!canCompile) return t.skip('gcc is not installed')
  for (const tags of ['--disable-new-dtags', '--enable-new-dtags']) {
    const folder = temporaryFolder(t)
    const program = buildHello(t, folder, tags)
    assert.deepEqual(sorted(foundLibraries(program)), sorted(tracedLibraries(program)))

    const other = path.join(folder, 'other')
    fs.mkdirSync(other)
    fs.copyFileSync(path.join(folder, 'lib/sub/libb.so'), path.join(other, 'libb.so'))
    fs.copyFileSync(path.join(folder, 'lib/liba.so'), path.join(other, 'liba.so'))
    const found = foundLibraries(program, [other])
    assert.deepEqual(sorted(found), sorted(tracedLibraries(program, { LD_LIBRARY_PATH: other })))
    assert.equal(found.get('liba.so')?.startsWith(other), tags === '--enable-new-dtags')
  }
})

test('what is in the tree is enough to run, with no ld.so.cache', (t) => {
  if (!canCompile) return t.skip('gcc is not installed')
  if (!canChroot) return t.skip('user namespaces are not allowed here')
  const program = buildHello(t, temporaryFolder(t), '--enable-new-dtags')
  const root = temporaryFolder(t)
  const found = closure([program])
  writeTree(root, closureTree(found))
  const ran = runInside(root, found.programs[0] ?? '')
  assert.equal(ran.stdout, 'answer 42\n', ran.stderr)
})

test('libraries that had to move, $ORIGIN and all, are found where they went', (t) => {
  if (!canCompile) return t.skip('gcc is not installed')
  if (!canChroot) return t.skip('user namespaces are not allowed here')
  const folder = temporaryFolder(t)
  buildHello(t, folder, '--enable-new-dtags')
  const program = path.join(folder, 'elsewhere')
  fs.renameSync(path.join(folder, 'bin/hello'), program)
  fs.renameSync(path.join(folder, 'lib'), path.join(folder, 'vendor'))
  const root = temporaryFolder(t)
  const found = closure([program], { extraLibraryPaths: [path.join(folder, 'vendor')] })
  writeTree(root, closureTree(found))
  const ran = runInside(root, found.programs[0] ?? '')
  assert.equal(ran.stdout, 'answer 42\n', ran.stderr)
})

test('a copied sysroot gives the same closure, with nothing of the host in it', (t) => {
  if (!isDynamicGlibc(process.execPath)) return t.skip('this Node.js is not a dynamic glibc program')
  const host = closure([process.execPath])
  const root = temporaryFolder(t)
  writeTree(root, closureTree(host))
  const copy = closure(host.programs, { root })
  const names = (files: typeof host.files) => files.map((f) => [f.role, f.guestPath, f.neededBy])
  assert.deepEqual(names(copy.files), names(host.files))
  for (const file of copy.files) assert.ok(file.hostPath?.startsWith(`${root}/`), file.hostPath)

  const first = host.files.find((f) => f.role === 'library' && f.name !== 'libc.so.6')
  fs.rmSync(path.join(root, first?.guestPath ?? ''))
  assert.throws(() => closure(host.programs, { root }), {
    code: 'UFR-LIBRARY',
    message: `The shared library ${first?.name} is missing: ${host.programs[0]} needs it`,
  })
})

test('Node.js runs from its closure alone', (t) => {
  if (!isDynamicGlibc(process.execPath)) return t.skip('this Node.js is not a dynamic glibc program')
  if (!canChroot) return t.skip('user namespaces are not allowed here')
  const root = temporaryFolder(t)
  const found = closure([process.execPath])
  writeTree(root, closureTree(found))
  const ran = runInside(root, found.programs[0] ?? '', ['--version'])
  assert.equal(ran.stdout.trim(), process.version, ran.stderr)
})
