import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  difference,
  doubledRanks,
  leastP,
  pairedShift,
  runsNeeded,
  upperTail,
} from '../../src/bench/rank-test.ts'

const near = (found: number, wanted: number, by = 5e-5) =>
  assert.ok(Math.abs(found - wanted) <= by, `${found} is not near ${wanted}`)

/** Permeability of the human chorioamnion: Hollander and Wolfe, Nonparametric Statistical Methods, table 4.1. */
const atTerm = [0.8, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
const earlier = [1.15, 0.88, 0.9, 0.74, 1.21]

test('the example of the literature comes out as it is printed there', () => {
  const found = difference(earlier, atTerm)
  // W = 35 and one-sided p = 0.1272 in the book, and in wilcox.test of R; the exact distribution is symmetric.
  assert.equal(found.u, 35)
  near(found.p, 2 * 0.1272, 1e-4)
  near(found.shift, 0.305, 1e-9)
  near(found.delta, 2 * (35 / 50) - 1, 1e-12)
})

test('all of one above all of the other has the least p there is: two of all combinations', () => {
  // 2 of 252: by hand.
  const found = difference([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
  near(found.p, 2 / 252, 1e-12)
  assert.deepEqual([found.u, found.delta, found.shift], [25, 1, 5])
  assert.deepEqual(difference([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]).delta, -1)
  near(leastP(5, 5), 2 / 252, 1e-12)
  assert.equal(leastP(1, 1), 1)
  // 3 and 3: 0.1; 4 and 4: 2 of 70.
  assert.deepEqual([runsNeeded(0.05), runsNeeded(0.01), runsNeeded(0.1)], [4, 5, 3])
})

test('the interval is the one of the tables: for 5 and 5, the third smallest difference of 25', () => {
  // P(U <= 2) = 4 / 252 = 0.0159, P(U <= 3) = 7 / 252 = 0.0278: critical value 2 at 0.05, two-sided.
  const first = [1, 3, 6, 10, 15]
  const second = [21, 28, 36, 45, 55]
  const all = first.flatMap((a) => second.map((b) => b - a)).sort((a, b) => a - b)
  assert.deepEqual(difference(first, second).interval, [all[2], all[22]])
  assert.equal(difference([1, 2, 3], [4, 5, 6]).interval, undefined)
})

test('equal samples do not differ', () => {
  const found = difference([5, 5, 5], [5, 5, 5])
  assert.deepEqual([found.p, found.delta, found.shift], [1, 0, 0])
  assert.throws(() => difference([], [1]), RangeError)
})

test('ties share the mean of their ranks', () => {
  assert.deepEqual(doubledRanks([10, 20, 10, 30]), [3, 6, 3, 8])
})

/** p by trying every way to divide the numbers: the definition of the test. */
function bruteForce(first: readonly number[], second: readonly number[]): number {
  const ranks = doubledRanks([...first, ...second])
  const sums: number[] = []
  const choose = (from: number, left: number, sum: number): void => {
    if (left === 0) sums.push(sum)
    else for (let i = from; i <= ranks.length - left; i++) choose(i + 1, left - 1, sum + ranks[i]!)
  }
  choose(0, second.length, 0)
  const found = ranks.slice(first.length).reduce((sum, rank) => sum + rank, 0)
  const expected = second.length * (ranks.length + 1)
  const extreme = sums.filter((sum) => Math.abs(sum - expected) >= Math.abs(found - expected))
  return extreme.length / sums.length
}

const sample = fc.array(fc.integer({ min: 0, max: 8 }), { minLength: 1, maxLength: 6 })

test('p is exact, with ties as well, and the same the other way round', () => {
  fc.assert(
    fc.property(sample, sample, (first, second) => {
      const { p, delta, shift } = difference(first, second)
      near(p, bruteForce(first, second), 1e-9)
      const back = difference(second, first)
      near(back.p, p, 1e-9)
      near(back.delta, -delta, 1e-9)
      near(back.shift, -shift, 1e-9)
      assert.ok(delta >= -1 && delta <= 1)
    }),
    { numRuns: 150 },
  )
})

test('a shift of all numbers is found as it is, and lies in its interval', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 10_000 }), { minLength: 5, maxLength: 12 }),
      fc.integer({ min: -500, max: 500 }),
      (first, by) => {
        const { shift, interval } = difference(
          first,
          first.map((value) => value + by),
        )
        assert.equal(shift, by)
        assert.ok(interval && interval[0] <= by && by <= interval[1])
      },
    ),
    { numRuns: 100 },
  )
})

test('large samples get the normal distribution, with half a step taken off', () => {
  const first = Array.from({ length: 60 }, (_, i) => (i * 37) % 1009)
  const second = Array.from({ length: 50 }, (_, i) => ((i * 53) % 997) + 200.5)
  const { u, p, interval, shift } = difference(first, second)
  const deviation = Math.sqrt((60 * 50 * 111) / 12)
  near(p, 2 * upperTail((Math.abs(u - 1500) - 0.5) / deviation), 1e-6)
  assert.ok(interval && interval[0] < shift && shift < interval[1])
  near(upperTail(1.959964), 0.025, 1e-6)
  near(upperTail(0), 0.5, 1e-6)
})

test('the paired example of the literature comes out as it is printed there', () => {
  // Depression scores before and after: Hollander and Wolfe, table 3.1; wilcox.test(paired = TRUE, conf.int = TRUE) in R.
  const before = [1.83, 0.5, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.3]
  const after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
  const { shift, interval } = pairedShift(before.map((value, i) => value - after[i]!))
  near(shift, 0.46, 1e-9)
  near(interval![0], 0.01, 1e-9)
  near(interval![1], 0.786, 1e-9)
})

test('five pairs have no interval at 95 %, six have the whole range', () => {
  assert.equal(pairedShift([1, 2, 3, 4, 5]).interval, undefined)
  assert.deepEqual(pairedShift([1, 2, 3, 4, 5, 6]).interval, [1, 6])
  assert.deepEqual(pairedShift([3]).shift, 3)
  assert.throws(() => pairedShift([]), RangeError)
})

test('the interval of a paired shift holds it, and moves with the numbers', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 6, maxLength: 15 }),
      fc.integer({ min: -50, max: 50 }),
      (values, by) => {
        const [one, other] = [pairedShift(values), pairedShift(values.map((value) => value + by))]
        assert.ok(one.interval![0] <= one.shift && one.shift <= one.interval![1])
        near(other.shift, one.shift + by, 1e-9)
      },
    ),
    { numRuns: 100 },
  )
})
