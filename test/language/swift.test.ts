import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { findCommand } from '../../src/base/process.ts'
import type { ViewFile } from '../../src/image/closure/file-view.ts'
import { bytesContent } from '../../src/image/content.ts'
import { readElf } from '../../src/image/formats/elf/elf.ts'
import { bytesSource } from '../../src/image/source.ts'
import { apiSourceDetector, sourceDetector } from '../../src/language/source/detect.ts'
import { buildToolOf } from '../../src/language/source/find.ts'
import { buildBySwift } from '../../src/language/source/swift.ts'
import { swiftError } from '../../src/language/swift/errors.ts'
import { newestGlibc, swiftParts } from '../../src/language/swift/executable.ts'
import { freshResult, rememberResult, sourcesDigest } from '../../src/language/swift/fresh.ts'
import { lackingCode } from '../../src/language/swift/lacking-code.ts'
import { executables } from '../../src/language/swift/package.ts'
import { lackingLibrary } from '../../src/language/swift/preload.ts'
import { preloadVariable, readyMadeSwift } from '../../src/language/swift/ready-made.ts'
import { tinyElf } from '../image/formats/tiny-elf.ts'
import { elfFixture } from '../kernel/elf-fixture.ts'
import { useHome } from '../kernel/home.ts'

const home = useHome()

function folderWith(files: Record<string, string>, name = 'function'): string {
  const folder = home.beside(name)
  for (const [file, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), text, text.startsWith('#!') ? { mode: 0o755 } : {})
  }
  return folder
}

test('swift: folders and what they are', () => {
  let n = 0
  const found = (files: Record<string, string>) => {
    const folder = folderWith(files, `f${n++}`)
    const { runtime, shape, command } = {
      ...(apiSourceDetector.detect(folder) ?? sourceDetector.detect(folder)),
    }
    return [buildToolOf(folder), runtime, shape, command]
  }
  const aws = '.package(url: "https://github.com/awslabs/swift-aws-lambda-runtime.git", from: "2.0.0")'
  assert.deepEqual(found({ 'Package.swift': aws }), ['swift', 'provided.al2023', 'handler', undefined])
  const own = { 'Package.swift': '', 'Sources/app/deep/Api.swift': 'getenv("AWS_LAMBDA_RUNTIME_API")' }
  assert.deepEqual(found(own).slice(1, 3), ['provided.al2023', 'handler'])
  const vapor = { 'Package.swift': '.package(name: "vapor") .executableTarget(\n  name: "App")' }
  assert.deepEqual(found(vapor), ['swift', 'native', 'web', 'App'])
  assert.deepEqual(found({ 'main.swift': 'listen(s, 1)\naccept(s, nil, nil)' }), [
    'swift',
    'native',
    'web',
    'f3',
  ])
  assert.deepEqual(found({ 'main.swift': 'print(1)', Makefile: '' }).slice(0, 3), [
    'make',
    'native',
    'program',
  ])
  assert.deepEqual(found({ 'Package.swift': '', Makefile: '', 'x.c': '' }).slice(0, 3), [
    'swift',
    'native',
    'program',
  ])
  assert.deepEqual(found({ 'notes.txt': '' }), [undefined, undefined, undefined, undefined])
})

const said = (stdout: string, stderr = '', status = 1) => swiftError('/f', { stdout, stderr, status })

test("swift: a compiler's words, the first error with its place", () => {
  const compiler = [
    'Building for production...',
    '[3/5] Compiling hello Hello.swift',
    '/f/Sources/hello/Other.swift:1:14: error: cannot convert value',
    '1 | let x: Int = "a"',
    '  |              `- error: cannot convert value',
  ].join('\n')
  const error = said(compiler)
  assert.equal(error.code, 'UFR-BUILD')
  assert.equal(
    error.message,
    'swift cannot build /f: Sources/hello/Other.swift:1:14: error: cannot convert value',
  )
  assert.equal(error.detail.length, 3)
  const manifest = [
    `error: 'f': Invalid manifest (compiled with: ["/t/swiftc", "-vfsoverlay"])`,
    '/f/Package.swift:3:65: error: incorrect argument label',
    `error: 'f': Invalid manifest (compiled with: ["/t/swiftc", "-vfsoverlay"])`,
    '/f/Package.swift:3:65: error: incorrect argument label',
  ].join('\n')
  const { message, detail } = said('', manifest)
  assert.equal(message, 'swift cannot build /f: Package.swift:3:65: error: incorrect argument label')
  assert.deepEqual(detail, ['Package.swift:3:65: error: incorrect argument label'])
  const version =
    "error: 'f': package 'f' is using Swift tools version 6.2.0 but the installed version is 6.0.3"
  assert.match(said('', version).message, /: package 'f' is using Swift tools version 6\.2\.0/)
  assert.match(said('', version).fix ?? '', /swift\.org/)
  assert.match(said('ld.lld: error: undefined symbol: main').fix ?? '', /main\.swift/)
  assert.equal(said('', '', 139).message, 'swift cannot build /f: it ended with status 139')
})

test('swift: packages that cannot be fetched are named', () => {
  const git = 'error: GitShellError(result: <AsyncProcessResult: exit: terminated(code: 128), output:\n \n>)'
  const one = said('', `Fetching https://example.org/a.git\nFetching https://example.org/a.git\n${git}`)
  assert.equal(
    one.message,
    '/f/Package.swift depends on packages that cannot be fetched: https://example.org/a.git',
  )
  const two = said(
    '',
    [
      'error: Failed to clone repository https://example.org/b.git:',
      "    Cloning into bare repository '/x'...",
      "    fatal: unable to access 'https://example.org/b.git/': Could not resolve host: example.org",
    ].join('\n'),
  )
  assert.match(
    two.message,
    /fetched: https:\/\/example\.org\/b\.git: unable to access .* Could not resolve host/,
  )
  assert.match(two.fix ?? '', /proxy/)
})

test('swift: whatever is said makes an error', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.nat(255), (stdout, stderr, status) => {
      assert.equal(said(stdout, stderr, status).code, 'UFR-BUILD')
    }),
    { numRuns: 300 },
  )
})

test('swift: of the programs that are there, those count that the package has', () => {
  const product = (name: string, kind: string) => ({ name, type: { [kind]: null } })
  const text = JSON.stringify({
    products: [product('a', 'executable'), product('b', 'library'), product('z', 'executable')],
  })
  assert.deepEqual(executables(text, ['a', 'b', 'old']), ['a'])
  assert.deepEqual(executables('no JSON', ['a', 'b']), ['a', 'b'])
})

test('swift: what has been built of the same sources is taken as it is', () => {
  const folder = folderWith({ 'Package.swift': 'let package = Package(name: "a")', 'Sources/main.swift': '' })
  const cache = home.beside('cache')
  const first = sourcesDigest(folder, 'toolchain')
  assert.ok(first !== undefined)
  fs.mkdirSync(path.join(folder, '.build'))
  fs.writeFileSync(path.join(folder, '.build/x'), '')
  assert.equal(sourcesDigest(folder, 'toolchain'), first, 'what builds leave there does not count')
  assert.notEqual(sourcesDigest(folder, 'another'), first)
  assert.equal(freshResult(cache, first), undefined)
  const program = path.join(folder, 'program')
  rememberResult(cache, first, { program })
  assert.equal(freshResult(cache, first), undefined, 'the program is gone')
  fs.writeFileSync(program, '')
  assert.deepEqual(freshResult(cache, first), { program })
  assert.notEqual(sourcesDigest(folder, 'toolchain'), first, 'a further file')
  fs.writeFileSync(path.join(cache, 'swift.json'), 'no JSON')
  assert.equal(freshResult(cache, first), undefined)
  for (const manifest of [
    '.package(path: "../other")',
    '.package(url: "https://example.org/a", from: "1.0.0")',
    'Context.environment["X"]',
  ]) {
    fs.writeFileSync(path.join(folder, 'Package.swift'), manifest)
    assert.equal(sourcesDigest(folder), undefined, manifest)
  }
  fs.writeFileSync(
    path.join(folder, 'Package.swift'),
    '.package(url: "https://example.org/a", from: "1.0.0")',
  )
  fs.writeFileSync(path.join(folder, 'Package.resolved'), '{}')
  assert.ok(sourcesDigest(folder))
})

/** A compiler that writes a script as its program, which says how it was called. */
const compiler = `#!/bin/sh
for last; do :; done
echo called >>"$UFR_HOME/../calls"
[ -e broken.swift ] && { echo "$PWD/broken.swift:1:1: error: broken"; exit 1; }
while [ $# -gt 0 ]; do [ "$1" = -o ] && out=$2; args="$args $1"; shift; done
printf '#!/bin/sh\\necho %s\\n' "$args" >"$out"; chmod +x "$out"
`

test('swift: files alone are compiled, once', async (t) => {
  const [PATH, HOME] = [process.env['PATH'], process.env['HOME']]
  t.after(() => Object.assign(process.env, { PATH, HOME }))
  const tools = folderWith({ swiftc: compiler }, 'tools')
  Object.assign(process.env, { PATH: `${tools}:${PATH}`, HOME: home.folder() })
  const folder = folderWith({ 'App.swift': '@main struct App {}', 'Other.swift': '' })
  const cache = home.beside('cache')
  fs.mkdirSync(cache)
  const built = await buildBySwift({ folder, cache, wanted: undefined })
  assert.ok(typeof built === 'object')
  assert.deepEqual([built.root, built.beside], ['/', []])
  const words = execFileSync(built.file, { encoding: 'utf8' })
  assert.match(
    words,
    /-static-stdlib -parse-as-library .*-Xlinker \S+lacking-\w+\.o .*\.\/App\.swift \.\/Other\.swift$/m,
  )
  const calls = () => fs.readFileSync(home.beside('calls'), 'utf8').split('\n').length - 1
  const before = calls()
  await buildBySwift({ folder, cache, wanted: undefined })
  assert.equal(calls(), before)
  fs.writeFileSync(path.join(folder, 'broken.swift'), '')
  await assert.rejects(buildBySwift({ folder, cache, wanted: undefined }), {
    code: 'UFR-BUILD',
    message: `swift cannot build ${folder}: broken.swift:1:1: error: broken`,
  })
  fs.writeFileSync(path.join(folder, 'Package.swift'), '')
  await assert.rejects(buildBySwift({ folder, cache, wanted: undefined }), {
    code: 'UFR-TOOLCHAIN',
    message: /no swift-build$/,
  })
})

function viewFile(bytes: Buffer): ViewFile {
  return {
    kind: 'file',
    mode: 0o755,
    content: bytesContent(bytes),
    open: () => ({ ...bytesSource(bytes), [Symbol.dispose]() {} }),
  }
}

test('swift: a ready-made program gets the libraries that it was built against', () => {
  const store = { root: '/store', folder: '/usr/lib/swift' }
  const host = { root: '/', folder: '/opt/swift' }
  const parts = (bytes: Buffer, found = [host, store], glibc: number | undefined = 36) =>
    swiftParts(
      viewFile(bytes),
      'hello',
      () => found,
      () => glibc,
    )
  const dynamic = (...strings: string[]) => tinyElf({ needed: ['libswiftCore.so', 'libc.so.6'], strings })
  assert.equal(
    parts(tinyElf({ needed: ['libc.so.6'], strings: ['GLIBC_2.38'] })),
    undefined,
    'another language',
  )
  assert.equal(parts(Buffer.from('no ELF file')), undefined)
  assert.deepEqual(parts(dynamic('GLIBC_2.34')), { root: '/', extraLibraryPaths: ['/opt/swift'] })
  assert.deepEqual(parts(dynamic('GLIBC_2.38')), { root: '/store', extraLibraryPaths: ['/usr/lib/swift'] })
  assert.deepEqual(parts(dynamic('GLIBC_2.38'), [host, store], 41), {
    root: '/',
    extraLibraryPaths: ['/opt/swift'],
  })
  assert.equal(parts(dynamic('GLIBC_2.34'), []), undefined, 'who needs what is said when it is looked for')
  assert.throws(() => parts(dynamic('GLIBC_2.38'), [host]), {
    code: 'UFR-LIBRARY',
    message: 'hello needs glibc 2.38, and this host has 2.36',
    fix: /ufr runtime pull swift/,
  })
  assert.equal(parts(elfFixture({ sections: { swift5_typeref: 'x' } })), undefined, 'all in it')
  assert.equal(newestGlibc(Buffer.from('\0GLIBC_2.2.5\0GLIBC_2.38\0GLIBC_2.9\0GLIBC_2.99x\0')), 38)
})

test('swift: what the kernel lacks is loaded before a program with libdispatch, and no other', () => {
  const ready = (bytes: Buffer, ...names: string[]) => {
    const files = ['interpreter', ...names].map((name) => ({ role: name, name })) as never
    const spec = { command: 'hello' } as never
    const tree = readyMadeSwift(viewFile(bytes), spec).preloads({ programs: [], directories: [], files })
    return preloadVariable(tree, { LD_PRELOAD: '/own.so' })
  }
  const both = { LD_PRELOAD: '/opt/ufr/ufr-lacking.so:/own.so' }
  assert.deepEqual(ready(tinyElf({ needed: ['libc.so.6'], strings: ['sigsuspend'] })), {})
  assert.deepEqual(ready(tinyElf({ needed: ['libc.so.6'] }), 'libdispatch.so'), both)
  assert.deepEqual(ready(elfFixture({ sections: { swift5_typeref: 'x' }, needed: ['sigsuspend'] })), both)
})

const source = fileURLToPath(new URL('../../src/language/swift/lacking.S', import.meta.url))
const lacks = (...names: string[]) => {
  const missing = names.filter((name) => findCommand(name) === undefined)
  return { skip: missing.length > 0 ? `no ${missing.join(', ')}` : false }
}

test('swift: the machine code is that of lacking.S', lacks('as', 'objcopy'), () => {
  const [object, binary] = [home.beside('lacking.o'), home.beside('lacking.bin')]
  execFileSync('as', ['--64', '-o', object, source])
  execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary])
  assert.deepEqual(fs.readFileSync(binary), lackingCode, 'assemble it, and put its code into lacking-code.ts')
})

test('swift: the library is one that needs nothing, and stays within its pages', () => {
  const library = lackingLibrary('ufr-lacking.so')
  const { type, soname, needed, programHeaders } = readElf(bytesSource(library))
  assert.deepEqual([type, soname, needed], [3, 'ufr-lacking.so', []])
  assert.deepEqual(
    programHeaders.map(({ type: kind, flags, offset }) => [kind, flags, offset]),
    [
      [1, 5, 0],
      [1, 6, 4096],
      [2, 6, 4112],
      [0x6474e551, 6, 0],
    ],
  )
})

const program = `
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>
static void nothing(int signal) {}
static void show(const char *path) {
  char text[12] = "";
  int file = open(path, O_RDONLY);
  printf("%d %.12s\\n", file >= 0, file >= 0 && read(file, text, 12) > 0 ? text : "");
}
int main(void) {
  sigset_t none, alarms;
  signal(SIGALRM, nothing);
  sigemptyset(&none);
  sigemptyset(&alarms);
  sigaddset(&alarms, SIGALRM);
  sigprocmask(SIG_BLOCK, &alarms, NULL);
  ualarm(20000, 0);
  printf("%d\\n", sigsuspend(&none));
  show("/proc/999999999/stat");
  show("/pro");
  show("/proc/self/nothing");
  printf("%d\\n", open("new", O_CREAT | O_WRONLY, 0640) >= 0);
}`

test(
  'swift: loaded first, it waits for signals, and tells of threads that nobody knows',
  lacks('gcc'),
  () => {
    const folder = folderWith({ 'main.c': program })
    fs.writeFileSync(path.join(folder, 'lacking.so'), lackingLibrary('lacking.so'))
    execFileSync('gcc', ['-o', 'main', 'main.c'], { cwd: folder })
    const env = { ...process.env, LD_PRELOAD: path.join(folder, 'lacking.so') }
    const { stdout, status } = spawnSync('./main', { cwd: folder, env, encoding: 'utf8', timeout: 10_000 })
    assert.deepEqual([status, stdout], [0, '-1\n1 1 (thread) S\n0 \n0 \n1\n'])
    assert.equal(fs.statSync(path.join(folder, 'new')).mode & 0o777, 0o640)
  },
)
