import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import type { Runner } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { fetchPackages, parsePackages } from '../../src/kernel/debian/packages.ts'
import { type FakeApt, failed, fakeApt, fakeMachine } from './fake-apt.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
let apt: FakeApt
let machine = ''
const target = () => home.beside('target')

beforeEach(() => {
  machine = fakeMachine(home.beside('etc-apt'))
  apt = fakeApt({
    libc6: { version: '2.36-9', files: { 'lib/libc.so.6': 'libc' } },
    meta: {
      version: '1',
      depends: 'other (>= 3), linux-image-6.1.0-1-cloud (= 6.1-1) | x',
      files: { 'usr/x': '' },
    },
    'linux-image-6.1.0-1-cloud': { version: '6.1-1', files: { 'boot/vmlinuz': 'linux' } },
  })
})

function fetch(names: string[], run: Runner = apt.run) {
  return fetchPackages(names, target(), noProgress(), { run, machine, instead: 'do it otherwise.' })
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('packages are fetched, checked and unpacked, with versions and sums', async () => {
  const [got] = await fetch(['libc6'])
  assert.equal(got?.name, 'libc6')
  assert.equal(got?.version, '2.36-9')
  assert.match(got?.sha256 ?? '', /^[0-9a-f]{64}$/)
  assert.deepEqual(filesBelow(target()), ['lib/libc.so.6'])
  assert.deepEqual(apt.calls, [
    'apt-config dump',
    'apt-get -q update',
    'apt-cache show --no-all-versions libc6',
    'apt-get -q download libc6=2.36-9',
    'dpkg-deb -x',
  ])
  assert.deepEqual(
    filesBelow(homePath('apt')).filter((name) => name.endsWith('.deb')),
    [],
  )
})

test('of a metapackage, what it depends on is fetched', async () => {
  const packages = await fetch(['meta>linux-image-', 'libc6'])
  assert.deepEqual(
    packages.map((each) => each.name),
    ['linux-image-6.1.0-1-cloud', 'libc6'],
  )
  assert.deepEqual(filesBelow(target()), ['boot/vmlinuz', 'lib/libc.so.6'])
})

test('of what packages depend on, what is asked for is fetched too, however deep; nothing comes twice', async () => {
  apt.mirror = {
    tool: { version: '1', depends: 'liba (>= 1), base-files, libnone | libz' },
    liba: { version: '2', depends: 'libb | libz, tool' },
    libb: { version: '3', depends: 'liba, libc6:any', files: { 'lib/libb.so': 'b' } },
    libc6: { version: '4' },
    libz: { version: '5' },
    'base-files': { version: '6' },
  }
  const options = { run: apt.run, machine, suite: 'trixie', follow: /^lib/ }
  const packages = await fetchPackages(['tool'], target(), noProgress(), options)
  assert.deepEqual(
    packages.map(({ name }) => name),
    ['tool', 'liba', 'libb', 'libc6'],
  )
  assert.deepEqual(filesBelow(target()), ['lib/libb.so'])
})

test('another suite has an apt of its own', async () => {
  await fetch(['libc6'])
  await fetchPackages(['libc6'], target(), noProgress(), { run: apt.run, machine, suite: 'trixie' })
  assert.match(fs.readFileSync(homePath('apt/etc/sources.list'), 'utf8'), / bookworm main/)
  assert.match(fs.readFileSync(homePath('apt-trixie/etc/sources.list'), 'utf8'), / trixie main/)
  assert.equal(apt.calls.filter((call) => call.includes('update')).length, 2)
})

test('lists are updated once a day, when sources change, and when a package is missing', async () => {
  const updates = () => apt.calls.filter((call) => call.includes('update')).length
  await fetch(['libc6'])
  await fetch(['libc6'])
  assert.equal(updates(), 1)
  fs.appendFileSync(path.join(machine, 'sources.list'), 'deb http://other.example/debian sid main\n')
  await fetch(['libc6'])
  assert.equal(updates(), 2)
  apt.mirror = { ...apt.mirror, tzdata: { version: '1', files: {} } }
  await fetch(['tzdata'])
  assert.equal(updates(), 3)
  fs.utimesSync(homePath('apt/state/updated'), 0, 0)
  await fetch(['libc6'])
  assert.equal(updates(), 4)
})

test('an archive that does not answer is no obstacle, and is not waited for again', async () => {
  const run: Runner = async (command, args, options) => {
    const result = await apt.run(command, args, options)
    if (args.includes('update')) throw failed('apt-get', 100, 'E: Failed to fetch http://vendor.example/')
    return result
  }
  await fetch(['libc6'], run)
  await fetch(['libc6'], run)
  assert.equal(apt.calls.filter((call) => call.includes('update')).length, 1)
})

test('a version that the mirror has replaced is looked up anew', async () => {
  await fetch(['libc6'])
  apt.mirror = { libc6: { version: '2.36-10', files: { 'lib/libc.so.6': 'newer' } } }
  const [got] = await fetch(['libc6'])
  assert.equal(got?.version, '2.36-10')
  assert.equal(fs.readFileSync(path.join(target(), 'lib/libc.so.6'), 'utf8'), 'newer')
})

test("our apt has folders and sources of its own; of the machine's settings only those of the network", async () => {
  await fetch(['libc6'])
  const sources = fs.readFileSync(homePath('apt/etc/sources.list'), 'utf8')
  assert.match(sources, /^deb \[arch=amd64.*\] http:\/\/mirror.example\/debian bookworm main$/m)
  const configuration = fs.readFileSync(homePath('apt/etc/apt.conf'), 'utf8')
  assert.match(configuration, /Acquire::http::Proxy "http:\/\/proxy:1";/)
  assert.ok(!configuration.includes('evil'))
  assert.ok(configuration.includes(`Dir::State "${homePath('apt/state')}/"`))
  assert.equal(fs.statSync(homePath('apt/etc/apt.conf')).mode & 0o777, 0o600)
})

test('offline, packages that are missing are named, with what apt said and another way', async () => {
  apt.offline = true
  const error = await failure(fetch(['libc6', 'meta>linux-image-']))
  assert.equal(error.code, 'UFR-DEBIAN')
  assert.match(error.message, /libc6, meta/)
  assert.match(error.fix, /do it otherwise/)
  assert.deepEqual(error.detail, ['W: Failed to fetch http://mirror.example/'])
})

test('with lists but no mirror, the download is what fails', async () => {
  await fetch(['libc6'])
  apt.offline = true
  const error = await failure(fetch(['libc6']))
  assert.equal(error.code, 'UFR-DEBIAN')
  assert.deepEqual(error.detail, ['E: Failed to fetch libc6=2.36-9'])
  assert.deepEqual(
    filesBelow(homePath('apt')).filter((name) => name.includes('.tmp-')),
    [],
  )
})

test('a package whose sum is not that of the index is refused', async () => {
  const run: Runner = async (command, args, options) => {
    const result = await apt.run(command, args, options)
    if (args.includes('download')) fs.appendFileSync(path.join(options?.cwd ?? '', 'libc6_2.36-9.deb'), 'x')
    return result
  }
  const error = await failure(fetch(['libc6'], run))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.equal(error.detail.length, 2)
  assert.deepEqual(filesBelow(target()), [])
})

test('without apt, or without a Debian archive, the error says what to do', async () => {
  const missing: Runner = async (command) => {
    throw new UfrError('UFR-COMMAND', `${command} is not installed (not found on PATH)`)
  }
  const error = await failure(fetch(['libc6'], missing))
  assert.equal(error.code, 'UFR-DEBIAN')
  assert.match(error.message, /libc6.*not installed/)
  assert.match(error.fix, /Run on Debian.* do it otherwise/)
  fs.writeFileSync(path.join(machine, 'sources.list'), 'deb http://ubuntu.example/ubuntu noble main\n')
  const other = await failure(fetch(['libc6']))
  assert.match(other.message, /no Debian archive among the package sources/)
  assert.match(other.fix, /bookworm/)
})

test('an apt-cache that fails for another reason is not taken for an unknown package', async () => {
  const run: Runner = async (command, args, options) => {
    if (command === 'apt-cache') throw failed('apt-cache', 127, 'no libapt')
    return apt.run(command, args, options)
  }
  assert.deepEqual((await failure(fetch(['libc6'], run))).detail, ['no libapt'])
})

test('stanzas are read with their first dependencies', () => {
  const sum = 'a'.repeat(64)
  const text = `Package: a\nVersion: 1:2-3\nDepends: b (>= 1) | c, d:any, e\nSHA256: ${sum}\n\nPackage: a\nVersion: 0\nSHA256: ${sum}\n`
  assert.deepEqual(
    [...parsePackages(text).values()],
    [{ name: 'a', version: '1:2-3', sha256: sum, depends: ['b', 'd', 'e'] }],
  )
  assert.equal(parsePackages('').size, 0)
})
