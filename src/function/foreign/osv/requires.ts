import { didYouMean } from '../../../base/nearest.ts'
import { inputError, type TextFile } from '../text.ts'
import { findModule, moduleNames, type Repositories } from './repositories.ts'

/** Modules of upstream's that stand for a language's runtime, from the host or built: ufr has its own. */
const runtimes: [pattern: RegExp, language: string][] = [
  [/^node(-from-host)?$/, 'node'],
  [/^(java\d*|java-(from-host|base|cmd|isolated|non-isolated)|openjdk.*)$/, 'java'],
  [/^(python|python3x|python-from-host)$/, 'python'],
]

/** Modules that bring shared libraries, or data that nothing here needs: libraries are found from the programs. */
const findable =
  /^(lib[\w+-]+|openssl|ncurses|sqlite|terminfo|unknown-term|ca-certificates|certs|golang|fonts)$/

export type Requirement = { runtime: string } | { folder: string } | { leftOut: true }

/** What a name stands for that a module requires. @throws UfrError UFR-INPUT for a module that is nowhere. */
export function requirement(
  file: TextFile,
  { name, at }: { name: string; at: number },
  repositories: Repositories,
): Requirement {
  const runtime = runtimes.find(([pattern]) => pattern.test(name))
  if (runtime) return { runtime: runtime[1] }
  const folder = findModule(repositories, name)
  if (folder !== undefined) return { folder }
  if (findable.test(name)) return { leftOut: true }
  const { folders, missing } = repositories
  const near = didYouMean(name, moduleNames(repositories))
  throw inputError(file, at, `the module ${JSON.stringify(name)} cannot be had here${near}`, {
    detail: [`looked in: ${[...folders, ...missing.map((one) => `${one} (not there)`)].join(', ')}`],
    fix: "Put its folder beside this one, name its repository in config.json, or set OSV_BASE to OSv's sources; of OSv's own, node, java and python stand for ufr's runtimes.",
  })
}
