import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { parseConfig } from '../../src/function/config.ts'
import { nativeDetector } from '../../src/function/detect.ts'
import { copyExample, exampleNames, examplesFolder, initFunction } from '../../src/function/init.ts'
import { loadFunction } from '../../src/function/load.ts'
import { elfHeader, makeFolder } from './make.ts'

test('writes what was detected, and loads the same again', (t) => {
  const folder = makeFolder(t, { hello: elfHeader() })
  const before = loadFunction(folder, {}, [nativeDetector])
  const { file, config } = initFunction(folder, [nativeDetector])
  assert.equal(file, path.join(folder, 'ufr.json'))
  const text = fs.readFileSync(file, 'utf8')
  assert.deepEqual(parseConfig(text, file), config)
  assert.equal(
    text,
    '{\n  "name": "my-function",\n  "runtime": "native",\n  "shape": "program",\n  "command": "hello"\n}\n',
  )
  assert.deepEqual(loadFunction(folder, {}, []), before)
  assert.deepEqual(fs.readdirSync(folder).sort(), ['hello', 'ufr.json'])
})

test('never writes over a ufr.json, not even over a dangling link', (t) => {
  const folder = makeFolder(t, { hello: elfHeader(), 'ufr.json': 'mine' })
  assert.throws(() => initFunction(folder, [nativeDetector]), {
    code: 'UFR-EXISTS',
    message: /ufr\.json is there already/,
  })
  assert.equal(fs.readFileSync(path.join(folder, 'ufr.json'), 'utf8'), 'mine')
  fs.rmSync(path.join(folder, 'ufr.json'))
  fs.symlinkSync('../elsewhere', path.join(folder, 'ufr.json'))
  assert.throws(() => initFunction(folder, [nativeDetector]), { code: 'UFR-EXISTS' })
  assert.equal(fs.existsSync(path.join(folder, '../elsewhere')), false)
})

test('a folder without a function, or none', (t) => {
  const folder = makeFolder(t, { 'a.txt': '' })
  assert.throws(() => initFunction(folder, [nativeDetector]), { code: 'UFR-DETECT' })
  assert.throws(() => initFunction(path.join(folder, 'gone'), [nativeDetector]), { code: 'UFR-FOLDER' })
  assert.deepEqual(fs.readdirSync(folder), ['a.txt'])
})

test('the examples are those of the package', () => {
  const root = path.join(import.meta.dirname, '../..')
  assert.equal(examplesFolder(), path.join(root, 'examples'))
})

test('copies an example into a new or an empty folder', (t) => {
  const examples = makeFolder(t, {
    'hello-node/index.mjs': 'x',
    'hello-node/lib/a.mjs': 'a',
    'web-node/x': '',
    file: '',
  })
  assert.deepEqual(exampleNames(examples), ['hello-node', 'web-node'])
  const target = path.join(path.dirname(examples), 'new/hello')
  assert.equal(copyExample('hello-node', target, examples), target)
  assert.deepEqual(fs.readdirSync(target, { recursive: true }).sort(), ['index.mjs', 'lib', 'lib/a.mjs'])
  const empty = path.join(path.dirname(examples), 'empty')
  fs.mkdirSync(empty)
  const before = fs.statSync(empty).ino
  copyExample('hello-node', empty, examples)
  assert.equal(fs.statSync(empty).ino, before)
  assert.equal(fs.readFileSync(path.join(empty, 'lib/a.mjs'), 'utf8'), 'a')
})

test('refuses unknown names and folders with something in them', (t) => {
  const examples = makeFolder(t, { 'hello-node/index.mjs': 'x', secret: 's' })
  const target = path.join(path.dirname(examples), 'target')
  const unknown = (name: string, message: RegExp) =>
    assert.throws(() => copyExample(name, target, examples), {
      code: 'UFR-USAGE',
      message,
      fix: /hello-node/,
    })
  unknown('helo-node', /^there is no example "helo-node"; did you mean "hello-node"\?$/)
  unknown('..', /^there is no example "\.\."$/)
  unknown('secret', /no example/)
  unknown('', /no example/)
  assert.equal(fs.existsSync(target), false)
  assert.throws(() => copyExample('hello-node', examples, examples), {
    code: 'UFR-EXISTS',
    message: /has something in it/,
  })
  const file = path.join(examples, 'secret')
  assert.throws(() => copyExample('hello-node', file, examples), {
    code: 'UFR-EXISTS',
    message: /is not a folder/,
  })
  assert.throws(() => copyExample('x', target, path.join(examples, 'gone')), {
    code: 'UFR-USAGE',
    fix: /has none/,
  })
})

test('a copy that fails leaves nothing behind', (t) => {
  const examples = makeFolder(t, { 'bad/a': 'x' })
  t.mock.method(fs, 'cpSync', (_: string, to: string) => {
    fs.writeFileSync(path.join(to, 'a'), 'half')
    throw Object.assign(new Error('no'), { code: 'ENOSPC' })
  })
  const target = path.join(path.dirname(examples), 'one/two')
  assert.throws(() => copyExample('bad', target, examples), {
    code: 'UFR-FOLDER',
    message: /no space is left/,
  })
  assert.equal(fs.existsSync(path.join(path.dirname(examples), 'one')), false)
  fs.mkdirSync(target, { recursive: true })
  assert.throws(() => copyExample('bad', target, examples), {
    code: 'UFR-FOLDER',
    message: /no space is left/,
  })
  assert.deepEqual(fs.readdirSync(target), [])
})
