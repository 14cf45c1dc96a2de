/** What is said of a list of numbers. */
export interface Summary {
  /** How many there are. */
  count: number
  mean: number
  median: number
  /** 95th percentile, as `quantile` has it: with five numbers it lies just below the largest. */
  p95: number
  /** Standard deviation of a sample (n - 1); 0 for a single number. */
  deviation: number
  least: number
  most: number
}

/** The arithmetic mean. @throws RangeError for no numbers. */
export function mean(values: readonly number[]): number {
  requireSome(values, 'mean')
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** The middle of some numbers; between the two middle ones where there is none. @throws RangeError for no numbers. */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/**
 * The value below which a share of the numbers lies, interpolated between neighbours (Hyndman and Fan's definition 7,
 * the default of R and NumPy).
 * @throws RangeError for no numbers, or a share outside 0 to 1.
 */
export function quantile(values: readonly number[], share: number): number {
  requireSome(values, 'quantile')
  if (!(share >= 0 && share <= 1)) throw new RangeError(`${share} is no share`)
  const sorted = values.toSorted((a, b) => a - b)
  const at = (sorted.length - 1) * share
  const below = sorted[Math.floor(at)]!
  const above = sorted[Math.ceil(at)]!
  return below + (above - below) * (at - Math.floor(at))
}

/** Standard deviation of a sample; 0 for a single number. @throws RangeError for no numbers. */
export function standardDeviation(values: readonly number[]): number {
  const middle = mean(values)
  if (values.length === 1) return 0
  const squares = values.reduce((sum, value) => sum + (value - middle) ** 2, 0)
  return Math.sqrt(squares / (values.length - 1))
}

/** @throws RangeError for no numbers. */
export function summarize(values: readonly number[]): Summary {
  return {
    count: values.length,
    mean: mean(values),
    median: median(values),
    p95: quantile(values, 0.95),
    deviation: standardDeviation(values),
    least: Math.min(...values),
    most: Math.max(...values),
  }
}

/** Quotients of what was measured next to each other: a machine that slows down halfway does not show in them. */
export function pairRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.slice(0, theirs.length).map((value, i) => value / theirs[i]!)
}

function requireSome(values: readonly number[], what: string): void {
  if (values.length === 0) throw new RangeError(`no numbers have no ${what}`)
}
