/** Longer words are not compared: nobody mistypes a key of that length, and the comparison is quadratic. */
const maxWordLength = 100

/**
 * How many letters have to be added, removed, replaced or swapped with their neighbour to get from one word to the
 * other (optimal string alignment distance).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      let best = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1)
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, beforeLast[j - 2]! + 1)
      }
      row.push(best)
    }
    beforeLast = last
    last = row
  }
  return last[b.length]!
}

/** Letters and digits in lower case: `memory_size`, `memory-size` and `memorySize` are meant to be the same. */
function plain(word: string): string {
  return word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '')
}

/** 0 for the same word but for case and punctuation; infinite where the words have nothing to do with each other. */
function unlikeness(word: string, candidate: string): number {
  const a = plain(word)
  const b = plain(candidate)
  if (a === b) return a === '' && word !== candidate ? Number.POSITIVE_INFINITY : 0
  const shorter = Math.min(a.length, b.length)
  const distance = editDistance(a, b)
  if (distance <= Math.max(1, Math.floor(shorter / 3)) && distance < shorter) return distance
  // `env` for `environment`, `memorySize` for `memory`: worse than any mistyped letter.
  return shorter >= 3 && (a.startsWith(b) || b.startsWith(a))
    ? maxWordLength + distance
    : Number.POSITIVE_INFINITY
}

/** The candidate that somebody who wrote `word` most likely meant, or undefined where none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > maxWordLength) return undefined
  let found: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    if (candidate.length > maxWordLength) continue
    const n = unlikeness(word, candidate)
    if (n < least) {
      least = n
      found = candidate
    }
  }
  return found
}

/** For the end of a message: `; did you mean "memory"?`, or nothing. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = nearest(word, candidates)
  return found === undefined ? '' : `; did you mean ${JSON.stringify(found)}?`
}
