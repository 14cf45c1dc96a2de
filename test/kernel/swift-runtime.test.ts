import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import type { UfrError } from '../../src/base/errors.ts'
import { noProgress } from '../../src/base/progress.ts'
import { runtimeKind } from '../../src/kernel/runtime-kinds.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { replacePrograms } from '../../src/kernel/swift/scripts.ts'
import { ensureSwiftRuntime } from '../../src/kernel/swift/swift-runtime.ts'
import { findSwift, swiftLibraries } from '../../src/kernel/swift/toolchain.ts'
import { swiftVersion } from '../../src/kernel/swift/version.ts'
import { type FakeApt, type FakePackage, fakeApt, fakeMachine } from './fake-apt.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const swift = 'usr/libexec/swift'
const libraries = 'usr/lib/x86_64-linux-gnu'
let apt: FakeApt
let machine = ''

/** Prints how it was started, as the toolchain's dynamic linker would start the programs. */
const linker = '#!/bin/sh\necho "$SDKROOT" "$@"\n'

function packages(): Record<string, FakePackage> {
  const others = [
    'libc6-dev',
    'linux-libc-dev',
    'libstdc++-14-dev',
    'libgcc-14-dev',
    'libstdc++6',
    'libgcc-s1',
  ]
  return {
    ...Object.fromEntries(others.map((name) => [name, { version: '1' }])),
    swiftlang: {
      version: '6.0.3-2',
      depends: 'libc6, libpython3.13, libxml2, debconf, gcc',
      files: {
        [`${swift}/bin/swift-driver`]: 'driver',
        [`${swift}/bin/swiftc`]: '->swift-driver',
        [`${swift}/bin/swift-build`]: 'build',
        [`${swift}/bin/swift-package`]: 'build',
        [`${swift}/bin/clang`]: 'clang',
        [`${swift}/bin/lldb`]: 'debugger',
        [`${swift}/lib/liblldb.so.17.0.0`]: 'debugger',
        'usr/share/doc/swiftlang/copyright': 'text',
      },
    },
    libswiftlang: { version: '6.0.3-2', files: { [`${swift}/lib/swift/linux/libswiftCore.so`]: 'core' } },
    libc6: { version: '2.41-12', files: { 'usr/lib64/ld-linux-x86-64.so.2': linker } },
    libxml2: { version: '2', files: { [`${libraries}/libxml2.so.2`]: 'xml' } },
    'libpython3.13': { version: '3', files: { [`${libraries}/libpython3.13.so`]: 'unwanted' } },
  }
}

beforeEach(() => {
  apt = fakeApt(packages())
  machine = fakeMachine(home.folder())
})

const get = () => ensureSwiftRuntime('6.0', noProgress(), { run: apt.run, machine })

test('swift: what names it, and versions that cannot be had', () => {
  for (const word of ['swift', 'swift@6', 'swift@6.0', 'swift-6.0.3', 'swift6', 'Swift@6.0', 'swiftlang']) {
    assert.equal(runtimeKind(word).language, 'swift', word)
    assert.equal(swiftVersion(word), '6.0', word)
  }
  for (const word of ['swift@5.10', 'swift@6.1', 'swift7']) {
    assert.throws(() => swiftVersion(word), { code: 'UFR-RUNTIME', fix: /swift\.org/ }, word)
  }
  assert.throws(() => swiftVersion('swift@new'), { code: 'UFR-USAGE' })
})

test('swift: a toolchain of packages, with the C library that it is made for', async () => {
  const runtime = await get()
  assert.deepEqual(
    [runtime.language, runtime.version, runtime.program],
    ['swift', '6.0.3', `${swift}/bin/swiftc`],
  )
  // What is seen by way of the links is seen once more.
  const files = filesBelow(runtime.root).filter((name) => !/^lib(64)?\//.test(name))
  assert.deepEqual(files, [
    'SDKSettings.json',
    'lib',
    'lib64',
    `${libraries}/libxml2.so`,
    `${libraries}/libxml2.so.2`,
    'usr/lib64/ld-linux-x86-64.so.2',
    ...['clang', 'ld.so', 'swift-build', 'swift-driver', 'swift-package', 'swiftc', 'swiftc-here'].map(
      (name) => `${swift}/bin/${name}`,
    ),
    `${swift}/lib/swift/linux/libswiftCore.so`,
    ...['clang', 'swift-build', 'swift-driver', 'swift-package', 'swiftc'].map(
      (name) => `${swift}/programs/${name}`,
    ),
  ])
  assert.equal(fs.readlinkSync(path.join(runtime.root, 'lib64')), 'usr/lib64')
  assert.ok(!runtime.packages.some(({ name }) => /python|debconf|^gcc$/.test(name)))
  const before = apt.calls.length
  assert.equal((await get()).key, runtime.key)
  assert.equal(apt.calls.length, before, 'what is there is not fetched again')
})

test('swift: packages without a toolchain leave nothing behind', async () => {
  delete apt.mirror['libc6']?.files
  await assert.rejects(get(), { code: 'UFR-RUNTIME', message: /no Swift toolchain/ })
  assert.deepEqual(listRuntimes(), { runtimes: [], broken: [] })
  assert.deepEqual(filesBelow(home.beside('home/downloads')), [])
})

test('swift: programs are started by their own dynamic linker, wherever the toolchain is', async () => {
  const { root } = await get()
  const moved = home.beside("an other's $place")
  fs.renameSync(root, moved)
  const bin = `${moved}/${swift}/bin`
  const said = (name: string, ...args: string[]) =>
    execFileSync(path.join(bin, name), args, { encoding: 'utf8' }).trimEnd()
  const start = (name: string) =>
    `${moved} --library-path ${moved}/${libraries} --argv0 ${bin}/${name} ${bin}/../programs/${name}`
  assert.equal(said('swiftc', '-O', 'two words'), `${start('swiftc')} -O two words`)
  assert.match(said('clang', '-c'), /^.* --sysroot=.* -fuse-ld=lld \S+ -c$/)
  const here = said('swiftc-here', '-o', 'manifest')
  assert.ok(here.startsWith(`${start('swiftc')} -Xlinker --dynamic-linker=${bin}/ld.so`), here)
  assert.match(here, /-lm -lstdc\+\+ -lgcc_s -o manifest$/)
  assert.throws(() => replacePrograms(home.beside('nothing'), 'ld.so'), { code: 'ENOENT' })
})

test("swift: a compiler of the host's is used before that of the store", async (t) => {
  const [PATH, HOME] = [process.env['PATH'], process.env['HOME']]
  t.after(() => Object.assign(process.env, { PATH, HOME }))
  const tools = home.beside('usr/bin')
  fs.mkdirSync(tools, { recursive: true })
  Object.assign(process.env, { PATH: tools, HOME: home.folder() })
  assert.throws(
    () => findSwift('/f'),
    (error: UfrError) => {
      assert.deepEqual(
        [error.code, error.message],
        ['UFR-TOOLCHAIN', '/f is built with Swift, which is not installed'],
      )
      assert.match(error.fix ?? '', /^`ufr runtime pull swift` fetches it/)
      return true
    },
  )
  process.env['PATH'] = PATH
  const stored = await get()
  process.env['PATH'] = tools
  const ofStore = findSwift('/f')
  assert.deepEqual([ofStore.root, ofStore.key], [stored.root, stored.key])
  assert.equal(ofStore.env['SWIFT_EXEC_MANIFEST'], path.join(stored.root, swift, 'bin/swiftc-here'))
  assert.deepEqual(swiftLibraries(), [{ root: stored.root, folder: `/${swift}/lib/swift/linux` }])
  for (const name of ['swiftc', 'swift'])
    fs.writeFileSync(path.join(tools, name), '#!/bin/sh\n', { mode: 0o755 })
  const ofHost = findSwift('/f')
  assert.deepEqual([ofHost.root, ofHost.swiftc], ['/', path.join(tools, 'swiftc')])
  assert.deepEqual(ofHost.packages, {
    build: [path.join(tools, 'swift'), 'build'],
    other: [path.join(tools, 'swift'), 'package'],
  })
})
