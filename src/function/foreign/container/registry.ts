import fs from 'node:fs'
import { UfrError } from '../../../base/errors.ts'
import { withLock } from '../../../base/lock.ts'
import { homePath } from '../../../base/paths.ts'
import type { Progress } from '../../../base/progress.ts'
import type { Descriptor } from '../../../image/container/document.ts'
import { type Blobs, type ContainerImage, imageOf } from '../../../image/container/image.ts'
import { unpackLimits } from '../../../image/container/unpack.ts'
import { parseReference, type Reference, showReference } from '../../../kernel/oci/reference.ts'
import { openRepository, type Repository } from '../../../kernel/oci/registry.ts'

const scheme = /^(oci|docker):\/\//

/** Whether it names an image in a registry. */
export function isRegistryWord(input: string): boolean {
  return scheme.test(input)
}

/**
 * What `oci://REGISTRY/NAME[:TAG][@DIGEST]` or `docker://NAME` means: with Docker's scheme a name without a registry is
 * one of Docker's, as on its own command line.
 * @throws UfrError UFR-USAGE where it is no reference.
 */
export function registryReference(input: string): Reference {
  const [prefix, docker] = [scheme.exec(input)![0], input.startsWith('docker:')]
  const reference = parseReference(input.slice(prefix.length), docker ? 'docker.io' : undefined)
  const official = reference.registry === 'docker.io' && !reference.repository.includes('/')
  const repository = official ? `library/${reference.repository}` : reference.repository
  const tag = reference.tag ?? (reference.digest === undefined ? 'latest' : undefined)
  return { ...reference, repository, tag }
}

/**
 * An image in a registry. What is kept in UFR_HOME by its digest is not asked for again: then only the tag is.
 * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM, and as `imageOf` does.
 */
export async function registryImage(input: string, progress: Progress): Promise<ContainerImage> {
  const reference = registryReference(input)
  const shown = showReference(reference)
  const repository = openRepository(reference, { progress })
  const { tag, digest } = reference
  const start = await repository.document(digest === undefined ? { tag: tag! } : { digest })
  return imageOf(start, registryBlobs(repository, shown, progress), shown)
}

function registryBlobs(repository: Repository, shown: string, progress: Progress): Blobs {
  return {
    shown,
    document: ({ digest, size }) => repository.document({ digest, size }),
    async place(descriptor) {
      const file = blobFile(descriptor)
      const place = { file, offset: 0, size: descriptor.size }
      // It has its name only when its sum was right; whoever reads it checks it again.
      const isThere = () => fs.statSync(file, { throwIfNoEntry: false })?.size === descriptor.size
      if (isThere()) return place
      if (descriptor.size > unpackLimits.bytes) throw tooLarge(descriptor, shown)
      await withLock(
        homePath('containers', 'lock'),
        async () => {
          if (!isThere()) await repository.blob(descriptor, file)
        },
        { progress, what: `a download for ${shown}` },
      )
      return place
    },
    release: (descriptor) => fs.rmSync(blobFile(descriptor), { force: true }),
  }
}

function blobFile({ digest }: Descriptor): string {
  return homePath('containers', 'blobs', digest.slice('sha256:'.length))
}

function tooLarge({ size }: Descriptor, shown: string): UfrError {
  return new UfrError('UFR-CONTAINER', `${shown} has a layer of ${size} bytes, more than ufr takes`)
}
