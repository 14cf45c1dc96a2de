import { UfrError } from '../../base/errors.ts'

/** A version of Python that a Debian suite has, and what its packages are called there. */
export interface PythonSource {
  version: string
  suite: string
  /** Packages with the libraries that the interpreter and the standard library's own modules need. */
  libraries: readonly string[]
}

const common = ['zlib1g', 'libexpat1', 'libbz2-1.0', 'libffi8', 'liblzma5', 'libsqlite3-0', 'libuuid1']

/** Each suite has one Python; the first is what `python` without a version stands for. */
export const pythonSources: readonly PythonSource[] = [
  { version: '3.13', suite: 'trixie', libraries: [...common, 'libssl3t64', 'libzstd1'] },
  { version: '3.11', suite: 'bookworm', libraries: [...common, 'libssl3', 'libcrypt1'] },
]

/**
 * The version of Python that a runtime identifier stands for: AWS's `python3.13`, `python` or `python3` for the newest,
 * and as people write it: `python@3.11`.
 * @throws UfrError UFR-USAGE for what is no such identifier, UFR-RUNTIME for a version that no Debian suite has.
 */
export function pythonSource(runtime: string): PythonSource {
  const match = /^py(?:thon)?@?(?:3?|(3\.\d{1,2})(?:\.(?:\d{1,3}|x))?)$/.exec(runtime)
  const names = pythonSources.map(({ version }) => `python${version}`)
  if (!match) {
    throw new UfrError('UFR-USAGE', `${JSON.stringify(runtime)} is no Python runtime`, {
      fix: `Write it as in ${names[0]}.`,
    })
  }
  const version = match[1] ?? pythonSources[0]!.version
  const source = pythonSources.find((each) => each.version === version)
  if (source) return source
  throw new UfrError('UFR-RUNTIME', `There is no Python ${version} to be had`, {
    fix: `Set \`runtime\` in ufr.json to ${names.join(' or ')}: the versions that Debian's releases come with.`,
  })
}
