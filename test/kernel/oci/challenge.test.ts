import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseChallenges } from '../../../src/kernel/oci/challenge.ts'

const of = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, { ...parameters }] as const)

test('challenges are read with their parameters', () => {
  const bearer = { realm: 'https://auth.example/token', service: 'a "b"', scope: 'repository:a/b:pull,push' }
  assert.deepEqual(
    of(
      String.raw`Bearer realm="https://auth.example/token",service="a \"b\"",scope="repository:a/b:pull,push"`,
    ),
    [['bearer', bearer]],
  )
  assert.deepEqual(of('Basic realm=x, BEARER Realm = "y" ,  service=z'), [
    ['basic', { realm: 'x' }],
    ['bearer', { realm: 'y', service: 'z' }],
  ])
  assert.deepEqual(
    of('Negotiate, Basic realm="x"'),
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ].map(([a, b]) => [a, b]),
  )
  assert.deepEqual(of('bearer __proto__="x"')[0]?.[0], 'bearer')
  assert.deepEqual(of(''), [])
})

test('any header is read in time', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 200 }), fc.stringMatching(/^[a-z=", \\]{0,100}$/)),
      (header) => {
        for (const { scheme } of parseChallenges(header)) assert.equal(typeof scheme, 'string')
      },
    ),
    { numRuns: 1000 },
  )
  const started = performance.now()
  for (const hostile of [
    'a '.repeat(50_000),
    `a ${'"'.repeat(50_000)}`,
    `a b="${'\\'.repeat(50_000)}`,
    `a ${'b=c,'.repeat(50_000)}`,
    ' '.repeat(50_000),
  ])
    parseChallenges(hostile)
  assert.ok(performance.now() - started < 2000)
})
