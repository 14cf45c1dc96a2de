import { UfrError } from '../base/errors.ts'
import { type Built, buildFromSource } from '../kernel/build/build.ts'
import type { Kind } from '../kernel/entries.ts'
import type { Call } from './outcome.ts'

/**
 * The work of `ufr kernel build` and `ufr vmm build`: reads the command line, builds, has the outcome taken.
 * @param also options whose values are paths in the clone as well.
 */
export async function fromSource<T>(
  { words, options, progress, signal }: Call,
  kind: Kind,
  also: Record<string, string>,
  take: (built: Built) => Promise<T>,
): Promise<T> {
  const [name, command] = words as [string, string[]]
  const { repo, ref, output, version } = options as Record<string, string | undefined>
  if (repo === undefined || ref === undefined || output === undefined)
    throw new UfrError('UFR-USAGE', 'a build needs --repo, --ref and --output')
  const request = {
    ...{ kind, name, repo, ref, output, also, command },
    ...(version !== undefined && { version }),
    keep: options['keep'] === true,
  }
  return buildFromSource(
    request,
    { progress, signal, output: (chunk) => void process.stderr.write(chunk) },
    take,
  )
}
