import type { Progress } from '../../base/progress.ts'
import { ensureRuntime, type RuntimeOptions } from '../ensure-runtime.ts'
import type { Runtime } from '../runtimes.ts'

/**
 * The JDK of a major version in the store; fetched from Debian where it is not there.
 * @throws UfrError UFR-RUNTIME for a version that cannot be fetched; UFR-DEBIAN where the packages cannot be had.
 */
export async function ensureJavaRuntime(
  major: number,
  progress: Progress,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  return ensureRuntime('java', String(major), progress, options, {
    title: `Java ${major}`,
    async make() {
      const { makeJavaRuntime } = await import('./make-runtime.ts')
      return makeJavaRuntime(major, progress, options)
    },
  })
}
