/**
 * The order in which each of a number of things is done once a round: turned round every time (A B, B A, …), so that
 * none always comes first, or always after the same other one.
 */
export function orderOf<T>(things: readonly T[], round: number): T[] {
  return round % 2 === 0 ? [...things] : things.toReversed()
}

/**
 * Runs each arm once a round, in that order.
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
    for (const name of orderOf(names, round)) results[name].push(await arms[name]())
  }
  return results
}
