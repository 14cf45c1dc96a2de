/** The middle of some numbers; between the two middle ones where there is none. @throws RangeError for no numbers. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('no numbers have no median')
  const sorted = values.toSorted((a, b) => a - b)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** Quotients of what was measured next to each other: a machine that slows down halfway does not show in them. */
export function pairRatios(ours: readonly number[], theirs: readonly number[]): number[] {
  return ours.slice(0, theirs.length).map((value, i) => value / theirs[i]!)
}

/**
 * Runs each arm once a round, in an order that is turned round every time (A B, B A, …): no arm always comes first, or
 * always after the same other one.
 * @returns what each arm gave, by its name, in the order of the rounds.
 */
export async function interleave<Arm extends string, T>(
  rounds: number,
  arms: Record<Arm, () => Promise<T>>,
  tell: (round: number) => void = () => {},
): Promise<Record<Arm, T[]>> {
  const names = Object.keys(arms) as Arm[]
  const results = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Arm, T[]>
  for (let round = 0; round < rounds; round++) {
    tell(round)
    for (const name of round % 2 === 0 ? names : names.toReversed()) results[name].push(await arms[name]())
  }
  return results
}
