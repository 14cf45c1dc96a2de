import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { parseDocument } from '../../../src/image/container/document.ts'
import { manifestFor, missingPlatform } from '../../../src/image/container/platform.ts'
import { digestOf, indexType, manifestType } from '../../kernel/oci/fake-registry.ts'
import { mutated } from '../formats/trees.ts'

const parse = (value: unknown, type?: string) =>
  parseDocument(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), type, 'it')
const descriptor = (name: string, rest: object = {}) => ({
  mediaType: 'application/x',
  digest: digestOf(name),
  size: name.length,
  ...rest,
})
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })

test('an index and a manifest are what they say, or what they came as', () => {
  const index = {
    schemaVersion: 2,
    manifests: [
      descriptor('m', {
        platform: {
          os: 'qemu',
          architecture: 'x86_64',
          'os.version': '0.17.0',
          'os.features': ['CONFIG_A=y'],
        },
      }),
    ],
  }
  const platform = { os: 'qemu', architecture: 'x86_64', osVersion: '0.17.0', variant: undefined }
  const manifests = [{ ...descriptor('m'), annotations: {}, platform }]
  for (const read of [
    parse(index, indexType),
    parse({ ...index, mediaType: indexType }, 'text/plain'),
    parse(index),
  ])
    assert.deepEqual(read, { kind: 'index', manifests, annotations: {} })
  const manifest = {
    schemaVersion: 2,
    config: descriptor('c'),
    layers: [descriptor('l', { annotations: { a: 'b' } })],
  }
  const expected = {
    kind: 'manifest',
    config: { ...descriptor('c'), annotations: {} },
    layers: [{ ...descriptor('l'), annotations: { a: 'b' } }],
    annotations: {},
  }
  for (const type of [
    manifestType,
    `${manifestType}; charset=utf-8`,
    'application/vnd.docker.distribution.manifest.v2+json',
    undefined,
  ])
    assert.deepEqual(parse(manifest, type), expected)
})

test('what is none is refused with what is wrong with it', () => {
  const layers = { schemaVersion: 2, config: descriptor('c') }
  const cases: [unknown, RegExp][] = [
    ['', /no JSON/],
    ['[1', /no JSON/],
    [[], /no object/],
    [{ schemaVersion: 1, name: 'a' }, /schemaVersion/],
    [{ schemaVersion: 2 }, /no object/],
    [{ schemaVersion: 2, mediaType: 'application/vnd.oci.image.config.v1+json' }, /config.v1/],
    [{ ...layers, layers: {} }, /no list/],
    [{ ...layers, layers: Array(1001).fill(descriptor('x')) }, /1001 layers/],
    [{ ...layers, layers: [{ ...descriptor('x'), digest: 'sha512:00' }] }, /sha512/],
    [{ ...layers, layers: [{ ...descriptor('x'), digest: 'sha256:../../etc' }] }, /no sha256/],
    [{ ...layers, layers: [{ ...descriptor('x'), digest: null }] }, /no sha256/],
    [{ ...layers, layers: [{ ...descriptor('x'), size: -1 }] }, /size/],
    [{ ...layers, layers: [{ ...descriptor('x'), size: 1.5 }] }, /size/],
    [{ ...layers, layers: [{ ...descriptor('x'), size: 1e300 }] }, /size/],
    [{ ...layers, layers: [{ ...descriptor('x'), mediaType: 3 }] }, /mediaType/],
    [{ ...layers, layers: [{ ...descriptor('x'), annotations: { a: 1 } }] }, /annotation a/],
    [{ schemaVersion: 2, manifests: [descriptor('m', { platform: { os: 'x' } })] }, /architecture/],
    ['{"a":'.repeat(40), /nested/],
    [`{"schemaVersion":2,"x":${'['.repeat(1e6)}`, /nested/],
    [`{"schemaVersion":2,"x":"${'y'.repeat(5 << 20)}"}`, /bytes/],
  ]
  for (const [value, message] of cases) assert.throws(() => parse(value), refused(message))
  // Brackets in texts are no nesting.
  assert.equal(parse({ ...layers, layers: [], annotations: { a: '[{"\\'.repeat(100) } }).kind, 'manifest')
})

test('a name like __proto__ is a name', () => {
  const text = JSON.stringify({ schemaVersion: 2, config: descriptor('c'), layers: [] })
  const { annotations } = parse(text.replace('"layers"', '"annotations":{"__proto__":"x"},"layers"'))
  assert.deepEqual(Object.keys(annotations), ['__proto__'])
})

function endsWell(read: () => unknown): void {
  try {
    read()
  } catch (error) {
    assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
  }
}

test('any bytes give a document or an error', () => {
  const valid = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      manifests: [descriptor('m', { platform: { os: 'a', architecture: 'b' } })],
    }),
  )
  fc.assert(
    fc.property(mutated(valid, 16), (bytes) => endsWell(() => parseDocument(bytes, undefined, 'it'))),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.json({ maxDepth: 6 }), (text) => endsWell(() => parse(text, indexType))),
    { numRuns: 500 },
  )
})

test('of an index the newest for a system on x86-64 is taken', () => {
  const at = (name: string, os: string, architecture: string, version?: string) =>
    descriptor(name, { platform: { os, architecture, ...(version && { 'os.version': version }) } })
  const index = parse({
    schemaVersion: 2,
    manifests: [
      descriptor('nothing'),
      at('arm', 'qemu', 'arm64', '9'),
      at('old', 'qemu', 'x86_64', '0.9.0'),
      at('new', 'qemu', 'amd64', '0.17.0'),
      at('older', 'qemu', 'x86_64'),
      at('xen', 'xen', 'x86_64'),
    ],
  })
  assert.ok(index.kind === 'index')
  assert.equal(manifestFor(index, 'qemu')?.digest, digestOf('new'))
  assert.equal(manifestFor(index, 'fc'), undefined)
  assert.match(
    missingPlatform(index, 'it', 'fc/x86_64').message,
    /qemu\/arm64, qemu\/x86_64, qemu\/amd64, xen\/x86_64/,
  )
})
