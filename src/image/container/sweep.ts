import fs from 'node:fs'
import { homePath } from '../../base/paths.ts'

/** What is kept of container images: unpacked layers, small blobs, sums of files. All of it can be had again. */
const folders = ['layers', 'blobs', 'sums']
const keptMs = 30 * 24 * 3600_000

/**
 * Removes what is kept of container images: all of it, or what is a month old.
 * @returns how many bytes of the disk are free again.
 */
export function sweepContainers(all: boolean): number {
  let freed = 0
  for (const folder of folders) {
    const there = homePath('containers', folder)
    for (const name of fs.existsSync(there) ? fs.readdirSync(there) : []) {
      const file = homePath('containers', folder, name)
      const stat = fs.statSync(file, { throwIfNoEntry: false })
      if (!stat?.isFile() || (!all && Date.now() - stat.mtimeMs < keptMs)) continue
      freed += stat.blocks * 512
      fs.rmSync(file, { force: true })
    }
  }
  return freed
}
