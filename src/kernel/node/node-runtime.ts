import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { ensureRuntime, type RuntimeOptions } from '../ensure-runtime.ts'
import type { Runtime } from '../runtimes.ts'

/**
 * The Node.js runtime of a major version: from the store, without any network, else the program from the npm package
 * of official binaries and its libraries from Debian's packages. Nothing of it comes from the host.
 * @throws UfrError UFR-RUNTIME where the major does not exist or npm fails; UFR-DEBIAN where the packages cannot be had.
 */
export async function ensureNodeRuntime(
  major: number,
  progress: Progress,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  if (!Number.isSafeInteger(major) || major < 0)
    throw new UfrError('UFR-RUNTIME', `There is no Node.js ${major}`)
  return ensureRuntime('node', String(major), progress, options, {
    title: `Node.js ${major}`,
    make: async () => (await import('./make-runtime.ts')).makeNodeRuntime(major, progress, options),
  })
}
