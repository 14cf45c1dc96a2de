import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { Check } from 'typebox/schema'
import { UfrError } from '../../src/base/errors.ts'
import { checkValue } from '../../src/function/check.ts'
import { parseConfig, readConfig } from '../../src/function/config.ts'
import { nearestRuntime, runtimeFamily } from '../../src/function/runtime.ts'
import { configSchema } from '../../src/function/schema.ts'

function refused(text: string): UfrError {
  try {
    parseConfig(text, 'ufr.json')
  } catch (error) {
    assert.ok(error instanceof UfrError)
    assert.equal(error.code, 'UFR-CONFIG')
    assert.equal(error.exitStatus, 2)
    return error
  }
  throw new assert.AssertionError({ message: `taken: ${text}` })
}

/** For one key with a wrong value: the message behind the place. */
function message(key: string, value: unknown): string {
  return refused(JSON.stringify({ [key]: value })).message.replace(/^ufr\.json:1:\d+: /, '')
}

test('every key of the contract is taken', () => {
  const config = {
    $schema: 'x',
    name: 'a-b_C9',
    image: 'hello.tar',
    runtime: 'nodejs24.x',
    shape: 'web',
    command: 'src/server.mjs',
    args: ['a', ''],
    workingDirectory: '/srv/app',
    port: 65535,
    environment: { A_b9: '', _: '=' },
    memory: 16,
    cpus: 64,
    timeout: 900,
    files: ['a', { from: 'b' }, { from: 'c', to: '.' }, { from: 'd', to: '/etc/d' }],
    unikernel: 'unikraft',
    vmm: 'firecracker',
    network: 'egress',
    entryMark: false,
    snapshot: true,
  }
  assert.deepEqual(parseConfig(JSON.stringify(config), ''), config)
  assert.deepEqual(Object.keys(config).concat('handler').sort(), Object.keys(configSchema.properties).sort())
  for (const runtime of ['nodejs', 'nodejs20.x', 'java21', 'python3.13', 'provided.al2023', 'native']) {
    parseConfig(JSON.stringify({ runtime }), '')
  }
  for (const unikernel of ['auto', 'nanos', 'osv', 'linux']) parseConfig(JSON.stringify({ unikernel }), '')
})

test('an unknown key names the nearest, with place and line', () => {
  const error = refused('{\n\t"name": "a",\n\t"memroy": 512\n}\n')
  assert.equal(error.message, 'ufr.json:3:2: unknown key "memroy"; did you mean "memory"?')
  assert.deepEqual(error.detail, ['3 | \t"memroy": 512', '  | \t^'])
  assert.match(message('Timeout', 3), /^unknown key "Timeout"; did you mean "timeout"\?$/)
  assert.match(message('colour', 3), /^unknown key "colour"; the keys are \$schema, name, image, runtime, /)
  assert.match(message('__proto__x', 3), /^unknown key/)
  assert.match(message('constructor', 3), /^unknown key/)
  assert.match(
    message('files', [{ from: 'a', too: 'b' }]),
    /^unknown key "too" in files\[0\]; did you mean "to"\?$/,
  )
})

test('wrong values: the key, what is allowed, what was found', () => {
  for (const [key, value, expected] of [
    [
      'memory',
      '512',
      'memory must be an integer from 16 to 1048576, not "512" (write 512 without the quotes)',
    ],
    ['memory', 8, 'memory must be an integer from 16 to 1048576, not 8'],
    ['memory', 16.5, 'memory must be an integer from 16 to 1048576, not 16.5'],
    ['memory', null, 'memory must be an integer from 16 to 1048576, not null'],
    ['timeout', 901, 'timeout must be an integer from 1 to 900, not 901'],
    ['cpus', 0, 'cpus must be an integer from 1 to 64, not 0'],
    ['port', 65536, 'port must be an integer from 1 to 65535, not 65536'],
    ['name', 'a b', 'name must be 1 to 64 letters, digits, "-" or "_", not "a b"'],
    ['name', 'a'.repeat(65), `name must be 1 to 64 letters, digits, "-" or "_", not "${'a'.repeat(65)}"`],
    ['name', 3, 'name must be a string, not 3 (write "3" in quotes)'],
    ['shape', 'webb', 'shape must be "handler", "web" or "program", not "webb"; did you mean "web"?'],
    ['shape', 1, 'shape must be "handler", "web" or "program", not 1'],
    ['vmm', 'qmeu', 'vmm must be "auto", "firecracker" or "qemu", not "qmeu"; did you mean "qemu"?'],
    ['args', '-v', 'args must be a list, not "-v" (write ["-v"])'],
    ['args', [1], 'args[0] must be a string, not 1 (write "1" in quotes)'],
    ['environment', { PORT: 80 }, 'environment.PORT must be a string, not 80 (write "80" in quotes)'],
    ['environment', { A: 'a\0' }, 'environment.A must not have a NUL character in it, not "a\\u0000"'],
    ['environment', ['A=1'], 'environment must be an object, not a list'],
    ['files', [3], 'files[0] must be a string or an object, not 3'],
    ['files', [{}], 'files[0] must have the key "from"'],
    ['files', ['../a'], 'files[0] must be a path relative to the folder, without "..", not "../a"'],
    [
      'files',
      [{ from: 'a', to: '../b' }],
      'files[0].to must be a path relative to the folder or an absolute one of the guest, without "..", not "../b"',
    ],
    ['command', 'a/../../b', 'command must be a path, without "..", not "a/../../b"'],
    ['handler', 'a b', 'handler must be a name such as "index.handler", without spaces, not "a b"'],
    ['snapshot', 'true', 'snapshot must be true or false, not "true" (write true without the quotes)'],
  ] as const) {
    assert.equal(message(key, value), expected)
  }
  assert.match(message('environment', { '1A': '' }), /^the name "1A" must be letters, digits and "_"/)
  assert.match(refused('{"memory": 8}').fix, /^memory: Memory of the guest in MiB\..*docs\/ufr-json\.md/)
  assert.equal(refused('[]').message, 'ufr.json:1:1: it must be an object, not a list')
})

test('lengths are counted in characters', () => {
  parseConfig(JSON.stringify({ handler: '😀'.repeat(128) }), '')
  assert.equal(message('handler', 'a'.repeat(129)), 'handler must not be longer than 128 characters')
})

test('a runtime by another spelling is recognised', () => {
  for (const [written, meant] of [
    ['node', 'nodejs'],
    ['node24', 'nodejs24.x'],
    ['nodejs24', 'nodejs24.x'],
    ['NodeJS-22', 'nodejs22.x'],
    ['node.js', 'nodejs'],
    ['nodejs24.1.0', 'nodejs24.x'],
    ['java-21', 'java21'],
    ['python313', 'python3.13'],
    ['python3.13.1', 'python3.13'],
    ['provided.al2', 'provided.al2023'],
    ['natvie', 'native'],
    ['ruby3.3', undefined],
    ['swift', 'native'],
    ['go1.x', 'native'],
  ] as const) {
    assert.equal(nearestRuntime(written), meant, written)
  }
  assert.match(
    message('runtime', 'node24'),
    /^runtime must be "nodejs", .*, not "node24"; did you mean "nodejs24\.x"\?$/,
  )
  assert.match(message('runtime', 'ruby3.3'), /not "ruby3\.3"$/)
  const families = ['nodejs', 'nodejs24.x', 'java21', 'python3.13', 'provided.al2023', 'native'].map(
    runtimeFamily,
  )
  assert.deepEqual(families, ['nodejs', 'nodejs', 'java', 'python', 'provided', 'native'])
})

test('all mistakes are named at once, the first with its line', () => {
  const error = refused('{\n  "memory": 8,\n  "cpus": 0,\n  "nme": ""\n}')
  assert.equal(error.message, 'ufr.json:2:13: memory must be an integer from 16 to 1048576, not 8')
  assert.deepEqual(error.detail, [
    '2 |   "memory": 8,',
    '  |             ^',
    'ufr.json:3:11: cpus must be an integer from 1 to 64, not 0',
    'ufr.json:4:3: unknown key "nme"; did you mean "name"?',
  ])
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`x${i}`, 1]))
  assert.ok(refused(JSON.stringify(many)).detail.length < 30)
})

test('a mistake in the JSON gives line, column and the line', () => {
  const error = refused('{\r\n  "name": "é",\r\n  "é": 1 "memory": 512\r\n}')
  assert.equal(error.message, 'ufr.json:3:9: a comma or } is missing here')
  assert.deepEqual(error.detail, ['3 |   "é": 1 "memory": 512', '  |         ^'])
  const long = refused(`{"name": "${'x'.repeat(5000)}", }`)
  assert.ok(long.detail.every((line) => line.length < 120))
  assert.match(long.detail[0]!, /", }$/)
  assert.match(refused(' \n').message, /^ufr\.json is empty$/)
  assert.match(refused('\n\n').fix, /\{\}/)
})

test('the schema means the same to typebox and to the check', () => {
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom(
      'auto',
      'web',
      'native',
      'nodejs24.x',
      '../x',
      'a/..',
      '/a',
      'a\n/../b',
      'a..b',
      'a\0',
      'x'.repeat(200),
    ),
  )
  const value = fc.oneof(
    text,
    fc.integer({ min: -1, max: 2_000_000 }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(fc.oneof(text, fc.record({ from: text, to: text }, { requiredKeys: [] })), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('A', '1', 'b c', 'x'), fc.oneof(text, fc.nat())),
  )
  const key = fc.constantFrom(...Object.keys(configSchema.properties), 'other')
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 3 }), (config) => {
      assert.equal(
        checkValue(configSchema, config).length === 0,
        Check(configSchema, config),
        JSON.stringify(config),
      )
    }),
    { numRuns: 3000 },
  )
})

test('the defaults and examples of the schema keep to it', () => {
  for (const [key, schema] of Object.entries(configSchema.properties)) {
    if ('default' in schema) assert.deepEqual(checkValue(schema, schema.default), [], key)
    if ('examples' in schema)
      for (const one of schema.examples) assert.deepEqual(checkValue(schema, one), [], key)
    assert.ok(schema.description.endsWith('.'), key)
  }
})

test('reading the file', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-config-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'ufr.json')
  assert.deepEqual(readConfig(folder), {})
  fs.writeFileSync(file, '\ufeff{"name": "x"}')
  assert.deepEqual(readConfig(folder), { name: 'x' })
  fs.writeFileSync(file, Buffer.from('\ufeff{}', 'utf16le'))
  assert.throws(() => readConfig(folder), {
    code: 'UFR-CONFIG',
    message: /ufr\.json is not UTF-8 text \(but probably UTF-16\)/,
  })
  fs.writeFileSync(file, ' '.repeat(2 << 20))
  assert.throws(() => readConfig(folder), { code: 'UFR-CONFIG', message: /more than the 1048576 allowed/ })
  fs.rmSync(file)
  fs.mkdirSync(file)
  assert.throws(() => readConfig(folder), { code: 'UFR-CONFIG', message: /ufr\.json is not a file$/ })
})
