import fs from 'node:fs'
import path from 'node:path'
import { createFolderAtomic } from '../../base/atomic.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'

/** A jar of a function's class path. */
export interface ClassPathEntry {
  /** Where it is in the guest, relative to /var/task. */
  name: string
  /** Where it is on the host. */
  file: string
}

const listName = 'class-path.json'

/**
 * The jars that a build makes, from the store where they were made before.
 * @param key names everything that the build depends on.
 * @param make puts jars into a folder. @returns their paths in it, in the order of the class path.
 */
export async function ensureBuild(
  key: string,
  progress: Progress,
  what: string,
  make: (folder: string) => Promise<string[]>,
): Promise<ClassPathEntry[]> {
  const folder = homePath('jvm', 'builds', key)
  if (!fs.existsSync(folder)) {
    const once = async () => {
      if (fs.existsSync(folder)) return
      await createFolderAtomic(folder, async (made) => {
        const names = await make(made)
        fs.writeFileSync(path.join(made, listName), JSON.stringify(names))
      })
    }
    await withLock(homePath('jvm', `build-${key}.lock`), once, { progress, what })
  }
  const names = JSON.parse(fs.readFileSync(path.join(folder, listName), 'utf8')) as string[]
  return names.map((name) => ({ name, file: path.join(folder, name) }))
}
