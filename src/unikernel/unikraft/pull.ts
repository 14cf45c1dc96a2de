import fs from 'node:fs'
import path from 'node:path'
import { withTemporaryFolder } from '../../base/atomic.ts'
import { UfrError } from '../../base/errors.ts'
import { withLock } from '../../base/lock.ts'
import { homePath } from '../../base/paths.ts'
import type { Progress } from '../../base/progress.ts'
import type { Descriptor, Manifest } from '../../image/container/document.ts'
import { manifestFor, missingPlatform } from '../../image/container/platform.ts'
import { contentBytes } from '../../image/content.ts'
import type { DownloadOptions } from '../../kernel/download/download.ts'
import { withLayer } from '../../kernel/oci/layer.ts'
import { parseReference, type Reference, showReference } from '../../kernel/oci/reference.ts'
import { type Document, openRepository, type Repository } from '../../kernel/oci/registry.ts'
import { listKernels, makeDefault, type Registered, registerKernel } from '../../kernel/store.ts'
import {
  type KernelFile,
  type KernelProtocol,
  kernelProtocols,
  recogniseKernel,
  storedFile,
  vmmNames,
} from './kernel-file.ts'

/**
 * unikraft/catalog: .github/workflows/library-base.yaml (`output`); its README calls it unikraft.org/base, which is a
 * name in this registry (kraftkit: oci/init.go). Not tried against the server.
 */
const registry = 'index.unikraft.io'
const ownName = 'unikraft.org'
const defaultImage = `${registry}/${ownName}/base`
const defaultTag = 'latest'

/** kraftkit: oci/annotations.go and oci/wellknown.go. */
const kernelAnnotation = 'org.unikraft.kernel.image'
const kernelPath = '/unikraft/bin/kernel'

/** kraftkit: machine/platform: what an index calls the VMMs. */
const systems: Record<KernelProtocol, string> = { multiboot: 'qemu', linux: 'fc' }

/** A kernel has less than 1 MiB; with its symbols some 8. */
const maxKernelBytes = 64 << 20

/**
 * Gets the kernels that upstream publishes as an image in an OCI registry: for QEMU and for Firecracker, those that are
 * there. Everything is checked by the digests that lead to it. An image that was pulled before is taken from the store,
 * without any network, unless `refresh` says so: a tag can come to stand for another.
 * @param reference a tag or digest of the image that upstream's documents name, or another image's whole reference; else
 * UFR_UNIKRAFT_IMAGE, else the newest of that image.
 * @throws UfrError UFR-DOWNLOAD, UFR-CHECKSUM (nothing is kept), UFR-FORMAT, UFR-KERNEL-FILE.
 */
export async function pullUnikraft(
  reference: string | undefined,
  { refresh }: { refresh: boolean },
  progress: Progress,
  options: DownloadOptions = {},
): Promise<Registered> {
  const image = imageOf(reference ?? process.env['UFR_UNIKRAFT_IMAGE'] ?? defaultTag)
  const shown = showReference(image)
  const there = refresh ? undefined : pulled(shown)
  if (there) return { kernel: makeDefault(there), already: true }
  const pull = () =>
    withTemporaryFolder(homePath('downloads'), (folder) => fetch(image, folder, progress, options))
  try {
    return await withLock(homePath('downloads', 'unikraft.lock'), pull, {
      progress,
      what: 'a pull of unikraft',
    })
  } catch (error) {
    throw withImportAsFix(error)
  } finally {
    progress.done()
  }
}

function imageOf(text: string): Reference {
  const whole = text.includes('/') ? text : nameOf(text)
  const { tag, digest, ...rest } = parseReference(whole, registry)
  const place = rest.registry === ownName ? { registry, repository: `${ownName}/${rest.repository}` } : rest
  return { ...place, tag: tag ?? (digest === undefined ? defaultTag : undefined), digest }
}

/** The whole reference of a tag, a digest, or an image of upstream's. */
function nameOf(text: string): string {
  if (text.startsWith('sha256:')) return `${defaultImage}@${text}`
  return text.includes(':') ? `${registry}/${ownName}/${text}` : `${defaultImage}:${text}`
}

function pulled(shown: string) {
  return listKernels().kernels.find(({ name, details }) => name === 'unikraft' && details['image'] === shown)
}

async function fetch(
  image: Reference,
  folder: string,
  progress: Progress,
  options: DownloadOptions,
): Promise<Registered> {
  const shown = showReference(image)
  const repository = openRepository(image, options)
  progress.step(`Looking up ${shown}`)
  const { digest } = image
  const top = await repository.document(digest === undefined ? { tag: image.tag! } : { digest })
  const kernels = new Map<KernelProtocol, KernelFile & { bytes: Buffer }>()
  for (const [said, manifest] of await manifests(top, repository, shown)) {
    progress.step(`Downloading a kernel of ${shown}`)
    const bytes = await kernelOf(manifest, repository, folder, shown)
    const kernel = recogniseKernel(bytes, `the kernel in ${shown}`)
    if (said !== undefined && kernel.protocol !== said) {
      const what = `what ${shown} has for ${vmmNames[said]} is a kernel for ${vmmNames[kernel.protocol]}`
      throw new UfrError('UFR-KERNEL-FILE', what)
    }
    kernels.set(kernel.protocol, { ...kernel, bytes })
  }
  if (kernels.size < kernelProtocols.length) tellMissing(kernels, shown, progress)
  const [first] = kernels.values()
  const sha256 = top.digest.slice('sha256:'.length)
  return registerKernel({
    name: 'unikraft',
    version: first!.version ?? `sha256-${sha256.slice(0, 12)}`,
    files: [...kernels].map(([protocol, { bytes }]) => storedFile(protocol, bytes)),
    provenance: {
      how: 'pull',
      from: showReference({ ...image, digest: top.digest }),
      sha256,
      upstreamChecksum: { algorithm: 'sha256', value: sha256, weak: false },
    },
    details: { image: shown },
  })
}

function tellMissing(there: ReadonlyMap<KernelProtocol, unknown>, shown: string, progress: Progress): void {
  for (const protocol of kernelProtocols)
    if (!there.has(protocol)) progress.note(`${shown} has no kernel for ${vmmNames[protocol]}.`)
}

/**
 * What the image has for each VMM; a manifest alone does not say for which it is.
 * @throws UfrError UFR-DOWNLOAD where there is nothing.
 */
async function manifests(
  top: Document,
  repository: Repository,
  shown: string,
): Promise<[KernelProtocol | undefined, Manifest][]> {
  if (top.kind === 'manifest') return [[undefined, top]]
  const found: [KernelProtocol, Manifest][] = []
  for (const protocol of kernelProtocols) {
    const descriptor = manifestFor(top, systems[protocol])
    if (descriptor) found.push([protocol, await manifest(descriptor, repository, shown)])
  }
  if (found.length > 0) return found
  throw missingPlatform(top, shown, 'QEMU (qemu/x86_64) or Firecracker (fc/x86_64)')
}

async function manifest(
  { digest, size }: Descriptor,
  repository: Repository,
  shown: string,
): Promise<Manifest> {
  const document = await repository.document({ digest, size })
  if (document.kind === 'manifest') return document
  throw new UfrError('UFR-FORMAT', `${shown} leads from an index to an index (${digest})`)
}

/** The kernel in one of the layers: in the one that says so, or else in whichever has it. */
async function kernelOf(
  { layers }: Manifest,
  repository: Repository,
  folder: string,
  shown: string,
): Promise<Buffer> {
  const said = layers.filter(({ annotations }) => kernelAnnotation in annotations)
  for (const layer of said.length > 0 ? said : layers) {
    if (layer.size > maxKernelBytes) continue
    const file = path.join(folder, layer.digest.slice('sha256:'.length))
    await repository.blob(layer, file)
    const wanted = (layer.annotations[kernelAnnotation] ?? kernelPath).replace(/^\/+/, '')
    const bytes = await withLayer(
      file,
      `${file}.tar`,
      ({ tree }) => {
        const entry = tree.get(wanted)
        return entry?.kind === 'file' && entry.content.size <= maxKernelBytes
          ? contentBytes(entry.content)
          : undefined
      },
      maxKernelBytes,
    )
    fs.rmSync(file, { force: true })
    if (bytes) return bytes
  }
  throw new UfrError(
    'UFR-KERNEL-FILE',
    `${shown} has no kernel at ${kernelPath} in its ${layers.length} layers`,
    {
      fix: 'It is an image of something else: take one of Unikraft’s, such as unikraft.org/base.',
    },
  )
}

function withImportAsFix(error: unknown): unknown {
  if (!(error instanceof UfrError) || error.code !== 'UFR-DOWNLOAD') return error
  return new UfrError(error.code, error.message, {
    fix: `${error.fix} Without a network: \`ufr kernel import unikraft FILE\` takes a kernel that was built elsewhere.`,
    cause: error.cause,
    detail: error.detail,
  })
}
