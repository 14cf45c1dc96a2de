import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import {
  checkHandlerClass,
  checkVersions,
  neededJava,
  openClassPath,
  parseHandler,
} from '../../src/language/jvm/class-path.ts'
import { detectJvm } from '../../src/language/jvm/detect.ts'
import { looseRoots } from '../../src/language/jvm/folder-jars.ts'
import { openJar } from '../../src/language/jvm/jar.ts'
import { checkMain, mainEntry } from '../../src/language/jvm/start.ts'
import { makeFolder } from '../function/make.ts'
import { classFile, jar, mainMethod, requestHandler } from './jvm-classes.ts'

const handler = {
  name: 'app.Hello',
  interfaces: [requestHandler],
  methods: [['handleRequest', '()V']],
} as const
const main = { name: 'app.Main', methods: [mainMethod] }
const server = { ...main, references: ['com.sun.net.httpserver.HttpServer'] }

function detected(t: TestContext, files: Record<string, string | Uint8Array>) {
  return detectJvm(makeFolder(t, files))
}

function refused(t: TestContext, files: Record<string, string | Uint8Array>): UfrError {
  try {
    detected(t, files)
  } catch (error) {
    assert.ok(error instanceof UfrError && error.code === 'UFR-DETECT', String(error))
    return error
  }
  assert.fail('taken')
}

test('what a jar is for is seen from its manifest and classes', (t) => {
  assert.deepEqual(detected(t, { 'a.jar': jar([handler]) }), {
    ...{ runtime: 'java', shape: 'handler', handler: 'app.Hello::handleRequest' },
  })
  const program = { runtime: 'java', shape: 'program', command: 'a.jar' }
  assert.deepEqual(detected(t, { 'a.jar': jar([main], 'Main-Class: app.Main') }), program)
  const web = { ...program, shape: 'web' }
  assert.deepEqual(detected(t, { 'a.jar': jar([server], 'Main-Class: app.Main') }), web)
  // Of a framework that is in the same jar, or in a jar in it, as Spring Boot has it.
  const boot = { 'BOOT-INF/lib/spring-web-6.jar': '' }
  assert.deepEqual(detected(t, { 'a.jar': jar([main], 'Main-Class: app.Main', boot) }), web)
  // A library beside it changes nothing; jars further down are nobody's program.
  assert.deepEqual(detected(t, { 'a.jar': jar([main], 'Main-Class: app.Main'), 'b.jar': jar([]) }), program)
  assert.equal(detected(t, { 'lib/a.jar': jar([main], 'Main-Class: app.Main') }), undefined)
})

test('a jar without main class or handler is refused with what it has', (t) => {
  const error = refused(t, { 'a.jar': jar([main]) })
  assert.match(error.message, /^a\.jar in .* has neither a main class nor a handler$/)
  assert.ok(error.detail?.includes('classes with a main: app.Main'))
  assert.match(error.fix!, /"command": "app\.Main"/)
  assert.match(
    refused(t, { 'a.jar': jar([]), 'b.jar': jar([]) }).message,
    /^a\.jar, b\.jar in .* have neither/,
  )
  const two = { 'a.jar': jar([main], 'Main-Class: app.Main'), 'b.jar': jar([main], 'Main-Class: app.Main') }
  assert.match(refused(t, two).message, /several jars that can be run: a\.jar, b\.jar/)
  const handlers = jar([handler, { ...handler, name: 'app.Other' }])
  assert.match(refused(t, { 'a.jar': handlers }).message, /several handlers: app\.Hello, app\.Other/)
  for (const bytes of [Buffer.from('PK'), jar([main]).subarray(0, 100), Buffer.alloc(0)])
    assert.throws(() => detected(t, { 'a.jar': bytes }), { code: 'UFR-FORMAT', message: /a\.jar: / })
})

test('class files that lie loose are taken as AWS Lambda does', (t) => {
  const lambda = { 'app/Hello.class': classFile(handler), 'lib/a.jar': jar([]) }
  assert.equal(detected(t, lambda)?.handler, 'app.Hello::handleRequest')
  const program = {
    'app/Main.class': classFile(main),
    'app/Other.class': classFile({ ...main, name: 'app.Other' }),
  }
  assert.deepEqual(detected(t, program), { runtime: 'java', shape: 'program', command: 'app.Main' })
  assert.equal(detected(t, { 'app/Main.class': classFile(server) })?.shape, 'web')
  // Whatever lies elsewhere than its name says belongs to something else, as do files that are no classes.
  assert.equal(detected(t, { 'x/app/Main.class': classFile(main), 'y.class': 'no class' }), undefined)
  const files = {
    'a/app/Main.class': classFile(main),
    'a/app/B.class': classFile({ name: 'app.B' }),
    'b/C.class': classFile({ name: 'C' }),
  }
  assert.deepEqual(looseRoots(makeFolder(t, files), Object.keys(files)), ['a', 'b'])
})

test('handlers and main classes that are not there are told with the nearest that is', (t) => {
  const folder = makeFolder(t, {
    'a.jar': jar([
      handler,
      main,
      { name: 'app.Plain', methods: [['handle', '()V']] },
      { name: 'app.Heir', superclass: 'lib.Base' },
    ]),
    'b.jar': jar([{ name: 'lib.Base', methods: [['handle', '()V']] }]),
  })
  const classPath = openClassPath(['a.jar', 'b.jar'].map((name) => `${folder}/${name}`))
  const check = (name: string) => () => checkHandlerClass(classPath, parseHandler(name, 'f'), 'f')
  for (const good of ['app.Hello', 'app.Hello::handleRequest', 'app.Plain::handle', 'app.Heir::handle'])
    check(good)()
  const wrong: [string, RegExp, RegExp][] = [
    ['app.Helo::handleRequest', /class app\.Helo of f is not among its classes/, /app\.Hello::handleRequest/],
    ['Hello', /class Hello of f/, /"app\.Hello"/],
    ['app.Plain::handel', /app\.Plain has no public method handel/, /app\.Plain::handle/],
    ['app.Plain', /implements neither RequestHandler nor RequestStreamHandler/, /app\.Plain::handle/],
    ['app.Heir::run', /app\.Heir has no public method run/, /app\.Heir::handle/],
  ]
  for (const [name, message, fix] of wrong) assert.throws(check(name), { code: 'UFR-HANDLER', message, fix })
  checkMain(classPath, 'app.Main', 'f')
  assert.throws(() => checkMain(classPath, 'app.Mian', 'f'), { code: 'UFR-PROGRAM', fix: /"app\.Main"/ })
  assert.throws(() => checkMain(classPath, 'app.Hello', 'f'), { message: /has no .public static void main/ })
})

test('what Spring Boot has packed is started by its launcher', (t) => {
  const packed = { 'BOOT-INF/classes/app/Main.class': '' }
  const manifest = 'Main-Class: boot.Launcher\nStart-Class: app.Main\nAdd-Opens: java.base/java.lang'
  const folder = makeFolder(t, { 'a.jar': jar([{ ...main, name: 'boot.Launcher' }], manifest, packed) })
  const classPath = openClassPath([`${folder}/a.jar`])
  const spec = { name: 'f' } as FunctionSpec
  const start = { options: ['-ea'], classPath: [], args: ['x'] }
  const byClass = mainEntry(classPath, { ...start, main: 'app.Main' }, spec)
  assert.deepEqual(byClass, { main: 'boot.Launcher', start: 'boot.Launcher', options: ['-ea'], args: ['x'] })
  const byJar = mainEntry(classPath, { ...start, jar: 'a.jar' }, spec)
  assert.deepEqual(byJar.options, ['-ea', '--add-opens', 'java.base/java.lang=ALL-UNNAMED'])
  assert.equal(byJar.main, 'boot.Launcher')
  const bare = openClassPath([`${makeFolder(t, { 'a.jar': jar([main]) })}/a.jar`])
  assert.throws(() => mainEntry(bare, { ...start, jar: 'a.jar' }, spec), {
    message: /a\.jar has no main class/,
  })
})

test('classes of a newer Java are refused with both versions', (t) => {
  const folder = makeFolder(t, {
    'a.jar': jar([{ ...main, java: 25 }]),
    'b.jar': jar([{ name: 'B', java: 21 }]),
  })
  const classPath = openClassPath([`${folder}/a.jar`, `${folder}/b.jar`])
  checkVersions(classPath, 25, ['app.Main'])
  assert.throws(() => checkVersions(classPath, 21, ['app.Main']), {
    code: 'UFR-JAVA-VERSION',
    message: 'app.Main is compiled for Java 25, and is to run on Java 21',
    fix: /"runtime": "java25".*--release 21/,
  })
  // A library that was compiled for a newer one, too.
  assert.throws(() => checkVersions(openClassPath([`${folder}/b.jar`]), 17, []), {
    message: /^B is compiled for Java 21/,
  })
  assert.equal(neededJava(openJar(`${folder}/a.jar`)), 25)
})
