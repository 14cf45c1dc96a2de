/**
 * Comparing two small samples without assuming how they are distributed: times of cold starts have a hard lower end and
 * a long tail. Wilcoxon's rank sum test (Mann and Whitney's U) with its exact distribution, the shift between the two
 * by Hodges and Lehmann, and Cliff's delta as the size of the effect.
 */

export interface Difference {
  /** Mann and Whitney's U of the second sample: in how many pairs it is the larger one, ties counting half. */
  u: number
  /** How likely ranks at least this uneven would be if both came from the same distribution; two-sided. */
  p: number
  /** Cliff's delta: from -1, all of the second below all of the first, over 0 to 1, all above. */
  delta: number
  /** By how much the second is above the first: the median of all pairs' differences. */
  shift: number
  /** An interval for the shift with the wanted confidence; undefined where there are too few numbers for any. */
  interval?: [low: number, high: number]
}

/** Above this many numbers the normal distribution stands in for the exact one: they no longer differ visibly. */
const mostExact = 100

/**
 * Compares two samples.
 * @param confidence of the interval, 0 to 1.
 * @throws RangeError where one of them is empty.
 */
export function difference(
  first: readonly number[],
  second: readonly number[],
  confidence = 0.95,
): Difference {
  if (first.length === 0 || second.length === 0) throw new RangeError('an empty sample cannot be compared')
  const pairs = first.flatMap((a) => second.map((b) => b - a)).sort((a, b) => a - b)
  const u = pairs.reduce((sum, each) => sum + (each > 0 ? 1 : each === 0 ? 0.5 : 0), 0)
  const half = pairs.length >> 1
  const shift = pairs.length % 2 === 1 ? pairs[half]! : (pairs[half - 1]! + pairs[half]!) / 2
  const outside = pairsOutside(first.length, second.length, 1 - confidence)
  return {
    u,
    p: rankSumP(first, second),
    delta: (2 * u) / pairs.length - 1,
    shift,
    ...(outside > 0 && { interval: [pairs[outside - 1]!, pairs[pairs.length - outside]!] as const }),
  } as Difference
}

/** By how much something changed, from what was measured next to each other. */
export interface PairedShift {
  /** The median of the means of all pairs of differences (Walsh averages; Hodges and Lehmann). */
  shift: number
  /** Undefined where there are too few differences for any. */
  interval?: [low: number, high: number]
}

/**
 * The shift in differences of neighbours, with its interval by Wilcoxon's signed rank test: a machine that gets slower
 * and faster for all alike does not show in it.
 * @param confidence of the interval, 0 to 1.
 * @throws RangeError for no differences.
 */
export function pairedShift(differences: readonly number[], confidence = 0.95): PairedShift {
  const count = differences.length
  if (count === 0) throw new RangeError('no differences have no shift')
  const means = differences
    .flatMap((a, i) => differences.slice(i).map((b) => (a + b) / 2))
    .sort((a, b) => a - b)
  const half = means.length >> 1
  const shift = means.length % 2 === 1 ? means[half]! : (means[half - 1]! + means[half]!) / 2
  const outside = meansOutside(count, 1 - confidence)
  return {
    shift,
    ...(outside > 0 && { interval: [means[outside - 1]!, means[means.length - outside]!] as const }),
  } as PairedShift
}

/** As `pairsOutside`, of the means of pairs of so many differences. */
function meansOutside(count: number, missed: number): number {
  const sums = (count * (count + 1)) / 2
  if (count > mostExact) {
    const deviation = Math.sqrt((count * (count + 1) * (2 * count + 1)) / 24)
    return Math.max(0, Math.floor(sums / 2 - deviation * upperQuantile(missed / 2)))
  }
  // In how many ways signs of the ranks 1 to `count` give each sum of positive ones.
  const ways = new Float64Array(sums + 1)
  ways[0] = 1
  for (let rank = 1; rank <= count; rank++)
    for (let sum = sums; sum >= rank; sum--) ways[sum]! += ways[sum - rank]!
  const all = 2 ** count
  let below = 0
  for (let sum = 0; sum <= sums; sum++) {
    below += ways[sum]!
    if (below / all > missed / 2) return sum
  }
  return 0
}

/** The smallest p that samples of these sizes can give at all: when all of one are above all of the other. */
export function leastP(first: number, second: number): number {
  const total = first + second
  let combinations = 1
  for (let i = 1; i <= Math.min(first, second); i++) combinations = (combinations * (total - i + 1)) / i
  return Math.min(1, 2 / combinations)
}

/** The least number of runs each with which two samples can differ at a level of significance. */
export function runsNeeded(level: number): number {
  let runs = 1
  while (leastP(runs, runs) > level) runs++
  return runs
}

/** Ranks from 1 on, doubled so that those of ties, which share the mean of theirs, are integers as well. */
export function doubledRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!)
  const ranks = Array<number>(values.length).fill(0)
  for (let start = 0; start < order.length; ) {
    let end = start
    while (end + 1 < order.length && values[order[end + 1]!] === values[order[start]!]) end++
    for (let i = start; i <= end; i++) ranks[order[i]!] = start + end + 2
    start = end + 1
  }
  return ranks
}

function rankSumP(first: readonly number[], second: readonly number[]): number {
  const ranks = doubledRanks([...first, ...second])
  const found = ranks.slice(first.length).reduce((sum, rank) => sum + rank, 0)
  const total = ranks.length
  // Doubled ranks have the mean total + 1.
  const expected = second.length * (total + 1)
  const away = Math.abs(found - expected)
  if (away === 0) return 1
  if (total > mostExact) return normalP(away, ranks, second.length)
  const counts = sumCounts(ranks, second.length)
  let all = 0
  let extreme = 0
  for (const [sum, count] of counts.entries()) {
    all += count
    if (Math.abs(sum - expected) >= away) extreme += count
  }
  return Math.min(1, extreme / all)
}

/**
 * In how many ways some of the ranks, so many of them, add up to each sum: the exact distribution, whatever ties there
 * are. @returns the counts by sum.
 */
function sumCounts(ranks: readonly number[], chosen: number): number[] {
  const most = ranks.reduce((sum, rank) => sum + rank, 0)
  const ways = Array.from({ length: chosen + 1 }, () => new Float64Array(most + 1))
  ways[0]![0] = 1
  let reached = 0
  for (const rank of ranks) {
    reached += rank
    for (let count = chosen; count > 0; count--) {
      const from = ways[count - 1]!
      const to = ways[count]!
      for (let sum = reached; sum >= rank; sum--) to[sum]! += from[sum - rank]!
    }
  }
  return Array.from(ways[chosen]!)
}

/** By the normal distribution, corrected for ties and for steps (Lehmann, Nonparametrics, 1.3 and 1.4). */
function normalP(away: number, ranks: readonly number[], chosen: number): number {
  const total = ranks.length
  const middle = total + 1
  const variance = ranks.reduce((sum, rank) => sum + (rank - middle) ** 2, 0) / (total - 1)
  const deviation = Math.sqrt((variance * chosen * (total - chosen)) / total)
  return deviation === 0 ? 1 : Math.min(1, 2 * upperTail(Math.max(0, away - 1) / deviation))
}

/**
 * How many of the smallest and of the largest differences lie outside an interval that is missed with at most this
 * probability; 0 where even the whole range is missed more often.
 */
function pairsOutside(first: number, second: number, missed: number): number {
  const pairs = first * second
  const total = first + second
  if (total > mostExact) {
    const deviation = Math.sqrt((pairs * (total + 1)) / 12)
    return Math.max(0, Math.floor(pairs / 2 - deviation * upperQuantile(missed / 2)))
  }
  const ranks = Array.from({ length: total }, (_, i) => 2 * (i + 1))
  const counts = sumCounts(ranks, second)
  const all = counts.reduce((sum, count) => sum + count, 0)
  const least = second * (second + 1)
  let below = 0
  let outside = 0
  for (let u = 0; u < pairs; u++) {
    below += counts[least + 2 * u]!
    if (below / all > missed / 2) break
    outside = u + 1
  }
  return outside
}

/** Share of the standard normal distribution above z >= 0 (Abramowitz and Stegun 26.2.17; error below 7.5e-8). */
export function upperTail(z: number): number {
  const t = 1 / (1 + 0.2316419 * z)
  const series =
    t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series
}

/** The z above which that share of the standard normal distribution lies, for shares up to a half. */
function upperQuantile(share: number): number {
  let [low, high] = [0, 40]
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (upperTail(middle) > share) low = middle
    else high = middle
  }
  return (low + high) / 2
}
