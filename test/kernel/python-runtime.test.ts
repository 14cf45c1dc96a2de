import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import type { Runner } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { hostPython } from '../../src/kernel/python/host-python.ts'
import { ensurePythonRuntime } from '../../src/kernel/python/python-runtime.ts'
import { isWanted } from '../../src/kernel/python/standard-library.ts'
import { pythonSource } from '../../src/kernel/python/version.ts'
import { runtimeKind } from '../../src/kernel/runtime-kinds.ts'
import { listRuntimes, removeRuntime } from '../../src/kernel/runtimes.ts'
import { elfFixture } from './elf-fixture.ts'
import { type FakeApt, type FakePackage, fakeApt, fakeMachine, result } from './fake-apt.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const libraries = 'usr/lib/x86_64-linux-gnu'
let apt: FakeApt
let machine = ''
let calls: string[][] = []
const run: Runner = async (command, args, options) => {
  if (/^(apt|dpkg)/.test(command)) return apt.run(command, args, options)
  calls.push([...args])
  return result()
}

function library(...needed: string[]): Buffer {
  return elfFixture({ needed })
}

function packages(): Record<string, FakePackage> {
  const glibc = [
    'c.so.6',
    'dl.so.2',
    'm.so.6',
    'nss_dns.so.2',
    'nss_files.so.2',
    'pthread.so.0',
    'resolv.so.2',
  ]
  const names = [...glibc, 'rt.so.1', 'util.so.1']
  const standard = 'usr/lib/python3.13'
  const others = [
    'zlib1g',
    'libexpat1',
    'libbz2-1.0',
    'libffi8',
    'liblzma5',
    'libsqlite3-0',
    'libuuid1',
    'libzstd1',
  ]
  return {
    'python3.13-minimal': {
      version: '3.13.5-2',
      files: { 'usr/bin/python3.13': library('libc.so.6', 'libz.so.1') },
    },
    'libpython3.13-minimal': {
      version: '3.13.5-2',
      files: {
        [`${standard}/os.py`]: 'x = 1',
        [`${standard}/sitecustomize.py`]: '->/etc/python3.13/sitecustomize.py',
        [`${standard}/test/support.py`]: 'x',
      },
    },
    'libpython3.13-stdlib': {
      version: '3.13.5-2',
      files: {
        [`${standard}/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so`]: library('libssl.so.3'),
        [`${standard}/lib-dynload/_curses.cpython-313-x86_64-linux-gnu.so`]: library('libncursesw.so.6'),
        [`${standard}/json/__init__.py`]: 'y = 2',
        [`${standard}/json/__pycache__/x.pyc`]: 'z',
      },
    },
    libssl3t64: { version: '3', files: { [`${libraries}/libssl.so.3`]: library('libc.so.6') } },
    ...Object.fromEntries(others.map((name) => [name, { version: '1' }])),
    zlib1g: { version: '1', files: { [`${libraries}/libz.so.1`]: library('libc.so.6') } },
    libc6: {
      version: '2.41',
      files: {
        [`${libraries}/ld-linux-x86-64.so.2`]: library(),
        ...Object.fromEntries(names.map((name) => [`${libraries}/lib${name}`, library()])),
      },
    },
    'libstdc++6': { version: '14', files: { [`${libraries}/libstdc++.so.6`]: library('libm.so.6') } },
    'libgcc-s1': { version: '14', files: { [`${libraries}/libgcc_s.so.1`]: library('libc.so.6') } },
    tzdata: { version: '2026a', files: { 'usr/share/zoneinfo/UTC': 'UTC' } },
    'ca-certificates': { version: '1', files: { 'usr/share/ca-certificates/mozilla/A.crt': 'first' } },
    'python3-pip-whl': {
      version: '25',
      files: { 'usr/share/python-wheels/pip-25.1-py3-none-any.whl': 'pip' },
    },
  }
}

beforeEach(() => {
  machine = fakeMachine(home.beside('etc-apt'))
  apt = fakeApt(packages())
  calls = []
})

function ensure(version = 'python3.13', options = {}) {
  return ensurePythonRuntime(pythonSource(version), noProgress(), { run, machine, ...options })
}

test('a runtime is the interpreter, its library without what no guest needs, libraries, and pip beside it', async () => {
  const runtime = await ensure()
  assert.deepEqual(
    [runtime.language, runtime.version, runtime.program],
    ['python', '3.13.5', 'usr/bin/python3.13'],
  )
  const flat = 'lib/x86_64-linux-gnu'
  const files = filesBelow(runtime.root)
  assert.deepEqual(
    files.filter((name) => name.startsWith('usr/')),
    [
      'usr/bin/python3.13',
      'usr/lib/python3.13/json/__init__.py',
      'usr/lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so',
      'usr/lib/python3.13/os.py',
      'usr/lib/ssl/cert.pem',
      'usr/share/zoneinfo/UTC',
    ],
  )
  // What the interpreter needs, what its modules need, and what wheels take for granted.
  for (const name of ['libz.so.1', 'libssl.so.3', 'libstdc++.so.6', 'libgcc_s.so.1', 'libnss_dns.so.2'])
    assert.ok(files.includes(`${flat}/${name}`), name)
  assert.ok(!files.includes(`${flat}/libncursesw.so.6`))
  assert.ok(fs.existsSync(path.join(runtime.root, 'usr/lib/ssl/cert.pem')))
  assert.equal(fs.readFileSync(path.join(runtime.folder, 'pip.whl'), 'utf8'), 'pip')
  assert.equal(calls.length, 1)
  assert.deepEqual(calls[0]?.slice(5, 7), ['-m', 'compileall'])
  assert.ok(calls[0]?.includes('unchecked-hash'))
  assert.deepEqual(filesBelow(homePath('downloads')), [])
})

test('a runtime that is there needs no apt, whichever way its version is written; the same inputs have the same key', async () => {
  const runtime = await ensure()
  const before = apt.calls.length
  for (const word of ['python', 'python3', 'python@3.13', 'py3.13', 'python3.13.5'])
    assert.deepEqual(await runtimeKind(word).ensure(word, noProgress(), { run, machine }), runtime)
  assert.equal(apt.calls.length, before)
  removeRuntime('python', '3.13.5')
  assert.equal((await ensure()).key, runtime.key)
})

test('a version that no suite has is named with those that there are', () => {
  for (const [word, code, fix] of [
    ['python3.12', 'UFR-RUNTIME', /python3\.13 or python3\.11/],
    ['python3.9', 'UFR-RUNTIME', /python3\.13/],
    ['python2.7', 'UFR-USAGE', /python3\.13/],
    ['python-3', 'UFR-USAGE', /python3\.13/],
  ] as const) {
    assert.throws(
      () => pythonSource(word),
      (error) => error instanceof UfrError && error.code === code && fix.test(error.fix),
      word,
    )
  }
})

test('words that name a runtime find their kind; others are told what there is', () => {
  for (const [word, language] of [
    ['node@24', 'node'],
    ['nodejs24.x', 'node'],
    ['node', 'node'],
    ['python@3.11', 'python'],
    ['python', 'python'],
    ['py3', 'python'],
  ] as const)
    assert.equal(runtimeKind(word).language, language, word)
  for (const word of ['', 'pytohn', 'ruby@3', 'nodes', 'pypy3', '3.13']) {
    assert.throws(
      () => runtimeKind(word),
      (error) =>
        error instanceof UfrError && error.code === 'UFR-USAGE' && /node@24.*python@3\.13/.test(error.fix),
      word,
    )
  }
})

test('packages that are not as expected are an error, and nothing stays', async () => {
  const broken = packages()
  delete broken['libpython3.13-minimal']!.files!['usr/lib/python3.13/os.py']
  apt.mirror = broken
  await assert.rejects(ensure(), /no standard library of python3\.13/)
  apt.mirror = { ...packages(), 'python3-pip-whl': { version: '25', files: {} } }
  apt.lists = {}
  await assert.rejects(ensure(), /holds no pip/)
  assert.deepEqual(listRuntimes(), { runtimes: [], broken: [] })
  assert.deepEqual(filesBelow(homePath('runtimes')), ['python.lock'])
})

test('tests, installers and what needs a terminal stay out; all else goes in', () => {
  for (const name of [
    'os.py',
    'asyncio',
    'lib-dynload/_asyncio.cpython-313-x86_64-linux-gnu.so',
    'unittest',
    'dbm/dumb.py',
  ])
    assert.ok(isWanted(name), name)
  for (const name of [
    'test',
    'venv',
    'lib-dynload/_testcapi.cpython-313-x86_64-linux-gnu.so',
    'json/__pycache__',
    'curses',
  ])
    assert.ok(!isWanted(name), name)
})

test("the runtime's interpreter runs on the host with its own libraries and no settings of another Python", () => {
  const before = process.env['PYTHONPATH']
  process.env['PYTHONPATH'] = '/elsewhere'
  try {
    const { command, args, env } = hostPython({ root: '/r', program: 'usr/bin/python3.13' })
    assert.equal(command, '/r/lib64/ld-linux-x86-64.so.2')
    assert.deepEqual(args.slice(2), ['--library-path', '/r/lib/x86_64-linux-gnu', '/r/usr/bin/python3.13'])
    assert.equal(env['PYTHONHOME'], '/r/usr')
    assert.equal(env['PYTHONPATH'], undefined)
    assert.equal(env['PATH'], process.env['PATH'])
  } finally {
    if (before === undefined) delete process.env['PYTHONPATH']
    else process.env['PYTHONPATH'] = before
  }
})
