import { homePath } from '../base/paths.ts'
import type { Progress } from '../base/progress.ts'
import type { DebianOptions } from './debian/packages.ts'
import { type Runtime, storedRuntime } from './runtimes.ts'

export interface RuntimeOptions extends DebianOptions {
  /** Look for a newer version although one that fits is there. */
  refresh?: boolean
}

export interface RuntimeMaker {
  /** For people: `Python 3.13`. */
  title: string
  /** Makes the runtime and puts it into the store; what it needs for that it imports itself. */
  make(): Promise<Runtime>
}

/**
 * A runtime of the store, without any network; where there is none that fits, or a newer one is asked for, it is made,
 * by one process at a time.
 * @param wanted the numbers that its version begins with: `24`, `3.13`.
 * @throws UfrError as the maker does; UFR-STORE-RECORD where the only one that is there is broken.
 */
export async function ensureRuntime(
  language: string,
  wanted: string,
  progress: Progress,
  { refresh = false }: RuntimeOptions,
  { title, make }: RuntimeMaker,
): Promise<Runtime> {
  const there = refresh ? undefined : storedRuntime(language, wanted)
  if (there) return there
  // Loaded only now: what fetches is a lot of code, and every run would wait for it.
  const { withLock } = await import('../base/lock.ts')
  return withLock(
    homePath('runtimes', `${language}.lock`),
    async () => (refresh ? undefined : storedRuntime(language, wanted)) ?? (await make()),
    { progress, what: title },
  )
}
