import { UfrError } from '../../base/errors.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { DebianOptions } from '../debian/packages.ts'
import { listRuntimes, type Runtime } from '../runtimes.ts'

export interface NodeRuntimeOptions extends DebianOptions {
  /** Ask npm for a newer version although one of this major is there. */
  refresh?: boolean
}

/**
 * The Node.js runtime of a major version: from the store, without any network, else the program from the npm package
 * of official binaries and its libraries from Debian's packages. Nothing of it comes from the host.
 * @throws UfrError UFR-RUNTIME where the major does not exist or npm fails; UFR-DEBIAN where the packages cannot be had.
 */
export async function ensureNodeRuntime(
  major: number,
  progress: Progress,
  options: NodeRuntimeOptions = {},
): Promise<Runtime> {
  const there = options.refresh ? undefined : storedRuntime(major)
  if (there) return there
  if (!Number.isSafeInteger(major) || major < 0)
    throw new UfrError('UFR-RUNTIME', `There is no Node.js ${major}`)
  // Loaded only now: what fetches is a lot of code, and every run would wait for it.
  const { withLock } = await import('../../base/lock.ts')
  const { makeNodeRuntime } = await import('./make-runtime.ts')
  return withLock(
    homePath('runtimes', 'node.lock'),
    async () =>
      (options.refresh ? undefined : storedRuntime(major)) ??
      (await makeNodeRuntime(major, progress, options)),
    { progress, what: `Node.js ${major}` },
  )
}

/** The newest runtime of a major in the store. @throws UfrError UFR-STORE-RECORD where the only one is broken. */
function storedRuntime(major: number): Runtime | undefined {
  const fits = (each: { language: string; version: string }) =>
    each.language === 'node' && each.version.split('.')[0] === String(major)
  const { runtimes, broken } = listRuntimes()
  const newest = runtimes.find(fits)
  const damaged = broken.find(fits)
  if (!newest && damaged) throw damaged.error
  return newest
}
