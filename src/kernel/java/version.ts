import { UfrError } from '../../base/errors.ts'

/** The oldest Java that our guest side and the tools used here run on. */
export const oldestJava = 17
/** What is fetched where a function does not say which Java it wants, and the host has none. */
export const usualJava = 21

/**
 * The Java that a runtime identifier stands for: AWS's `java21`, and as people write it, `java@21`, `jdk-21`; undefined
 * for `java`, which is any that fits.
 * @throws UfrError UFR-USAGE for what is no such identifier, UFR-RUNTIME for a version that is too old.
 */
export function javaMajor(runtime: string): number | undefined {
  const match = /^(?:java|jdk|openjdk)(?:[@-]?(\d{1,2})(?:\.al2)?)?$/.exec(runtime)
  if (!match) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(runtime)} is no Java runtime`, {
      fix: `Write it as in java${usualJava}.`,
    })
  }
  if (match[1] === undefined) return undefined
  const major = Number(match[1])
  if (major >= oldestJava) return major
  throw new UfrError('UFR-RUNTIME', `${runtime} is too old: functions run on Java ${oldestJava} or later`, {
    fix: `Use java${oldestJava} or java${usualJava}: later versions run what was compiled for earlier ones.`,
  })
}
