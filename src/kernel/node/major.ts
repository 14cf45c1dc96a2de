import { UfrError } from '../../base/errors.ts'

/** The newest line with long-term support: what `nodejs` without a version stands for. */
export const currentMajor = 24
/** The oldest that our guest side runs on. */
export const oldestMajor = 18

/**
 * The major version of Node.js that a runtime identifier stands for: AWS's `nodejs24.x`, `nodejs` for the current one,
 * and as people write it: `node@24`, `node24`.
 * @throws UfrError UFR-USAGE for what is no such identifier, UFR-RUNTIME for a version that is too old.
 */
export function nodeMajor(runtime: string): number {
  const match = /^node(?:js)?(?:@?(\d{1,3})(?:\.x)?)?$/.exec(runtime)
  if (!match) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(runtime)} is no Node.js runtime`, {
      fix: `Write it as in nodejs${currentMajor}.x.`,
    })
  }
  const major = match[1] === undefined ? currentMajor : Number(match[1])
  if (major >= oldestMajor) return major
  throw new UfrError(
    'UFR-RUNTIME',
    `${runtime} is too old: functions run on Node.js ${oldestMajor} or later`,
    {
      fix: `Use nodejs${currentMajor}.x.`,
    },
  )
}
