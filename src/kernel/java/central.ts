import { UfrError } from '../../base/errors.ts'
import type { Progress } from '../../base/progress.ts'
import { download } from '../download/download.ts'

/** Maven Central, by the address that Maven itself uses. */
const central = 'https://repo.maven.apache.org/maven2/'

/** A file of Maven Central, with what it has to be: no other one is ever run. */
export interface Artifact {
  path: string
  sha256: string
}

/**
 * Fetches a file from Maven Central.
 * @param what for people: what cannot be had without it.
 * @param instead what to do without a network.
 * @throws UfrError UFR-RUNTIME where it cannot be had, UFR-CHECKSUM where it is not the one that is expected.
 */
export async function fetchArtifact(
  { path, sha256 }: Artifact,
  file: string,
  progress: Progress,
  { what, instead }: { what: string; instead: string },
): Promise<void> {
  try {
    await download(central + path, file, { progress, expected: { sha256 } })
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-DOWNLOAD') throw error
    throw new UfrError('UFR-RUNTIME', `${what} cannot be had: ${error.message}`, {
      fix: `Check the network, HTTPS_PROXY and UFR_MIRROR; or ${instead}.`,
      detail: error.detail,
      cause: error,
    })
  }
}
