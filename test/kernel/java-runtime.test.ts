import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import { noProgress } from '../../src/base/progress.ts'
import { chooseJdk } from '../../src/kernel/java/choose.ts'
import { ensureJavaRuntime } from '../../src/kernel/java/java-runtime.ts'
import { hostHome, hostJdks, javaCommand, storedJdk } from '../../src/kernel/java/jdk.ts'
import { javaMajor } from '../../src/kernel/java/version.ts'
import { listRuntimes } from '../../src/kernel/runtimes.ts'
import { elfFixture } from './elf-fixture.ts'
import { type FakeApt, type FakePackage, fakeApt, fakeMachine } from './fake-apt.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const jdk = 'usr/lib/jvm/java-21-openjdk-amd64'
const system = 'usr/lib/x86_64-linux-gnu'
const library = elfFixture({ needed: ['libc.so.6'] })
let apt: FakeApt
let machine = ''

function packages(): Record<string, FakePackage> {
  const others = ['zlib1g', 'libgcc-s1', 'libjpeg62-turbo', 'liblcms2-2']
  return {
    ...Object.fromEntries(others.map((name) => [name, { version: '1' }])),
    'openjdk-21-jdk-headless': {
      version: '21.0.8',
      depends: 'openjdk-21-jre-headless, ca-certificates-java',
      files: { [`${jdk}/bin/javac`]: library, [`${jdk}/jmods/java.base.jmod`]: 'jmod' },
    },
    'openjdk-21-jre-headless': {
      version: '21.0.8',
      files: {
        [`${jdk}/release`]: 'JAVA_VERSION="21.0.8"\nOS_NAME="Linux"\n',
        [`${jdk}/bin/java`]: library,
        [`${jdk}/lib/server/libjvm.so`]: elfFixture({ needed: ['libstdc++.so.6', 'libc.so.6'] }),
        [`${jdk}/lib/libawt_xawt.so`]: elfFixture({ needed: ['libX11.so.6'] }),
        [`${jdk}/conf/net.properties`]: '->/etc/java-21-openjdk/net.properties',
        [`${jdk}/conf/gone.properties`]: '->/etc/java-21-openjdk/gone.properties',
        [`${jdk}/lib/src.zip`]: '->../../openjdk-21/src.zip',
        [`${jdk}/legal/a`]: 'text',
        [`${jdk}/legal/b`]: '->a',
        'etc/java-21-openjdk/net.properties': 'a=b',
      },
    },
    libc6: {
      version: '2.41',
      files: {
        'usr/lib64/ld-linux-x86-64.so.2': elfFixture({ needed: [] }),
        [`${system}/libc.so.6`]: elfFixture({ needed: [] }),
        [`${system}/librt.so.1`]: library,
        [`${system}/libunused.so.1`]: library,
      },
    },
    'libstdc++6': { version: '14', files: { [`${system}/libstdc++.so.6`]: library } },
  }
}

beforeEach(() => {
  apt = fakeApt(packages())
  machine = fakeMachine(home.folder())
})

const get = () => ensureJavaRuntime(21, noProgress(), { run: apt.run, machine })

test('java: what names it', () => {
  for (const word of ['java21', 'java@21', 'jdk-21', 'openjdk21', 'java21.al2'])
    assert.equal(javaMajor(word), 21, word)
  assert.equal(javaMajor('java'), undefined)
  assert.throws(() => javaMajor('java11'), { code: 'UFR-RUNTIME', message: /java11 is too old/ })
  assert.throws(() => javaMajor('javascript'), { code: 'UFR-USAGE' })
})

test('java: a JDK of packages, its links settled, with the libraries that it and native code in jars need', async () => {
  const runtime = await get()
  assert.deepEqual(
    [runtime.language, runtime.version, runtime.program],
    ['java', '21.0.8', 'usr/lib/jvm/jdk/bin/java'],
  )
  const to = 'usr/lib/jvm/jdk'
  assert.deepEqual(filesBelow(path.join(runtime.root, to)), [
    ...['bin/java', 'bin/javac', 'conf/net.properties', 'jmods/java.base.jmod', 'legal/a', 'legal/b'],
    ...['lib/server/libjvm.so', 'release'],
  ])
  assert.ok(fs.lstatSync(path.join(runtime.root, to, 'conf/net.properties')).isFile())
  const names = filesBelow(runtime.root).map((name) => path.basename(name))
  for (const name of ['libc.so.6', 'librt.so.1', 'libstdc++.so.6']) assert.ok(names.includes(name), name)
  assert.ok(!names.includes('libunused.so.1') && !names.includes('libawt_xawt.so'))
  const before = apt.calls.length
  assert.equal((await get()).key, runtime.key)
  assert.equal(apt.calls.length, before, 'what is there is not fetched again')
})

test('java: packages without a JDK leave nothing behind', async () => {
  delete apt.mirror['openjdk-21-jre-headless']!.files![`${jdk}/release`]
  await assert.rejects(get(), { code: 'UFR-RUNTIME', message: /hold no JDK/ })
  assert.deepEqual(listRuntimes(), { runtimes: [], broken: [] })
  await assert.rejects(ensureJavaRuntime(19, noProgress(), { run: apt.run, machine }), {
    ...{ code: 'UFR-RUNTIME', message: /Java 19 is not among what can be fetched: 17, 21, 25/ },
  })
})

test('java: one of the store is started by its own dynamic linker, by build tools as well', async () => {
  const stored = storedJdk(await get())
  const java = path.join(stored.home, 'bin/java')
  const words = javaCommand(stored, java)
  assert.deepEqual(words.slice(1), ['--library-path', path.join(stored.root, 'lib/x86_64-linux-gnu'), java])
  const script = fs.readFileSync(path.join(hostHome(stored), 'bin/java'), 'utf8')
  assert.ok(script.startsWith('#!/bin/sh\nexec ') && script.includes(`'${java}'`), script)
  assert.equal(javaCommand({ root: '/' }, '/x/java').length, 1)
})

test('java: the first that fits is chosen: of the host, of the store', async () => {
  const made = (major: number) => {
    const folder = home.beside(`jdk-${major}`)
    for (const name of ['bin/javac', 'bin/jlink', 'bin/java', 'lib/modules', 'lib/server/libjvm.so']) {
      fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
      fs.writeFileSync(path.join(folder, name), '')
    }
    fs.writeFileSync(path.join(folder, 'release'), `JAVA_VERSION="${major}.0.1"\n`)
    return hostJdks({ JAVA_HOME: folder })[0]!
  }
  const [old, seventeen, twentyfive] = [11, 17, 25].map(made)
  const host = [old!, seventeen!, twentyfive!]
  const choose = async (wanted: number | undefined, least = 0) =>
    (await chooseJdk(wanted, least, noProgress(), host)).version
  assert.equal(await choose(undefined), '17.0.1')
  assert.equal(await choose(undefined, 21), '25.0.1')
  assert.equal(await choose(25), '25.0.1')
  await get()
  assert.equal(await choose(21), '21.0.8')
  // A run-time environment without a compiler is none of them.
  fs.rmSync(path.join(home.beside('jdk-17'), 'bin/javac'))
  assert.ok(!hostJdks({ JAVA_HOME: home.beside('jdk-17') }).some(({ version }) => version === '17.0.1'))
})
