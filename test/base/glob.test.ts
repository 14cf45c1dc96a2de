import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob, expandBraces, hasMagic } from '../../src/base/glob.ts'

const glob = (pattern: string, path: string) => compileGlob(pattern)(path)

test('patterns match what they should', () => {
  for (const [pattern, path, matches] of [
    ['a.js', 'a.js', true],
    ['a.js', 'b/a.js', false],
    ['*.js', 'a.js', true],
    ['*.js', '.js', true],
    ['*.js', 'b/a.js', false],
    ['a*b*c', 'axxbxxc', true],
    ['a*b*c', 'axxbxx', false],
    ['**', 'a/b/c', true],
    ['**/*.js', 'a.js', true],
    ['**/*.js', 'a/b/c.js', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b', true],
    ['a/**', 'a/b/c', true],
    ['a/**/c', 'a/c', true],
    ['a/**/c', 'a/b/b/c', true],
    ['a/**/c', 'a/b/d', false],
    ['**/a/**/b', 'x/a/a/y/b', true],
    ['a**', 'abc', true],
    ['a**', 'a/b', false],
    ['?', 'é', true],
    ['?', '😀', true],
    ['??', 'a', false],
    ['[a-c]x', 'bx', true],
    ['[!a-c]x', 'bx', false],
    ['[^a-c]x', 'dx', true],
    ['[]]', ']', true],
    ['[a-]', '-', true],
    ['[\\]]', ']', true],
    ['[a', '[a', true],
    ['[a/b]', '[a/b]', true],
    ['\\*', '*', true],
    ['\\*', 'a', false],
    ['a\\', 'a\\', true],
    ['', '', true],
    ['', 'a', false],
  ] as const) {
    assert.equal(glob(pattern, path), matches, `${pattern} ${path}`)
  }
})

const letters = fc.string({ maxLength: 5, unit: fc.constantFrom(...'ab.') })
const name = letters.filter((n) => n !== '' && n !== '.' && n !== '..')
const somePath = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const segment = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom(...'ab.*?') })
const pattern = fc.array(fc.oneof(segment, fc.constant('**')), { minLength: 1, maxLength: 4 })

/** The same by a regular expression: slow for some patterns, but for these short ones a good second opinion. */
function byRegExp(segments: string[], path: string): boolean {
  const parts = segments.map((s, i) => {
    const last = i === segments.length - 1
    if (s === '**') return last ? '[^/]+(?:/[^/]+)*' : '(?:[^/]+/)*'
    const body = s.replaceAll('.', '\\.').replaceAll(/\*+/g, '[^/]*').replaceAll('?', '[^/]')
    return last ? body : `${body}/`
  })
  return new RegExp(`^${parts.join('')}$`).test(path)
}

test('agrees with a regular expression', () => {
  fc.assert(
    fc.property(pattern, somePath, (segments, path) => {
      assert.equal(glob(segments.join('/'), path), byRegExp(segments, path), `${segments.join('/')} ${path}`)
    }),
    { numRuns: 3000 },
  )
})

test('a path matches itself, escaped or without wildcards', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), (path) => {
      const escaped = path.replace(/[*?[\]{}\\]/g, '\\$&')
      assert.ok(glob(escaped, path))
      if (!hasMagic(path)) assert.ok(glob(path, path))
    }),
  )
})

test('any pattern and path give an answer', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'ab/*?[]!^-{},\\') }), somePath, (any, path) => {
      assert.equal(typeof glob(any, path), 'boolean')
      assert.ok((expandBraces(any)?.length ?? 1) > 0)
    }),
    { numRuns: 2000 },
  )
})

test('a pattern of many wildcards is no trap', { timeout: 5000 }, () => {
  assert.equal(glob(`${'*a'.repeat(100)}*b`, 'a'.repeat(250)), false)
  assert.equal(glob(`${'**/a/'.repeat(100)}b`, `${'a/'.repeat(2000)}c`), false)
})

test('expandBraces', () => {
  assert.deepEqual(expandBraces('a'), ['a'])
  assert.deepEqual(expandBraces('x.{js,json}'), ['x.js', 'x.json'])
  assert.deepEqual(expandBraces('{a,b}/{c,d}'), ['a/c', 'a/d', 'b/c', 'b/d'])
  assert.deepEqual(expandBraces('{a,{b,c}d}'), ['a', 'bd', 'cd'])
  assert.deepEqual(expandBraces('{a,}b'), ['ab', 'b'])
  assert.deepEqual(expandBraces('{a}'), ['{a}'])
  assert.deepEqual(expandBraces('{a,b'), ['{a,b'])
  assert.deepEqual(expandBraces('\\{a,b}'), ['\\{a,b}'])
  assert.equal(expandBraces('{a,b}'.repeat(30)), undefined)
})
