import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mean, median, quantile, standardDeviation, summarize } from '../../src/bench/statistics.ts'

const numbers = fc.array(fc.integer({ min: -1000, max: 1000 }), { minLength: 1, maxLength: 30 })

test('means, medians and deviations are those of the textbook', () => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9]
  assert.equal(mean(values), 5)
  assert.equal(median(values), 4.5)
  // The sum of squares is 32, over n - 1.
  assert.equal(standardDeviation(values), Math.sqrt(32 / 7))
  assert.equal(standardDeviation([3]), 0)
  for (const figure of [mean, median, standardDeviation]) assert.throws(() => figure([]), RangeError)
})

test("quantiles are R's and NumPy's default ones", () => {
  // quantile(c(15, 20, 35, 40, 50), c(.05, .4, .95)) in R
  const values = [50, 15, 40, 20, 35]
  assert.equal(quantile(values, 0.05), 16)
  assert.equal(quantile(values, 0.4), 29)
  assert.equal(quantile(values, 0.95), 48)
  assert.equal(quantile([7], 0.95), 7)
  assert.throws(() => quantile(values, 1.1), RangeError)
})

test('a summary is in order, whatever the order of the numbers', () => {
  fc.assert(
    fc.property(numbers, (values) => {
      const { count, least, median: middle, p95, most, mean: average, deviation } = summarize(values)
      assert.equal(count, values.length)
      assert.ok(least <= middle && middle <= p95 && p95 <= most)
      assert.ok(average >= least - 1e-9 && average <= most + 1e-9 && deviation >= 0)
      assert.deepEqual(summarize(values.toReversed()).median, middle)
    }),
    { numRuns: 200 },
  )
})
