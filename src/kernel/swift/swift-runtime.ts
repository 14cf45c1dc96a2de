import type { Progress } from '../../base/progress.ts'
import { ensureRuntime, type RuntimeOptions } from '../ensure-runtime.ts'
import type { Runtime } from '../runtimes.ts'

/**
 * The Swift toolchain in the store; fetched from Debian where it is not there: 444 MB, and so never without being asked.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had, UFR-RUNTIME where they are not as expected.
 */
export async function ensureSwiftRuntime(
  version: string,
  progress: Progress,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  return ensureRuntime('swift', version, progress, options, {
    title: `Swift ${version}`,
    make: async () => (await import('./make-runtime.ts')).makeSwiftRuntime(progress, options),
  })
}
