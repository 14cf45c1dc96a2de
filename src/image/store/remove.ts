import { sweepContainers } from '../container/sweep.ts'
import { type ImageRecord, listImages, removeRecord } from './record.ts'
import { sweepVolumes } from './volume.ts'

/**
 * Takes images out of the store, every volume that no image is left for, and of container images what is old, or with
 * the last image all that is kept. A guest that runs from one of them goes
 * on: its files are open.
 * @returns how many bytes of the disk are free again.
 */
export function removeImages(images: readonly ImageRecord[]): number {
  for (const { digest } of images) removeRecord(digest)
  const left = listImages()
  const volumes = sweepVolumes(new Set(left.flatMap(({ volumes }) => volumes.map(({ key }) => key))))
  return volumes + sweepContainers(left.length === 0)
}

/** All images but the newest of each function on each unikernel: what nobody is likely to boot again. */
export function outdatedImages(): ImageRecord[] {
  const seen = new Set<string>()
  return listImages().filter(({ function: name, unikernel }) => {
    const key = `${name} ${unikernel}`
    const outdated = seen.has(key)
    seen.add(key)
    return outdated
  })
}
