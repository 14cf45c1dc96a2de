import type { Tree } from '../../image/tree.ts'
import type { Observation } from './record.ts'

interface Sum {
  files: number
  bytes: number
}

/** What an image has that its function used, and what it carries for nothing. */
export interface Usage {
  used: Sum
  unused: Sum
  /** Where most of what is not used lies: folders of the guest, the heaviest first. */
  places: { place: string; bytes: number }[]
}

/** How a function came to a file of its image; undefined where it did not. */
export function useOf(path: string, observation: { opened: Set<string>; looked: Set<string> }) {
  if (observation.opened.has(path)) return 'opened' as const
  return observation.looked.has(path) ? ('looked' as const) : undefined
}

/**
 * Compares an image with what was observed of its function.
 * @param tree the guest's root. What ufr itself put there counts for nothing: nobody can do without it.
 */
export function usageOf(tree: Tree, { opened, looked }: Pick<Observation, 'opened' | 'looked'>): Usage {
  const sets = { opened: new Set(opened), looked: new Set(looked) }
  const usage: Usage = { used: { files: 0, bytes: 0 }, unused: { files: 0, bytes: 0 }, places: [] }
  const places = new Map<string, number>()
  for (const [path, entry] of tree.sorted()) {
    if (entry.kind !== 'file' || entry.origin?.reason === 'ufr') continue
    const sum = useOf(`/${path}`, sets) ? usage.used : usage.unused
    sum.files++
    sum.bytes += entry.content.size
    if (sum === usage.unused) {
      const place = placeOf(path)
      places.set(place, (places.get(place) ?? 0) + entry.content.size)
    }
  }
  const sorted = [...places].map(([place, bytes]) => ({ place, bytes })).sort((a, b) => b.bytes - a.bytes)
  return { ...usage, places: sorted }
}

/** Three levels of folders: deep enough to tell what it is, shallow enough to add up. */
function placeOf(path: string): string {
  return `/${path.split('/').slice(0, 3).join('/')}`
}
