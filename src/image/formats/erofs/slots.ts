/**
 * Gives runs of slots such that none crosses the end of a block, as inline data must not. Each run goes into the
 * block where it leaves least room, so small files waste next to nothing. `taken` slots of block 0 are not given.
 */
export function slotPlacer(
  slotsPerBlock: number,
  taken: number,
): {
  /** The first slot of a run of at most `slotsPerBlock`, counted from the start of block 0. */
  place(slots: number): number
  /** How many blocks are in use. */
  blocks(): number
} {
  let blocks = 1
  // The next free slot of each block, by how many are free in it.
  const withFree: number[][] = Array.from({ length: slotsPerBlock + 1 }, () => [])
  withFree[slotsPerBlock - taken]!.push(taken)
  return {
    blocks: () => blocks,
    place(slots) {
      let room = slots
      while (room < slotsPerBlock && withFree[room]!.length === 0) room++
      const slot = withFree[room]!.pop() ?? slotsPerBlock * blocks++
      if (room > slots) withFree[room - slots]!.push(slot + slots)
      return slot
    },
  }
}
