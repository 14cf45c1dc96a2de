import { UfrError } from '../../base/errors.ts'

/** The Swift that can be fetched, and the suite of Debian that has it. */
export const swiftSource = { version: '6.0', suite: 'trixie' } as const

/**
 * The version of Swift that a word stands for: `swift`, `swift@6`, `swift-6.0`, `swiftlang`.
 * @throws UfrError UFR-USAGE for what is no such word, UFR-RUNTIME for a version that cannot be fetched.
 */
export function swiftVersion(word: string): string {
  const match = /^swift(?:lang)?(?:[@-]?(\d{1,2})(?:\.(\d{1,2})(?:\.(?:\d{1,2}|x))?)?)?$/i.exec(word)
  const { version } = swiftSource
  if (!match) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(word)} is no Swift toolchain`, {
      fix: `Write it as in swift@${version}.`,
    })
  }
  const [, major, minor] = match
  if ([undefined, '6'].includes(major) && [undefined, '0'].includes(minor)) return version
  throw new UfrError(
    'UFR-RUNTIME',
    `Swift ${major}${minor ? `.${minor}` : ''} is not among what can be fetched: ${version}`,
    {
      fix: `Install it from swift.org, so that its \`swiftc\` is on PATH: it is used before any other. Or take swift@${version}.`,
    },
  )
}
