import type { Reader } from './reader.ts'

const maxVersions = 4096

/** Versions that a file needs of others, by their names; those that may be missing are left out. */
export function neededVersions(
  read: Reader,
  at: number,
  count: number,
  strings: { at: number; size: number },
): Map<string, string[]> {
  const needed = new Map<string, string[]>()
  let entry = at
  for (let i = 0; at >= 0 && i < Math.min(count, maxVersions); i++) {
    const versions: string[] = []
    const auxiliaries = Math.min(read.half(entry + 2), maxVersions)
    let auxiliary = entry + read.int(entry + 8)
    for (let j = 0; j < auxiliaries; j++) {
      // A weak one may be missing.
      if ((read.half(auxiliary + 4) & 2) === 0) versions.push(read.text(strings.at + read.int(auxiliary + 8)))
      const next = read.int(auxiliary + 12)
      if (next === 0) break
      auxiliary += next
    }
    needed.set(read.text(strings.at + read.int(entry + 4)), versions)
    const next = read.int(entry + 12)
    if (next === 0) break
    entry += next
  }
  return needed
}

/** Versions that a file has. */
export function definedVersions(
  read: Reader,
  at: number,
  count: number,
  strings: { at: number; size: number },
): string[] {
  const defined: string[] = []
  let entry = at
  for (let i = 0; at >= 0 && i < Math.min(count, maxVersions); i++) {
    defined.push(read.text(strings.at + read.int(entry + read.int(entry + 12))))
    const next = read.int(entry + 16)
    if (next === 0) break
    entry += next
  }
  return defined
}
