import type { Progress } from '../../base/progress.ts'
import { ensureRuntime, type RuntimeOptions } from '../ensure-runtime.ts'
import type { Runtime } from '../runtimes.ts'
import type { PythonSource } from './version.ts'

/**
 * A Python runtime: from the store, without any network, else from Debian's packages of the suite that has this
 * version, with that suite's own C library. Nothing of it comes from the host.
 * @throws UfrError UFR-DEBIAN where the packages cannot be had, UFR-RUNTIME where they are not as expected.
 */
export async function ensurePythonRuntime(
  source: PythonSource,
  progress: Progress,
  options: RuntimeOptions = {},
): Promise<Runtime> {
  return ensureRuntime('python', source.version, progress, options, {
    title: `Python ${source.version}`,
    make: async () => (await import('./make-runtime.ts')).makePythonRuntime(source, progress, options),
  })
}
