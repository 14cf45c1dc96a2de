import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { didYouMean, editDistance, nearest } from '../../src/base/nearest.ts'
import { configSchema } from '../../src/function/schema.ts'

const keys = Object.keys(configSchema.properties)
const words = fc.string({ maxLength: 12 })

test('editDistance counts added, removed, replaced and swapped letters', () => {
  for (const [a, b, distance] of [
    ['', '', 0],
    ['', 'abc', 3],
    ['memory', 'memory', 0],
    ['memroy', 'memory', 1],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['ca', 'abc', 3],
  ] as const) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`)
  }
})

test('editDistance is symmetric, zero only for the same word, and within its bounds', () => {
  fc.assert(
    fc.property(words, words, (a, b) => {
      const distance = editDistance(a, b)
      assert.equal(distance, editDistance(b, a))
      assert.equal(distance === 0, a === b)
      assert.ok(distance >= Math.abs(a.length - b.length) && distance <= Math.max(a.length, b.length))
    }),
  )
})

test('nearest finds what was meant', () => {
  for (const [written, meant] of [
    ['memroy', 'memory'],
    ['Memory', 'memory'],
    ['MEMORY_', 'memory'],
    ['memorySize', 'memory'],
    ['time-out', 'timeout'],
    ['Handler', 'handler'],
    ['hander', 'handler'],
    ['env', 'environment'],
    ['cpu', 'cpus'],
    ['arg', 'args'],
    ['unikernal', 'unikernel'],
    ['schema', '$schema'],
  ]) {
    assert.equal(nearest(written!, keys), meant, written)
  }
})

test('nearest does not guess', () => {
  for (const written of ['', 'x', 'zzz', 'colour', '_', 'a'.repeat(1000)]) {
    assert.equal(nearest(written, keys), undefined, written)
  }
  assert.equal(nearest('memory', []), undefined)
  assert.equal(nearest('memory', ['m'.repeat(1000)]), undefined)
  assert.equal(didYouMean('colour', keys), '')
  assert.equal(didYouMean('memroy', keys), '; did you mean "memory"?')
})

test('a word with one mistake is found again, or another one as near', () => {
  const word = fc.string({ minLength: 4, maxLength: 10, unit: fc.constantFrom(...'abcdefgh') })
  fc.assert(
    fc.property(word, word, fc.nat(), (one, other, n) => {
      const at = n % one.length
      const found = nearest(one.slice(0, at) + one.slice(at + 1), [other, one])
      assert.ok(found === one || found === other)
    }),
  )
})
