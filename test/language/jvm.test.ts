import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { readClass } from '../../src/language/jvm/class-file.ts'
import { parseHandler } from '../../src/language/jvm/class-path.ts'
import { environmentOf } from '../../src/language/jvm/environment.ts'
import { parseManifest } from '../../src/language/jvm/manifest.ts'
import { withAdded } from '../../src/language/jvm/modules.ts'
import { javaOptions } from '../../src/language/jvm/options.ts'
import { readSource } from '../../src/language/jvm/source.ts'

/** `package app; public class A {}` as a compiler writes the least of it. */
function classBytes(): Buffer {
  const utf8 = (text: string) => Buffer.concat([Buffer.from([1, 0, text.length]), Buffer.from(text)])
  const head = Buffer.from('cafebabe0000003d0005', 'hex')
  const pool = [utf8('app/A'), Buffer.from([7, 0, 1]), utf8('java/lang/Object'), Buffer.from([7, 0, 3])]
  const tail = Buffer.from('00210002000400000000000000000000', 'hex').subarray(0, 14)
  return Buffer.concat([head, ...pool, tail])
}

test('a class file is read', () => {
  const { version, name, superclass, concrete } = readClass(classBytes())
  assert.deepEqual([version, name, superclass, concrete], [61, 'app.A', 'java.lang.Object', true])
})

test('any bytes are a class or refused by name', () => {
  const valid = classBytes()
  const change = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(change, fc.nat(valid.length), (changes, length) => {
      const bytes = Buffer.from(valid).subarray(0, length || valid.length)
      for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
      try {
        readClass(bytes)
      } catch (error) {
        assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
      }
    }),
    { numRuns: 3000 },
  )
})

test('a manifest is read, its continued lines too', () => {
  const text =
    'Manifest-Version: 1.0\r\nMain-Class: app.Ma\r\n in\r\nClass-Path: lib/a.jar lib/b.jar\r\n\r\nName: x\r\nMain-Class: no\r\n'
  const { mainClass, classPath } = parseManifest(text)
  assert.equal(mainClass, 'app.Main')
  assert.deepEqual(classPath, ['lib/a.jar', 'lib/b.jar'])
})

test('handler names', () => {
  assert.deepEqual(parseHandler('app.Hello::handle', 'f'), { type: 'app.Hello', method: 'handle' })
  assert.deepEqual(parseHandler('HelloKt', 'f'), { type: 'HelloKt' })
  for (const wrong of ['', '::x', 'a..b', 'a::', 'a::b::c', '../a'])
    assert.throws(() => parseHandler(wrong, 'f'), { code: 'UFR-CONFIG' })
})

test('what sources declare', () => {
  const java = 'package app;\npublic class Hello implements RequestHandler<String, String> {\n}'
  assert.deepEqual(readSource('Hello.java', java).handlers, ['app.Hello::handleRequest'])
  assert.deepEqual(readSource('hello.kt', 'fun handle(a: String) = a\n').handlers, ['HelloKt::handle'])
  const web = readSource('Web.kt', 'package w\nfun main() { HttpServer.create() }\n')
  assert.deepEqual([web.main, web.server], ['w.WebKt', true])
})

test('modules that options add, and options that take the places of ours', () => {
  const options = ['-ea', '--add-modules', 'java.sql,ALL-DEFAULT', '--add-modules=jdk.zipfs']
  assert.deepEqual(withAdded(['java.base', 'java.sql'], options), ['java.base', 'java.sql', 'jdk.zipfs'])
  const spec = {
    memoryMiB: 512,
    environment: { JAVA_TOOL_OPTIONS: '-XX:+UseParallelGC' },
  } as unknown as FunctionSpec
  const inputs = {
    spec,
    major: 21,
    archives: { runtime: true, own: '/a.jsa' },
    handler: true,
    own: ['-Xmx64m'],
  }
  const words = javaOptions(inputs).join(' ')
  assert.doesNotMatch(words, /-Xm|UseSerialGC/)
  assert.match(words, /-Xshare:auto -XX:SharedArchiveFile=\/.*classes\.jsa:\/a\.jsa/)
  assert.match(words, /-Djdk\.reflect\.useNativeAccessorOnly=true/)
  const bare = { ...inputs, spec: { ...spec, environment: {} }, archives: { runtime: false }, own: [] }
  assert.match(javaOptions(bare).join(' '), /^-Xmx300m -Xms75m -XX:\+UseSerialGC .*-Xshare:off/)
})

test('variables of Java functions', () => {
  const spec = { name: 'f', shape: 'web', environment: { PATH: '/x' }, port: 80 } as unknown as FunctionSpec
  const web = environmentOf(spec, undefined, 21)
  assert.deepEqual([web['PORT'], web['SERVER_PORT'], web['PATH']], ['80', '80', '/x'])
  assert.match(web['JAVA_HOME']!, /^\/usr\/lib\/jvm/)
  const handler = environmentOf({ ...spec, shape: 'handler', environment: {} }, 'a.B::c', 21)
  assert.deepEqual([handler['_HANDLER'], handler['AWS_EXECUTION_ENV']], ['a.B::c', 'AWS_Lambda_java21'])
  assert.equal(handler['SERVER_PORT'], undefined)
  const wrong = { ...spec, environment: { LD_LIBRARY_PATH: '/x' } }
  assert.throws(() => environmentOf(wrong, undefined, 21), { code: 'UFR-CONFIG', fix: /java\.library\.path/ })
})
