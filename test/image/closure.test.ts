import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { type Closure, type ClosureOptions, closure } from '../../src/image/closure/closure.ts'
import { closureTree } from '../../src/image/closure/closure-tree.ts'
import { bytesContent } from '../../src/image/content.ts'
import { Tree } from '../../src/image/tree.ts'
import { type TinyElf, tinyElf } from './formats/tiny-elf.ts'
import { tinyLdCache } from './formats/tiny-ld-cache.ts'
import { sysroot } from './sysroot.ts'

const ldso = '/lib64/ld-linux-x86-64.so.2'
const libc = tinyElf({
  soname: 'libc.so.6',
  needed: ['ld-linux-x86-64.so.2'],
  strings: ['GLIBC_2.34'],
})
const glibc = {
  'lib64/ld-linux-x86-64.so.2': tinyElf({ soname: 'ld-linux-x86-64.so.2' }),
  'lib64/libc.so.6': libc,
}
const program = (want: TinyElf = {}) => tinyElf({ interpreter: ldso, ...want })
const library = (want: TinyElf = {}) => tinyElf(want)

/** The guest paths of what is not a program. */
function paths(found: Closure): string[] {
  return found.files.filter((f) => f.role !== 'program').map((f) => f.guestPath)
}

function failure(run: () => unknown): UfrError {
  try {
    run()
  } catch (error) {
    assert.ok(error instanceof UfrError, String(error))
    return error
  }
  return assert.fail('no error')
}

test('finds the interpreter and all libraries, and says who needs them', (t) => {
  const root = sysroot(t, {
    ...glibc,
    'app/hello': program({ needed: ['liba.so', 'libc.so.6'] }),
    'usr/lib64/liba.so': library({ needed: ['libb.so', 'libc.so.6'] }),
    'lib/libb.so': library({ needed: ['liba.so'] }),
  })
  const found = closure(['/app/hello'], { root })
  assert.deepEqual(found.programs, ['/app/hello'])
  assert.deepEqual(
    found.files.map((f) => [f.role, f.guestPath, f.neededBy]),
    [
      ['program', '/app/hello', []],
      ['interpreter', ldso, ['/app/hello']],
      ['library', '/usr/lib64/liba.so', ['/app/hello']],
      ['library', '/lib64/libc.so.6', ['/app/hello']],
      ['library', '/lib/libb.so', ['/app/hello', '/usr/lib64/liba.so']],
    ],
  )
  for (const file of found.files) assert.ok(file.hostPath?.startsWith(`${root}/`), file.hostPath)
})

test('a static program needs nothing', (t) => {
  const root = sysroot(t, { hello: tinyElf({ type: 2 }) })
  assert.deepEqual(paths(closure(['/hello'], { root })), [])
})

test('takes a program by its path on the host as well', (t) => {
  const root = sysroot(t, { ...glibc, 'app/hello': program() })
  assert.deepEqual(closure([path.join(root, 'app/hello')], { root }).programs, ['/app/hello'])
})

test('RPATH is inherited, RUNPATH is not', (t) => {
  const files = (own: TinyElf) => ({
    ...glibc,
    'app/hello': program({ needed: ['liba.so'], ...own }),
    'opt/liba.so': library({ needed: ['libb.so'] }),
    'opt/libb.so': library(),
  })
  const inherited = sysroot(t, files({ rpath: '/opt' }))
  assert.deepEqual(paths(closure(['/app/hello'], { root: inherited })), [
    ldso,
    '/opt/liba.so',
    '/opt/libb.so',
  ])
  const own = sysroot(t, files({ runpath: '/opt' }))
  const error = failure(() => closure(['/app/hello'], { root: own }))
  assert.equal(error.code, 'UFR-LIBRARY')
  assert.equal(
    error.message,
    'The shared library libb.so is missing: /opt/liba.so needs it, which /app/hello needs',
  )
  assert.deepEqual(error.detail, ['looked in: /lib64, /usr/lib64, /lib, /usr/lib'])
})

test("RUNPATH turns RPATH off: the object's own, and for its needs those above it", (t) => {
  const root = sysroot(t, {
    ...glibc,
    'app/both': program({ needed: ['liba.so'], rpath: '/one', runpath: '/two' }),
    'one/liba.so': library(),
    'two/liba.so': library(),
    'app/above': program({ needed: ['libx.so'], rpath: '/one' }),
    'one/libx.so': library({ needed: ['liba.so'], runpath: '/two' }),
    'app/heir': program({ needed: ['libz.so'], rpath: '/one', runpath: '/two' }),
    'two/libz.so': library({ needed: ['libonly.so'] }),
    'one/libonly.so': library(),
  })
  assert.deepEqual(paths(closure(['/app/both'], { root })), [ldso, '/two/liba.so'])
  assert.deepEqual(paths(closure(['/app/above'], { root })), [ldso, '/one/libx.so', '/two/liba.so'])
  assert.throws(() => closure(['/app/heir'], { root }), { code: 'UFR-LIBRARY', message: /libonly\.so/ })
})

test('searches in the order of ld.so: RPATH or, in its place, library path and RUNPATH; cache; default', (t) => {
  const cache = tinyLdCache([{ soname: 'liba.so', path: '/cached/liba.so' }])
  const everywhere = [
    '/rpath',
    '/env',
    '/extra',
    '/runpath',
    '/cached',
    '/lib64',
    '/usr/lib64',
    '/lib',
    '/usr/lib',
  ]
  const options: ClosureOptions = { libraryPath: ['/env'], extraLibraryPaths: ['/extra'] }
  const order = (own: TinyElf): string[] => {
    const left = new Set(everywhere)
    const seen: string[] = []
    for (;;) {
      const libraries = [...left].map((folder) => [`${folder.slice(1)}/liba.so`, library()])
      const root = sysroot(t, {
        ...glibc,
        'etc/ld.so.cache': cache,
        hello: program({ needed: ['liba.so'], ...own }),
        ...Object.fromEntries(libraries),
      })
      try {
        const found = closure(['/hello'], { root, ...options }).files.find((f) => f.name === 'liba.so')
        const folder = path.dirname(found?.realPath ?? '')
        seen.push(folder)
        left.delete(folder)
      } catch {
        return seen
      }
    }
  }
  const shared = ['/cached', '/lib64', '/usr/lib64', '/lib', '/usr/lib']
  assert.deepEqual(order({ rpath: '/rpath' }), ['/rpath', '/env', '/extra', ...shared])
  assert.deepEqual(order({ runpath: '/runpath' }), ['/env', '/extra', '/runpath', ...shared])
  assert.deepEqual(order({ runpath: '/runpath', flags1: 0x800 }), ['/env', '/extra', '/runpath'])
})

test('replaces $ORIGIN, $LIB and $PLATFORM', (t) => {
  const find = (runpath: string, at: string) => {
    const root = sysroot(t, {
      ...glibc,
      'opt/x/bin/hello': program({ needed: ['liba.so'], runpath }),
      'bin/hello': { link: '../opt/x/bin/hello' },
      [at]: library(),
    })
    return paths(closure(['/bin/hello'], { root }))[1]
  }
  assert.equal(find('$ORIGIN/../lib', 'opt/x/lib/liba.so'), '/opt/x/lib/liba.so')
  assert.equal(find(`/none:\${ORIGIN}`, 'opt/x/bin/liba.so'), '/opt/x/bin/liba.so')
  assert.equal(find('/opt/$LIB/$PLATFORM', 'opt/lib64/x86_64/liba.so'), '/opt/lib64/x86_64/liba.so')
  assert.equal(find('/opt/$ORIGINAL', 'opt/$ORIGINAL/liba.so'), '/opt/$ORIGINAL/liba.so')
})

test("a library's $ORIGIN is the folder it was found in, not where a link leads", (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'], runpath: '/one' }),
    'one/liba.so': { link: '../real/liba.so.1' },
    'real/liba.so.1': library({ needed: ['libb.so'], runpath: '$ORIGIN' }),
    'one/libb.so': library(),
    'real/libb.so': library({ soname: 'wrong' }),
  })
  assert.deepEqual(paths(closure(['/hello'], { root })), [ldso, '/one/liba.so', '/one/libb.so'])
})

test('what only ld.so.cache knows moves to where the guest looks', (t) => {
  const root = sysroot(t, {
    ...glibc,
    'etc/ld.so.cache': tinyLdCache([{ soname: 'liba.so', path: '/opt/vendor/liba.so' }]),
    hello: program({ needed: ['liba.so'] }),
    'opt/vendor/liba.so': library({
      needed: ['libb.so', 'libc.so.6', 'libd.so'],
      runpath: '$ORIGIN:$ORIGIN/../d',
    }),
    // Found beside liba.so here; in the guest liba.so is elsewhere, so this has to go with it.
    'opt/vendor/libb.so': library(),
    'opt/d/libd.so': library(),
  })
  const found = closure(['/hello'], { root })
  assert.deepEqual(paths(found), [
    ldso,
    '/lib64/liba.so',
    '/lib64/libb.so',
    '/lib64/libc.so.6',
    '/lib64/libd.so',
  ])
  assert.equal(found.files[2]?.hostPath, path.join(root, 'opt/vendor/liba.so'))
})

test('a library path that the guest has keeps libraries in place, an extra one does not', (t) => {
  const root = sysroot(t, { ...glibc, hello: program({ needed: ['liba.so'] }), 'opt/liba.so': library() })
  assert.equal(paths(closure(['/hello'], { root, libraryPath: ['/opt'] }))[1], '/opt/liba.so')
  assert.equal(paths(closure(['/hello'], { root, extraLibraryPaths: ['/opt'] }))[1], '/lib64/liba.so')
})

test('passes over libraries of another class or machine', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'], runpath: '/one:/two:/three' }),
    'one/liba.so': tinyElf({ class: 32, machine: 3 }),
    'two/liba.so': tinyElf({ machine: 183 }),
    'three/liba.so': library(),
  })
  assert.deepEqual(paths(closure(['/hello'], { root })), [ldso, '/three/liba.so'])
})

test('names both architectures where only the wrong one is there', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'] }),
    'lib/liba.so': tinyElf({ machine: 183 }),
    arm: tinyElf({ machine: 183, interpreter: '/lib/ld-linux-aarch64.so.1' }),
  })
  const error = failure(() => closure(['/hello'], { root }))
  assert.equal(error.code, 'UFR-ARCHITECTURE')
  assert.match(
    error.message,
    /^liba\.so is there only for aarch64 \(\/lib\/liba\.so\), the guest runs x86-64: \/hello/,
  )
  assert.throws(() => closure(['/arm'], { root }), {
    code: 'UFR-ARCHITECTURE',
    message: '/arm is for aarch64, the guest runs x86-64',
  })
})

test('a needed path with a slash is not searched for', (t) => {
  const root = sysroot(t, {
    ...glibc,
    'app/hello': program({ needed: ['/opt/liba.so', '$ORIGIN/libb.so', 'sub/libc.so'] }),
    'opt/liba.so': library(),
    'app/libb.so': library(),
    'cwd/sub/libc.so': library(),
    'app/bad': program({ needed: ['/nowhere/liba.so'] }),
    'lib/liba.so': library(),
  })
  const options = { root, workingDirectory: '/cwd' }
  assert.deepEqual(paths(closure(['/app/hello'], options)), [
    ldso,
    '/opt/liba.so',
    '/app/libb.so',
    '/cwd/sub/libc.so',
  ])
  assert.throws(() => closure(['/app/bad'], options), {
    code: 'UFR-LIBRARY',
    message: 'The shared library /nowhere/liba.so is missing: /app/bad needs it',
  })
})

test('links never lead out of the root', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so', 'libb.so', 'libd.so'] }),
    'lib64/liba.so': { link: '/real/liba.so.1' },
    'real/liba.so.1': library(),
    'lib64/libb.so': { link: '../../../../../../../../../../real/libb.so.1' },
    'real/libb.so.1': library(),
    'usr/lib64': { link: '../folder' },
    'folder/libd.so': library(),
    // A file that every host has: a link to it must mean the root's own.
    escape: { link: `/../..${process.execPath}` },
  })
  const found = closure(['/hello'], { root })
  assert.deepEqual(
    found.files.slice(2).map((f) => [f.guestPath, f.hostPath?.slice(root.length)]),
    [
      ['/lib64/liba.so', '/real/liba.so.1'],
      ['/lib64/libb.so', '/real/libb.so.1'],
      ['/usr/lib64/libd.so', '/folder/libd.so'],
    ],
  )
  assert.throws(() => closure(['/escape'], { root }), { code: 'UFR-PROGRAM' })
})

test('links in a loop, and things that are no files, are as good as missing', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'], runpath: '/loop:/self/x/y:/pipe' }),
    loop: { link: 'pool' },
    pool: { link: 'loop' },
    self: { link: 'self/self' },
    'lib64/liba.so/folder': 'x',
    'lib/liba.so': { link: 'liba.so' },
    'pipe/empty': '',
  })
  // Opening a pipe would wait for a writer for ever.
  assert.equal(spawnSync('mkfifo', [path.join(root, 'pipe/liba.so')]).status, 0)
  assert.throws(() => closure(['/hello'], { root }), { code: 'UFR-LIBRARY' })
})

test('two names for one file are one library, and a link in the guest', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so.1', 'libb.so'] }),
    'lib64/liba.so.1': library({ needed: ['$ORIGIN/libbeside.so'] }),
    // Loaded a second time, it would want this beside its other name.
    'lib64/libbeside.so': library(),
    'usr/lib64/libb.so': { link: '/lib64/liba.so.1' },
  })
  const tree = closureTree(closure(['/hello'], { root }))
  assert.deepEqual(
    tree.sorted().flatMap(([name, entry]) => (entry.kind === 'directory' ? [] : [[name, entry.kind]])),
    [
      ['hello', 'file'],
      ['lib64/ld-linux-x86-64.so.2', 'file'],
      ['lib64/liba.so.1', 'file'],
      ['lib64/libbeside.so', 'file'],
      ['usr/lib64/libb.so', 'link'],
    ],
  )
  assert.deepEqual(tree.get('usr/lib64/libb.so'), {
    kind: 'link',
    target: '../../lib64/liba.so.1',
    origin: { reason: 'needed', from: 'libb.so', neededBy: ['/hello'] },
  })
})

test('a soname already loaded satisfies later needs', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so', 'libb.so'], runpath: '/one' }),
    'one/liba.so': library({ soname: 'liba.so.1' }),
    'one/libb.so': library({ needed: ['liba.so.1'] }),
  })
  assert.deepEqual(paths(closure(['/hello'], { root })), [ldso, '/one/liba.so', '/one/libb.so'])
})

test("the default folders are those of the root's own ld.so", (t) => {
  const tail = (dirs: string) => tinyElf({ soname: 'ld-linux-x86-64.so.2', tail: `junk\0${dirs}\0more/` })
  const root = sysroot(t, {
    ...glibc,
    'lib64/ld-linux-x86-64.so.2': tail('/proc/self/exe\0/lib/x86_64-linux-gnu/\0/usr/lib/x86_64-linux-gnu/'),
    hello: program({ needed: ['liba.so', 'libb.so'], runpath: '/opt/$LIB' }),
    'lib64/liba.so': library({ soname: 'not searched' }),
    'usr/lib/x86_64-linux-gnu/liba.so': library(),
    'opt/lib/x86_64-linux-gnu/libb.so': library(),
    moved: program({ needed: ['libm.so'] }),
    'vendor/libm.so': library(),
  })
  assert.deepEqual(paths(closure(['/hello'], { root })), [
    ldso,
    '/usr/lib/x86_64-linux-gnu/liba.so',
    '/opt/lib/x86_64-linux-gnu/libb.so',
  ])
  const moved = closure(['/moved'], { root, extraLibraryPaths: ['/vendor'] })
  assert.deepEqual(paths(moved), [ldso, '/lib/x86_64-linux-gnu/libm.so'])
})

test("where ld.so does not tell, Debian's folders count if they are there", (t) => {
  const files = {
    ...glibc,
    hello: program({ needed: ['liba.so'] }),
    'vendor/liba.so': library(),
  }
  const debian = sysroot(t, { ...files, 'lib/x86_64-linux-gnu/libz.so': library() })
  const other = sysroot(t, files)
  const place = (root: string) => paths(closure(['/hello'], { root, extraLibraryPaths: ['/vendor'] }))[1]
  assert.equal(place(debian), '/lib/x86_64-linux-gnu/liba.so')
  assert.equal(place(other), '/lib64/liba.so')
})

test('musl: its own order, path file and names', (t) => {
  const musl = '/lib/ld-musl-x86_64.so.1'
  const root = sysroot(t, {
    'lib/ld-musl-x86_64.so.1': tinyElf({ soname: 'libc.so' }),
    'lib/libc.musl-x86_64.so.1': { link: 'ld-musl-x86_64.so.1' },
    'etc/ld-musl-x86_64.path': '/lib:/vendor\n/usr/lib\n',
    hello: tinyElf({
      interpreter: musl,
      needed: ['libc.musl-x86_64.so.1', 'libpthread.so.0', 'liba.so', 'libv.so'],
      runpath: '/opt',
    }),
    // Inherits the RUNPATH of the program, as on musl alone.
    'opt/liba.so': library({ needed: ['libb.so', 'libc.so'], soname: 'liba.so.9' }),
    'opt/libb.so': library({ needed: ['liba.so.9'] }),
    // musl does not know that this is the soname of what is loaded.
    'opt/liba.so.9': { link: 'liba.so' },
    'vendor/libv.so': library(),
    'usr/local/lib/libu.so': library(),
    bad: tinyElf({ interpreter: musl, needed: ['libu.so'] }),
  })
  assert.deepEqual(paths(closure(['/hello'], { root })), [
    musl,
    '/opt/liba.so',
    '/lib/libv.so',
    '/opt/libb.so',
    '/opt/liba.so.9',
  ])
  const error = failure(() => closure(['/bad'], { root }))
  assert.deepEqual(error.detail, ['looked in: /lib, /vendor, /usr/lib'])
})

test('musl without a path file looks in its default folders', (t) => {
  const root = sysroot(t, {
    'lib/ld-musl-x86_64.so.1': tinyElf(),
    hello: tinyElf({ interpreter: '/lib/ld-musl-x86_64.so.1', needed: ['libu.so'] }),
    'usr/local/lib/libu.so': library(),
  })
  assert.equal(paths(closure(['/hello'], { root }))[1], '/usr/local/lib/libu.so')
})

test('a missing interpreter is named, with whose it is', (t) => {
  const root = sysroot(t, {
    hello: program(),
    tiny: tinyElf({ interpreter: '/lib/ld-musl-x86_64.so.1' }),
    odd: tinyElf({ interpreter: '/opt/loader' }),
  })
  const error = (name: string) => failure(() => closure([name], { root }))
  assert.equal(error('/hello').message, `/hello needs glibc's dynamic linker ${ldso}, which is not there`)
  assert.match(error('/tiny').message, /musl's dynamic linker \/lib\/ld-musl-x86_64\.so\.1/)
  assert.match(error('/tiny').fix, /^Install musl/)
  assert.match(error('/odd').message, /its dynamic linker \/opt\/loader/)
  for (const name of ['/hello', '/tiny', '/odd']) assert.equal(error(name).code, 'UFR-INTERPRETER')
})

test('what is no library, or no program, is named', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'] }),
    'lib/liba.so': 'INPUT(-la)',
    text: 'hello',
    'object.o': tinyElf({ type: 1 }),
  })
  const error = failure(() => closure(['/hello'], { root }))
  assert.equal(error.code, 'UFR-LIBRARY')
  assert.equal(error.message, '/lib/liba.so (/hello needs it) cannot be read: not an ELF file')
  assert.throws(() => closure(['/text'], { root }), {
    code: 'UFR-PROGRAM',
    message: /^\/text cannot be read/,
  })
  assert.throws(() => closure(['/object.o'], { root }), { code: 'UFR-PROGRAM', message: /not been linked/ })
  assert.throws(() => closure(['/none'], { root }), { code: 'UFR-PROGRAM', message: /no program \/none/ })
})

test('a glibc before 2.34 gets what it opens to look up names, if that is there', (t) => {
  const old = tinyElf({ soname: 'libc.so.6', strings: ['GLIBC_2.33'] })
  const dns = library({ needed: ['libresolv.so.2', 'libc.so.6'] })
  const files = { ...glibc, hello: program({ needed: ['libc.so.6'] }), 'lib64/libnss_dns.so.2': dns }
  const resolv = { 'lib64/libresolv.so.2': library() }
  const before = sysroot(t, { ...files, ...resolv, 'lib64/libc.so.6': old })
  assert.deepEqual(paths(closure(['/hello'], { root: before })), [
    ldso,
    '/lib64/libc.so.6',
    '/lib64/libnss_dns.so.2',
    '/lib64/libresolv.so.2',
  ])
  const since = sysroot(t, { ...files, ...resolv })
  assert.deepEqual(paths(closure(['/hello'], { root: since })), [ldso, '/lib64/libc.so.6'])
})

test('a plugin counts as opened by the program before it', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'], rpath: '/opt' }),
    'opt/liba.so': library(),
    'plugin.node': library({ needed: ['liba.so', 'libb.so'] }),
    'opt/libb.so': library(),
  })
  const found = closure(['/hello', '/plugin.node'], { root })
  assert.deepEqual(paths(found), [ldso, '/opt/liba.so', '/opt/libb.so'])
  assert.deepEqual(found.files.at(-1)?.neededBy, ['/hello', '/plugin.node'])
})

test('two programs whose moved libraries differ under one name are refused', (t) => {
  const root = sysroot(t, {
    ...glibc,
    one: program({ needed: ['liba.so'] }),
    two: program({ needed: ['liba.so'], runpath: '/lib64' }),
    'lib64/liba.so': library(),
    'vendor/liba.so': library({ soname: 'another' }),
    'etc/ld.so.cache': tinyLdCache([{ soname: 'liba.so', path: '/vendor/liba.so' }]),
  })
  assert.throws(() => closure(['/one', '/two'], { root }), {
    code: 'UFR-LIBRARY',
    message: /^Two different files/,
  })
})

test('mounted files are searched, stay where they are, and hide those of the root', (t) => {
  const file = (want: TinyElf) => bytesContent(tinyElf(want))
  const tree = new Tree()
    .file(
      'bin/hello',
      file({ interpreter: ldso, needed: ['liba.so', 'libb.so'], runpath: '$ORIGIN/../lib' }),
      0o755,
    )
    .file('lib/liba.so.1', file({ needed: ['libc.so.6'] }))
    .link('lib/liba.so', 'liba.so.1')
    .link('lib/libb.so', '/opt/libb.so.2')
  const root = sysroot(t, {
    ...glibc,
    'var/task/lib/libc.so.6': library({ soname: 'hidden' }),
    'opt/libb.so.2': library(),
  })
  const found = closure(['/var/task/bin/hello'], { root, mounts: [{ at: '/var/task', tree }] })
  assert.deepEqual(
    found.files.map((f) => [f.guestPath, f.mounted]),
    [
      ['/var/task/bin/hello', true],
      [ldso, false],
      ['/var/task/lib/liba.so', true],
      // A link that leads out of the tree: its target goes to where the guest follows it to.
      ['/opt/libb.so.2', false],
      ['/lib64/libc.so.6', false],
    ],
  )
  const names = closureTree(found)
    .sorted()
    .map(([name]) => name)
  assert.deepEqual(names, ['lib64', 'lib64/ld-linux-x86-64.so.2', 'lib64/libc.so.6', 'opt', 'opt/libb.so.2'])
})

test('folders that a path only passes through are made too', (t) => {
  const root = sysroot(t, {
    ...glibc,
    hello: program({ needed: ['liba.so'], runpath: '/opt/bin/../lib' }),
    'opt/bin/other': 'x',
    'opt/lib/liba.so': library(),
  })
  const found = closure(['/hello'], { root })
  assert.equal(paths(found)[1], '/opt/lib/liba.so')
  assert.deepEqual(found.directories, ['/opt/bin'])
  assert.equal(closureTree(found).get('opt/bin')?.kind, 'directory')
})
