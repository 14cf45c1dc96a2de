import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { listRuntimes, storedRuntime } from '../runtimes.ts'
import { ensureJavaRuntime } from './java-runtime.ts'
import { hostJdks, type Jdk, storedJdk } from './jdk.ts'
import { oldestJava, usualJava } from './version.ts'

/**
 * The JDK for a function: of the host's the first that fits, else one of the store, else one that is fetched.
 * @param wanted the very major that it has to be; undefined where any that is new enough will do.
 * @param least the oldest that can run what the function brings.
 * @throws UfrError UFR-RUNTIME, UFR-DEBIAN as `ensureJavaRuntime`, naming what the host has.
 */
export async function chooseJdk(
  wanted: number | undefined,
  least: number,
  progress: Progress,
  host: readonly Jdk[] = hostJdks(),
): Promise<Jdk> {
  const fits = ({ major }: Jdk) =>
    wanted === undefined ? major >= Math.max(least, oldestJava) : major === wanted
  const found = host.find(fits)
  if (found) return found
  const stored = wanted === undefined ? newestStored(least) : storedRuntime('java', String(wanted))
  if (stored) return storedJdk(stored)
  const major = wanted ?? Math.max(usualJava, least)
  try {
    return storedJdk(await ensureJavaRuntime(major, progress))
  } catch (error) {
    if (!(error instanceof UfrError)) throw error
    const has = host.map(({ version, home }) => `the host has Java ${version} in ${home}`)
    const detail = [...error.detail, ...has]
    const message = `There is no JDK ${major} on this host, and none can be fetched: ${error.message}`
    const fix = `Install a JDK ${major} and set JAVA_HOME to its folder${has.length > 0 ? ', or name another runtime in ufr.json' : ''}.`
    throw new UfrError('UFR-RUNTIME', message, { fix, detail, cause: error })
  }
}

function newestStored(least: number) {
  return listRuntimes().runtimes.find(
    ({ language, version }) => language === 'java' && Number(version.split('.')[0]) >= least,
  )
}
