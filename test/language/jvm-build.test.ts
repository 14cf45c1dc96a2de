import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { UfrError } from '../../src/base/errors.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { writeZip } from '../../src/image/formats/zip/writer.ts'
import type { Jdk } from '../../src/kernel/java/jdk.ts'
import { reachable } from '../../src/language/jvm/archive.ts'
import { buildProject } from '../../src/language/jvm/build-tool.ts'
import { openClassPath } from '../../src/language/jvm/class-path.ts'
import { folderJars } from '../../src/language/jvm/folder-jars.ts'
import { gradle } from '../../src/language/jvm/gradle.ts'
import { openJar } from '../../src/language/jvm/jar.ts'
import { settleLinks } from '../../src/language/jvm/jre.ts'
import { maven, programJar } from '../../src/language/jvm/maven.ts'
import { findProject } from '../../src/language/jvm/project.ts'
import { unpackSpringBoot } from '../../src/language/jvm/spring-boot.ts'
import { startOf } from '../../src/language/jvm/start.ts'
import { makeFolder } from '../function/make.ts'
import { classFile, jar, mainMethod, place } from './jvm-classes.ts'

const jdk: Jdk = { major: 17, version: '17.0.1', home: '/jdk', root: '/', key: 'k' }
const main = { name: 'app.Main', methods: [mainMethod] }

/** A folder, and a UFR_HOME of the test's own. */
function setUp(t: TestContext, files: Record<string, string | Uint8Array>): FunctionSpec {
  const before = process.env['UFR_HOME']
  process.env['UFR_HOME'] = makeFolder(t, {}, 'home')
  t.after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
  })
  const folder = place(makeFolder(t, {}), files)
  return {
    ...{ name: 'f', folder, runtime: 'java', shape: 'program', args: [], environment: {} },
    ...{ memoryMiB: 512, cpus: 1, timeoutSeconds: 30, files: [], network: 'none' },
  }
}

const names = (entries: readonly { name: string }[]) => entries.map(({ name }) => name)

test('a Gradle project is built by its wrapper, and only when something has changed', async (t) => {
  // Stands in for Gradle, whose distributions are not to be had everywhere: it does what ufr asks Gradle for.
  const gradlew = `#!/bin/sh
set -e
test "$JAVA_HOME" = /jdk
for word; do case $word in -Dufr.libraries=*) to=\${word#*=};; esac; done
test -f "$to/ufr.gradle"
echo "$*" >> ../calls
mkdir -p build/libs
cp made.bin build/libs/f-plain.jar
cp made.bin build/libs/f-all.jar
cp made.bin "$to/dep-1.0.jar"
`
  const spec = setUp(t, {
    'build.gradle.kts': '',
    gradlew,
    'made.bin': jar([main]),
    'src/main/java/A.java': '',
  })
  assert.equal(findProject(spec.folder)?.kind, 'gradle')
  const build = () => buildProject(spec, gradle, jdk, noProgress())
  const entries = await build()
  assert.deepEqual(names(entries), ['function.jar', 'lib/dep-1.0.jar'])
  assert.ok(openJar(entries[0]!.file).entries.has('app/Main.class'))
  assert.deepEqual(await build(), entries)
  const calls = () => fs.readFileSync(path.join(spec.folder, '../calls'), 'utf8').trim().split('\n')
  assert.equal(calls().length, 1)
  assert.match(calls()[0]!, /^--console=plain -q --init-script .* assemble ufrLibraries$/)
  fs.writeFileSync(path.join(spec.folder, 'src/main/java/A.java'), 'class A {}')
  await build()
  assert.equal(calls().length, 2)
})

test("a build tool's words are passed on with file and line, and nothing is kept", async (t) => {
  const failing = (text: string) => `#!/bin/sh\ncat <<'E'\n${text}\nE\nexit 1\n`
  const spec = setUp(t, {
    'build.gradle': '',
    gradlew: failing(
      'e: file://F/src/A.kt:3:5 Unresolved reference: x\nFAILURE: Build failed\n* Try:\n> Run with --info',
    ),
    'pom.xml': '',
    mvnw: failing(
      '[INFO] Building\n[ERROR] COMPILATION ERROR : \n[ERROR] F/src/A.java:[7,9] cannot find symbol\n[ERROR] -> [Help 1]\n[ERROR] \n',
    ),
  })
  for (const name of ['gradlew', 'mvnw']) {
    const file = path.join(spec.folder, name)
    fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replaceAll('F/', `${spec.folder}/`))
  }
  const failed = (tool: typeof maven) =>
    buildProject(spec, tool, jdk, noProgress()).then(
      () => assert.fail('built'),
      (error: UfrError) => error,
    )
  const byGradle = await failed(gradle)
  assert.equal(byGradle.code, 'UFR-BUILD')
  assert.equal(byGradle.message, 'Gradle could not build f: src/A.kt:3:5 Unresolved reference: x')
  assert.deepEqual(byGradle.detail, ['src/A.kt:3:5 Unresolved reference: x'])
  const byMaven = await failed(maven)
  assert.equal(byMaven.message, 'Maven could not build f: src/A.java:7:9: cannot find symbol')
  assert.deepEqual(fs.readdirSync(path.join(process.env['UFR_HOME']!, 'jvm', 'builds')), [])
  fs.chmodSync(path.join(spec.folder, 'gradlew'), 0o644)
  assert.match((await failed(gradle)).fix!, /^chmod \+x /)
  fs.writeFileSync(path.join(spec.folder, 'mvnw'), '#!/bin/sh\nexit 0\n')
  assert.match((await failed(maven)).message, /left no jar where it usually does/)
})

test('of the jars of a build the one that runs is taken', (t) => {
  const of = (...files: string[]) => {
    const folder = makeFolder(t, Object.fromEntries(files.map((name) => [name, ''])))
    return path.basename(programJar(folder) ?? '')
  }
  assert.equal(of('app-1.0.jar', 'app-1.0-sources.jar', 'app-1.0-javadoc.jar'), 'app-1.0.jar')
  assert.equal(of('app-1.0.jar', 'app-1.0-jar-with-dependencies.jar'), 'app-1.0-jar-with-dependencies.jar')
  assert.equal(of('app-1.0.jar', 'original-app-1.0.jar', 'app-1.0.jar.original'), 'app-1.0.jar')
  assert.equal(of('app-1.0-plain.jar', 'app-1.0.jar'), 'app-1.0.jar')
  assert.equal(of('app-sources.jar'), '')
})

test('the class path is what java itself would have', async (t) => {
  const spec = setUp(t, {
    'app.jar': jar([main], 'Main-Class: app.Main\nClass-Path: lib/a.jar ../out.jar gone.jar http://x/y.jar'),
    'lib/a.jar': jar([], 'Class-Path: b%20c.jar'),
    'lib/b c.jar': jar([]),
    'classes/app/Main.class': classFile(main),
    'classes/text.txt': 'resource',
    'classes/notes.jar': jar([]),
  })
  const entries = async (args: string[], command = 'java') => {
    const said = { ...spec, command, args }
    const start = startOf(said, () => '')
    return folderJars(said, findProject(spec.folder)!, start, noProgress())
  }
  assert.deepEqual(names(await entries([], 'app.jar')), ['app.jar', 'lib/a.jar', 'lib/b c.jar'])
  assert.deepEqual(names(await entries(['-jar', './app.jar', 'x'])), ['app.jar', 'lib/a.jar', 'lib/b c.jar'])
  const named = await entries(['-Xmx64m', '-cp', 'classes:lib/*:app.jar', 'app.Main'])
  assert.deepEqual(names(named), ['.ufr/classes.jar', 'lib/a.jar', 'lib/b c.jar', 'app.jar'])
  const packed = [...openJar(named[0]!.file).entries.keys()]
  assert.deepEqual(packed, ['app/Main.class', 'text.txt'])
  // By the name of a class: loose classes first, then all jars, those at the top before others.
  assert.deepEqual(names(await entries([], 'app.Main')).slice(0, 2), ['.ufr/classes.jar', 'app.jar'])
  for (const wrong of ['gone.jar', 'gone/*', '../x', '/etc'])
    await assert.rejects(entries(['-cp', wrong, 'app.Main']), {
      code: 'UFR-PROGRAM',
      message: /class path of f names/,
    })
  await assert.rejects(entries([], 'gone.jar'), {
    ...{ code: 'UFR-PROGRAM', detail: ['there are: app.jar, classes/notes.jar, lib/a.jar, lib/b c.jar'] },
  })
  await assert.rejects(entries(['-Xmx64m']), { message: /java without a class or a jar/ })
})

test('a jar of Spring Boot is taken apart, in the order that it says', async (t) => {
  const library = (name: string) => jar([{ name }]).toString('latin1')
  const inside = {
    'BOOT-INF/classes/app.properties': 'a=b',
    'BOOT-INF/classpath.idx': '- "BOOT-INF/lib/b.jar"\n- "BOOT-INF/lib/gone.jar"\n',
    'META-INF/services/x.Y': 'x.Z',
  }
  const launcher = { name: 'org.springframework.boot.loader.launch.JarLauncher' }
  const manifest = `Main-Class: ${launcher.name}\nStart-Class: app.Main`
  const packed = (text = manifest) =>
    writeZip([
      ['META-INF/MANIFEST.MF', Buffer.from(`Manifest-Version: 1.0\n${text}\n`)],
      ['BOOT-INF/classes/app/Main.class', classFile(main)],
      ...Object.entries(inside).map(([name, content]) => [name, Buffer.from(content)] as const),
      ...['a', 'b'].map(
        (name) => [`BOOT-INF/lib/${name}.jar`, Buffer.from(library(name), 'latin1')] as const,
      ),
    ])
  const spec = setUp(t, { 'app.jar': packed(), 'other.jar': packed(manifest.replace('JarL', 'PropertiesL')) })
  const entry = (name: string) => ({ name, file: path.join(spec.folder, name) })
  const found = await unpackSpringBoot([entry('app.jar'), entry('more.jar')], noProgress())
  assert.equal(found.main, 'app.Main')
  assert.deepEqual(names(found.entries), [
    ...['.ufr/boot/app.jar', '.ufr/boot/lib/b.jar', '.ufr/boot/lib/a.jar', 'more.jar'],
  ])
  const classPath = openClassPath(found.entries.slice(0, 3).map(({ file }) => file))
  assert.deepEqual([...classPath.jars[0]!.entries.keys()].sort(), [
    ...['META-INF/MANIFEST.MF', 'META-INF/services/x.Y', 'app.properties', 'app/Main.class'],
  ])
  assert.ok(classPath.find('a') && classPath.find('b'))
  const other = [entry('other.jar')]
  assert.equal((await unpackSpringBoot(other, noProgress())).entries, other)
})

test('classes that only files name are found as well', (t) => {
  const more = { 'META-INF/services/x.Y': '# x.No\nlib.Provider\njava.lang.Object\n' }
  const folder = makeFolder(t, {
    'a.jar': jar([{ ...main, references: ['lib.Near', 'java.util.List'] }], undefined, more),
    'b.jar': jar([
      { name: 'lib.Near', references: ['lib.Far'] },
      { name: 'lib.Far' },
      { name: 'lib.Provider' },
    ]),
  })
  const classPath = openClassPath([`${folder}/a.jar`, `${folder}/b.jar`])
  const found = reachable(classPath, 'app.Main')
  assert.equal(found[0], 'app.Main')
  for (const name of ['lib.Near', 'lib.Far', 'lib.Provider', 'java.util.List'])
    assert.ok(found.includes(name), name)
  assert.ok(!found.includes('x.No'))
})

test('links of a runtime become files, and those that lead nowhere are left out by name', (t) => {
  const outside = makeFolder(t, { 'net.properties': 'a=b' }, 'etc')
  const home = makeFolder(t, { 'lib/server/libjvm.so': 'x' }, 'jre')
  fs.symlinkSync('server/libjvm.so', path.join(home, 'lib/libjvm.so'))
  fs.symlinkSync(path.join(outside, 'net.properties'), path.join(home, 'lib/net.properties'))
  fs.symlinkSync('../../src.zip', path.join(home, 'lib/src.zip'))
  fs.symlinkSync('loop', path.join(home, 'lib/loop'))
  const notes: string[] = []
  settleLinks(home, { ...noProgress(), note: (text) => void notes.push(text) })
  assert.deepEqual(fs.readdirSync(path.join(home, 'lib')).sort(), ['libjvm.so', 'net.properties', 'server'])
  assert.ok(fs.lstatSync(path.join(home, 'lib/libjvm.so')).isSymbolicLink())
  assert.ok(fs.lstatSync(path.join(home, 'lib/net.properties')).isFile())
  assert.equal(notes.length, 2)
  assert.match(notes.join(' '), /The link lib\/src\.zip of the Java runtime leads to .* and is left out/)
})
