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
    fc.record({ mark: fc.constantFrom('ready;8080', 'exit;0', 'init', 'exit;', 'entry') }),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.array(fc.nat(), { maxLength: 8 }), (parts, points) => {
      // A random text that itself forms a mark's opening would swallow what follows: leave those out.
      const plain = parts.map((p) => ('plain' in p ? p.plain.replaceAll('_', '-') : ''))
      const all = parts
        .map((p, i) => ('mark' in p ? `\x1b_${p.mark === 'entry' ? '' : `ufr;${p.mark}`}\x1b\\` : plain[i]!))
        .join('')
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
      if (all.includes('\x1b_')) return
      assert.equal(run(chunks.map((c) => Buffer.from(c))).text, all.toString('latin1'))
    }),
  )
})

test('a mark is as old as its first byte', async () => {
  const seen: number[] = []
  const parser = markParser((_mark, _at, since) => seen.push(since))
  parser.push(Buffer.from('\x1b'))
  const before = performance.now()
  await new Promise((resolve) => setTimeout(resolve, 20))
  parser.push(Buffer.from('_ufr;a\x1b\\\x1b_ufr;b'))
  parser.push(Buffer.from('\x1b\\'))
  assert.equal(seen.length, 2)
  assert.ok(seen[0]! <= before && seen[1]! > before + 10, `${seen} ${before}`)
})

test('what is refused as a mark stays where it is', () => {
  const parser = markParser(({ name }) => name !== 'no')
  const text = 'a\x1b_ufr;no\x1b\\b\x1b_ufr;yes\x1b\\c\x1b_ufr;n'
  const out = [parser.push(Buffer.from(text)), parser.push(Buffer.from('o\x1b\\d')), parser.end()]
  assert.equal(Buffer.concat(out).toString('latin1'), 'a\x1b_ufr;no\x1b\\bc\x1b_ufr;no\x1b\\d')
})

test('a guest that writes nothing but marks keeps nobody busy', () => {
  const parser = markParser(() => false)
  const many = Buffer.from('\x1b_\x1b\\\x1b_ufr;a\x1b\\'.repeat(100_000))
  const began = performance.now()
  assert.equal(parser.push(many).length, many.length)
  assert.ok(performance.now() - began < 2000)
})
