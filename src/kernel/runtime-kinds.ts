import { UfrError } from '../base/errors.ts'
import { didYouMean } from '../base/nearest.ts'
import type { Progress } from '../base/progress.ts'
import type { RuntimeOptions } from './ensure-runtime.ts'
import type { Runtime } from './runtimes.ts'

/** A language whose runtimes can be fetched into the store. */
export interface RuntimeKind {
  /** The language, as runtimes of the store are named: `node`. */
  language: string
  /** How one is written on the command line, for messages: `node@24`. */
  example: string
  /** Whether a word is meant to name one of its runtimes, be it with a version that does not exist. */
  speaks(word: string): boolean
  /**
   * Gets the runtime that a word names: from the store, else from where it comes.
   * @throws UfrError UFR-USAGE or UFR-RUNTIME for a version that is none.
   */
  ensure(word: string, progress: Progress, options: RuntimeOptions): Promise<Runtime>
}

/** All of them; what a kind does is imported only when it is asked. A further language is an entry here. */
export const runtimeKinds: readonly RuntimeKind[] = [
  {
    language: 'node',
    example: 'node@24',
    speaks: (word) => /^node(js)?(?![a-z])/i.test(word),
    async ensure(word, progress, options) {
      const { nodeMajor } = await import('./node/major.ts')
      const { ensureNodeRuntime } = await import('./node/node-runtime.ts')
      return ensureNodeRuntime(nodeMajor(word), progress, options)
    },
  },
  {
    language: 'python',
    example: 'python@3.13',
    speaks: (word) => /^py(thon)?(?![a-z])/i.test(word),
    async ensure(word, progress, options) {
      const { pythonSource } = await import('./python/version.ts')
      const { ensurePythonRuntime } = await import('./python/python-runtime.ts')
      return ensurePythonRuntime(pythonSource(word), progress, options)
    },
  },
  {
    language: 'java',
    example: 'java@21',
    speaks: (word) => /^(java|jdk|openjdk)(?![a-z])/i.test(word),
    async ensure(word, progress, options) {
      const { javaMajor, usualJava } = await import('./java/version.ts')
      const { ensureJavaRuntime } = await import('./java/java-runtime.ts')
      return ensureJavaRuntime(javaMajor(word) ?? usualJava, progress, options)
    },
  },
  {
    language: 'swift',
    example: 'swift@6.0',
    speaks: (word) => /^swift(lang)?(?![a-z])/i.test(word),
    async ensure(word, progress, options) {
      const { swiftVersion } = await import('./swift/version.ts')
      const { ensureSwiftRuntime } = await import('./swift/swift-runtime.ts')
      return ensureSwiftRuntime(swiftVersion(word), progress, options)
    },
  },
]

/**
 * The kind of runtime that a word of the command line names: `node@24`, `nodejs24.x`, `python3.13`.
 * @throws UfrError UFR-USAGE for a word that no kind knows, naming all that there are.
 */
export function runtimeKind(word: string): RuntimeKind {
  const kind = runtimeKinds.find(({ speaks }) => speaks(word))
  if (kind) return kind
  const name = /^[a-z]*/i.exec(word)?.[0] ?? ''
  const hint = didYouMean(
    name,
    runtimeKinds.map(({ language }) => language),
  )
  throw new UfrError('UFR-USAGE', `${JSON.stringify(word)} names no runtime that can be fetched${hint}`, {
    fix: `Runtimes are written as in ${runtimeKinds.map(({ example }) => example).join(', ')}.`,
  })
}
