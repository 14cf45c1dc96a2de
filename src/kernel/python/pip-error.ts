import { UfrError } from '../../base/errors.ts'
import type { CommandResult } from '../../base/process.ts'
import type { Runtime } from '../runtimes.ts'

const unreachable =
  /Retrying \(|NewConnectionError|NameResolutionError|Temporary failure in name resolution|ConnectTimeoutError|ProxyError|SSLError|Max retries exceeded|Network is unreachable/

/**
 * What to say of a pip that failed.
 * @param askPip runs pip once more, with other words.
 */
export async function pipError(
  error: unknown,
  { version }: Runtime,
  file: string,
  askPip: (words: string[]) => Promise<CommandResult>,
): Promise<unknown> {
  if (!(error instanceof UfrError) || error.code !== 'UFR-COMMAND') return error
  const text = error.detail.join('\n')
  const detail = error.detail.filter((line) => !/^WARNING: Retrying/.test(line))
  const [, wanted] = /No matching distribution found for (.+)/.exec(text) ?? []
  if (wanted !== undefined && !unreachable.test(text)) {
    const name = /^[\w.-]+/.exec(wanted)?.[0] ?? wanted
    return noMatch(wanted, name, version, file, await versionsOf(name, askPip), error)
  }
  const [, wheel] = /(\S+\.whl) is not a supported wheel on this platform/.exec(text) ?? []
  if (wheel !== undefined) return wrongWheel(wheel, version, file, error)
  const hint = unreachable.test(text)
    ? "Check the network and pip's settings (`pip config list`, PIP_INDEX_URL, PIP_CERT), then run again."
    : `Correct ${file}; the lines above are pip's.`
  return new UfrError('UFR-REQUIREMENTS', `what ${file} names cannot be installed`, {
    fix: hint,
    detail,
    cause: error,
  })
}

function wrongWheel(wheel: string, version: string, file: string, cause: UfrError): UfrError {
  const python = version.split('.').slice(0, 2).join('.')
  const message = `${file}: ${wheel} is for another Python, platform or C library than Python ${python} on x86-64 Linux with glibc`
  const tags = `cp${python.replace('.', '')} (or py3, or abi3) and manylinux…_x86_64 (or any)`
  return new UfrError('UFR-WHEEL', message, {
    fix: `Take the wheel of the same version that has ${tags} in its name, or name the package instead of a file.`,
    cause,
  })
}

function noMatch(
  wanted: string,
  name: string,
  version: string,
  file: string,
  versions: string[],
  cause: UfrError,
): UfrError {
  const python = version.split('.').slice(0, 2).join('.')
  if (versions.length === 0) {
    return new UfrError('UFR-REQUIREMENTS', `${file}: the package index has no ${name}`, {
      fix: `Correct its name in ${file}; an index of your own is named by PIP_INDEX_URL or --index-url.`,
      detail: cause.detail,
      cause,
    })
  }
  const shown = versions.slice(0, 8).join(', ')
  const message = `${file}: ${wanted} has no wheel for Python ${python} on x86-64 Linux`
  return new UfrError('UFR-REQUIREMENTS', message, {
    fix: `Ask for a version that has one, or build one (\`pip wheel --no-deps ${name}\`) and name its file in ${file}: only wheels are taken, nothing is built.`,
    detail: [`versions of ${name}, wheels or not: ${shown}${versions.length > 8 ? ', …' : ''}`],
    cause,
  })
}

/** All versions that the index has, as wheels or only as sources; none where it does not know the package. */
async function versionsOf(
  name: string,
  askPip: (words: string[]) => Promise<CommandResult>,
): Promise<string[]> {
  try {
    const { stdout } = await askPip(['index', 'versions', name])
    const [, list = ''] = /^Available versions: (.+)$/m.exec(stdout) ?? []
    return list.split(', ').filter((each) => each !== '')
  } catch {
    // The first failure says more than this one.
    return []
  }
}
