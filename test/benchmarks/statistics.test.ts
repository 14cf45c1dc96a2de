import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  type Line,
  sectionJson,
  sectionText,
  summarize,
  verdictText,
} from '../../script/benchmarks/report.ts'
import { interleave } from '../../src/bench/interleave.ts'
import { median, pairRatios } from '../../src/bench/statistics.ts'

test('the median is the middle, or between the two middle ones, whatever the order', () => {
  assert.equal(median([3]), 3)
  assert.equal(median([9, 1, 10]), 9)
  assert.equal(median([10, 1, 2, 9]), 5.5)
  assert.throws(() => median([]), RangeError)
})

test('ratios are those of what was measured next to each other', () => {
  assert.deepEqual(pairRatios([10, 40], [5, 80]), [2, 0.5])
})

test('arms take turns, and the order turns round every time', async () => {
  const order: string[] = []
  const arm = (name: string) => async () => order.push(name)
  const found = await interleave(3, { a: arm('a'), b: arm('b'), c: arm('c') })
  assert.equal(order.join(''), 'abccbaabc')
  assert.deepEqual(found, { a: [1, 6, 7], b: [2, 5, 8], c: [3, 4, 9] })
})

const line = (ufr: number[], theirs: number[]): Line => ({
  what: 'start',
  ufr,
  against: { name: 'bare', samples: theirs },
  goal: { text: 'at most 1.05x, or 15 ms more', limit: (ms) => Math.max(1.05 * ms, ms + 15) },
})

test('a goal is judged by the median of the pairs, up to its very limit', () => {
  assert.deepEqual(summarize(line([1050, 1, 9999], [1000, 1000, 1000])), {
    ufr: 1050,
    against: 1000,
    ratio: 1.05,
    ratioOfPairs: 1.05,
    limit: 1050,
    met: true,
  })
  assert.equal(summarize(line([1051], [1000])).met, false)
  assert.equal(summarize(line([115], [100])).met, true)
  assert.equal(summarize(line([115.1], [100])).met, false)
  // A machine that got slower halfway: the medians differ, no pair does.
  const drift = summarize(line([1000, 1001, 2000, 2000], [1000, 1000, 1000, 2000]))
  assert.deepEqual([drift.ratio, drift.met], [1.5005, true])
})

test('a report says what is met and what is not, and what has no goal', () => {
  const free: Line = { what: 'whole command', ufr: [7] }
  const section = { name: 's', title: 'T', how: ['How.'], lines: [line([1051], [1000]), free] }
  const text = sectionText(section)
  assert.match(text, /^T\n {2}How\.\n\n/)
  assert.match(text, /start +1051\.0 +bare +1000\.0 +\+51\.0 +1\.05x +1\.05x +at most .* NOT MET\n/)
  assert.match(text, /\nwhole command +7\.0\n$/)
  assert.equal(verdictText([section]), '0 of 1 goals met; not met: start')
  assert.equal(verdictText([{ ...section, lines: [line([1], [1])] }]), '1 of 1 goals met')
  assert.deepEqual(JSON.parse(JSON.stringify(sectionJson(section))).lines[1], {
    what: 'whole command',
    ufr: 7,
    samples: { ufr: [7] },
  })
})
