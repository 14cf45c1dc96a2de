import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type JsonDocument, parseJson } from '../../src/function/json.ts'

class Refused extends Error {
  at: number
  constructor(message: string, at: number) {
    super(message)
    this.at = at
  }
}

function parse(text: string): JsonDocument {
  return parseJson(text, (message, at) => {
    throw new Refused(message, at)
  })
}

test('parses what JSON.parse parses', () => {
  for (const text of [
    '{}',
    ' [ ] ',
    '0',
    '-0',
    '-1.5e+3',
    '1E400',
    '"\\u00e9\\n\\"\\/"',
    'null',
    '"\u2028"',
    '[[[]]]',
  ]) {
    assert.deepEqual(parse(text).value, JSON.parse(text), text)
  }
  fc.assert(
    fc.property(fc.json(), fc.constantFrom(0, 1, 2, '\t'), (json, indent) => {
      const text = JSON.stringify(JSON.parse(json), null, indent)
      assert.equal(JSON.stringify(parse(text).value), JSON.stringify(JSON.parse(text)))
    }),
  )
})

test('refuses what JSON.parse refuses, and takes the rest', () => {
  const mutated = fc.tuple(
    fc.json(),
    fc.nat(),
    fc.string({ maxLength: 2, unit: fc.constantFrom(...'{}[]",:\\/ue1-.tn\n') }),
  )
  fc.assert(
    fc.property(mutated, ([json, n, insert]) => {
      const at = n % (json.length + 1)
      const text = json.slice(0, at) + insert + json.slice(at + (n % 2))
      let expected: unknown
      try {
        expected = JSON.parse(text)
      } catch {
        assert.throws(() => parse(text), Refused, text)
        return
      }
      try {
        assert.equal(JSON.stringify(parse(text).value), JSON.stringify(expected))
      } catch (error) {
        // The one thing that JSON.parse lets through.
        assert.match((error as Error).message, /a second time/)
      }
    }),
    { numRuns: 3000 },
  )
})

test('says what is wrong, and where', () => {
  for (const [text, at, message] of [
    ['', 0, /a value should be here, not the end of the file/],
    ['{"a": 1,}', 7, /this comma has to go/],
    ['[1,\n]', 2, /this comma has to go/],
    ['{"a": 1 "b": 2}', 7, /a comma or } is missing/],
    ['[1 2]', 2, /a comma or ] is missing/],
    ['// hello\n{}', 0, /comments are not allowed/],
    ['{"a": 1 /* x */}', 8, /comments are not allowed/],
    ['{"a": 1, # x\n}', 9, /comments are not allowed/],
    ["{'a': 1}", 1, /keys are written in double quotes/],
    ['{a: 1}', 1, /keys are written in double quotes/],
    ['{"a": \'b\'}', 6, /text is written in double quotes/],
    ['{"a": yes}', 6, /yes is not a JSON value/],
    ['{"a": True}', 6, /True is not a JSON value/],
    ['{"a" 1}', 5, /a colon should be here, not "1"/],
    ['{"a": "b\n"}', 6, /no closing quote/],
    ['{"a": "\t"}', 7, /control character; write it as \\u0009/],
    ['{"a": "\\x"}', 7, /a backslash is written twice/],
    ['{"a": 01}', 6, /not a number/],
    ['{"a": +1}', 6, /a value should be here/],
    ['{"a": 1.}', 6, /not a number/],
    ['{"a": [1', 6, /never closed/],
    ['{', 0, /never closed/],
    ['{"a": 1, "a": 2}', 9, /the key "a" is here a second time/],
    ['{} x', 3, /nothing should follow/],
    ['[,1]', 1, /a value should be here, not ","/],
    ['['.repeat(100), 64, /nested more than 64 deep/],
  ] as const) {
    assert.throws(
      () => parse(text),
      (error: Refused) => {
        assert.match(error.message, message)
        assert.equal(error.at, at, text)
        return true
      },
    )
  }
})

test('knows where values and keys are', () => {
  const text = '{ "a": [10, {"b": 2}] }'
  const document = parse(text)
  assert.equal(document.at(['a'], true), text.indexOf('"a"'))
  assert.equal(document.at(['a'], false), text.indexOf('['))
  assert.equal(document.at(['a', 0], false), text.indexOf('10'))
  assert.equal(document.at(['a', 0], true), text.indexOf('10'))
  assert.equal(document.at(['a', 1, 'b'], true), text.indexOf('"b"'))
  assert.equal(document.at([], false), 0)
})

test('__proto__ is a key like any other', () => {
  const value = parse('{"__proto__": {"x": 1}}').value as object
  assert.deepEqual(Object.keys(value), ['__proto__'])
  assert.equal(Object.getPrototypeOf(value), Object.prototype)
})
