import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type Mark, markParser } from '../../src/link/marks.ts'

function run(chunks: Buffer[]): { text: string; marks: Mark[] } {
  const marks: Mark[] = []
  const parser = markParser((mark) => marks.push(mark))
  const out = chunks.map((chunk) => Buffer.from(parser.push(chunk)))
  return { text: Buffer.concat([...out, parser.end()]).toString('latin1'), marks }
}

function cut(bytes: Buffer, points: number[]): Buffer[] {
  const at = [0, ...points.map((p) => p % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  return at.slice(1).map((end, i) => bytes.subarray(at[i], end))
}

test('marks are taken out wherever the chunks are cut, and all other bytes stay', () => {
  const part = fc.oneof(
    fc.record({
      plain: fc.string({ unit: fc.constantFrom('a', '\n', '\x1b', '_', 'u', 'f', ';', '\\', 'ÿ') }),
    }),
    fc.record({ mark: fc.constantFrom('ready;8080', 'exit;0', 'init', 'exit;') }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, points) => {
      // A random text that itself forms a mark's opening would swallow what follows: leave those out.
      const plain = parts.map((p) => ('plain' in p ? p.plain.replaceAll('_', '-') : ''))
      const all = parts.map((p, i) => ('mark' in p ? `\x1b_ufr;${p.mark}\x1b\\` : plain[i]!)).join('')
      const { text, marks } = run(cut(Buffer.from(all, 'latin1'), points))
      assert.equal(text, plain.join(''))
      const expected = parts.flatMap((p) => ('mark' in p ? [p.mark] : []))
      assert.deepEqual(
        marks.map((m) => (m.value === undefined ? m.name : `${m.name};${m.value}`)),
        expected,
      )
    }),
  )
})

test('a mark that never ends is plain text in the end, and is not kept without limit', () => {
  const parser = markParser(() => assert.fail('no mark here'))
  const out = [parser.push(Buffer.from(`\x1b_ufr;${'x'.repeat(1000)}`)), parser.end()]
  assert.equal(Buffer.concat(out).length, 1006)
})

test('any bytes pass unchanged when there is no mark', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 10 }), (chunks) => {
      const all = Buffer.concat(chunks)
      if (all.includes('\x1b_ufr;')) return
      assert.equal(run(chunks.map((c) => Buffer.from(c))).text, all.toString('latin1'))
    }),
  )
})
