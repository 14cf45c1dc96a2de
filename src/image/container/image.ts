import { createHash } from 'node:crypto'
import { UfrError } from '../../base/errors.ts'
import { type ImageConfig, parseImageConfig } from './config.ts'
import { type DockerImage, parseDockerManifest } from './docker-archive.ts'
import { type Descriptor, type Index, type Manifest, maxDocumentBytes, parseDocument } from './document.ts'
import type { ImageFiles } from './files.ts'
import { type Place, placeBytes } from './place.ts'
import { isForGuests, platformName } from './platform.ts'

/** A layer as the image has it. */
export interface Layer {
  /** sha256 of the archive of tar that it is when unpacked, 64 digits. */
  diffId: string
  /** sha256 of the blob, where the image says. */
  packed: string | undefined
  /** Where the blob is; gets it there first where it is in a registry. */
  place(): Promise<Place>
  /** What can be done with the blob when it has been unpacked. */
  release?(): void
  /** In messages: `layer 2 of hello.tar`. */
  shown: string
}

/** A container image, ready to be put together. */
export interface ContainerImage {
  /** For people: `hello:latest`, or the name of the file. */
  title: string
  config: ImageConfig
  layers: Layer[]
}

/** Where the parts of an image come from, by their digests. */
export interface Blobs {
  /** Of the whole, in messages. */
  shown: string
  /** @throws UfrError UFR-FORMAT where it is not there; what getting it throws. */
  place(descriptor: Descriptor): Promise<Place>
  /** A manifest or index, where it does not lie among the blobs; verified. */
  document?(descriptor: Descriptor): Promise<Index | Manifest>
  /** What can be done with a layer's blob when it has been unpacked. */
  release?(descriptor: Descriptor): void
}

/** Annotations that name an image in an index: OCI image-spec, annotations.md; containerd. */
const nameKeys = ['io.containerd.image.name', 'org.opencontainers.image.ref.name']
const maxIndexes = 4
const maxShown = 10

/**
 * The one image for linux/amd64 in a layout of OCI (image-layout.md) or an archive of `docker save`.
 * @throws UfrError UFR-CONTAINER where there is none or several, UFR-CHECKSUM, UFR-FORMAT.
 */
export async function imageIn(files: ImageFiles): Promise<ContainerImage> {
  const index = files.place('index.json')
  if (index) {
    const shown = `index.json of ${files.shown}`
    const document = parseDocument(placeBytes(index, maxDocumentBytes, shown), undefined, shown)
    return imageOf(document, layoutBlobs(files), files.shown)
  }
  const manifest = files.place('manifest.json')
  if (!manifest) throw noImage(files.shown)
  const shown = `manifest.json of ${files.shown}`
  const images = parseDockerManifest(placeBytes(manifest, maxDocumentBytes, shown), shown)
  if (images.length !== 1)
    throw notOne(
      files.shown,
      images.map(({ names, config }) => names[0] ?? config),
    )
  return dockerImage(images[0]!, files)
}

function layoutBlobs(files: ImageFiles): Blobs {
  return {
    shown: files.shown,
    async place({ digest, size }) {
      const name = `blobs/${digest.replace(':', '/')}`
      const place = files.place(name)
      if (!place) throw incomplete(files.shown, name)
      if (place.size !== size) throw wrongSize(`${name} of ${files.shown}`, size, place.size)
      return place
    },
  }
}

/**
 * The image that an index or a manifest stands for.
 * @throws UfrError UFR-CONTAINER where it has none for linux/amd64 or several, UFR-CHECKSUM, UFR-FORMAT.
 */
export async function imageOf(start: Index | Manifest, blobs: Blobs, title: string): Promise<ContainerImage> {
  let document = start
  let name: string | undefined
  for (let depth = 0; document.kind === 'index'; depth++) {
    if (depth > maxIndexes)
      throw new UfrError('UFR-FORMAT', `${blobs.shown} has an index in an index without end`)
    const chosen = chooseManifest(document, blobs.shown)
    name ??= nameOf(chosen)
    const shown = `${chosen.digest} of ${blobs.shown}`
    document = blobs.document
      ? await blobs.document(chosen)
      : parseDocument(await documentBytes(chosen, blobs), chosen.mediaType, shown)
  }
  const config = parseImageConfig(
    await documentBytes(document.config, blobs),
    `the configuration of ${blobs.shown}`,
  )
  const layers = document.layers.map((descriptor, index): Omit<Layer, 'diffId'> => {
    const packed = descriptor.digest.slice('sha256:'.length)
    return {
      packed,
      place: () => blobs.place(descriptor),
      release: () => blobs.release?.(descriptor),
      shown: layerName(index, blobs.shown),
    }
  })
  return complete(name ?? title, config, layers, blobs.shown)
}

async function documentBytes(descriptor: Descriptor, blobs: Blobs): Promise<Buffer> {
  const shown = `${descriptor.digest} of ${blobs.shown}`
  const bytes = placeBytes(await blobs.place(descriptor), maxDocumentBytes, shown)
  checkDigest(
    shown,
    descriptor.digest.slice('sha256:'.length),
    createHash('sha256').update(bytes).digest('hex'),
  )
  return bytes
}

/** The manifest, or index, that is for guests: by its platform, or because it is the only one and says nothing. */
function chooseManifest(index: Index, shown: string): Descriptor {
  // What tells of how an image was built is no image (docker: buildkit, attestation storage).
  const images = index.manifests.filter(({ annotations }) => !('vnd.docker.reference.type' in annotations))
  const fitting = images.filter(({ platform }) => platform && isForGuests(platform))
  const unsaid = images.filter(({ platform }) => !platform)
  const candidates = new Map<string, Descriptor>()
  for (const each of fitting.length > 0 ? fitting : unsaid)
    if (!candidates.has(each.digest)) candidates.set(each.digest, each)
  const [first] = candidates.values()
  if (!first) throw noPlatform(shown, images)
  const names = new Set([...candidates.values()].map((each) => nameOf(each) ?? each.digest))
  // The same image for several kinds of a processor has no names: the first is for all of them.
  const named = [...candidates.values()].some((each) => nameOf(each) !== undefined)
  if (names.size > 1 && (named || fitting.length === 0)) throw notOne(shown, [...names])
  return candidates.size === 1
    ? first
    : ([...candidates.values()].find(({ platform }) => !platform?.variant) ?? first)
}

function nameOf({ annotations }: Descriptor): string | undefined {
  for (const key of nameKeys) if (annotations[key]) return annotations[key].slice(0, 300)
  return undefined
}

/** An image of an archive as Docker wrote it before it took OCI's layout, and as others still do. */
function dockerImage({ config: path, names, layers }: DockerImage, files: ImageFiles): ContainerImage {
  const place = (name: string) => {
    const found = files.place(name)
    if (!found) throw incomplete(files.shown, name)
    return found
  }
  const shown = `${path} of ${files.shown}`
  const bytes = placeBytes(place(path), maxDocumentBytes, shown)
  // Its name is its digest, which is all that tells whether it is whole.
  const named = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1]
  if (named !== undefined) checkDigest(shown, named, createHash('sha256').update(bytes).digest('hex'))
  const parts = layers.map((name, index) => ({
    packed: undefined,
    place: async () => place(name),
    shown: layerName(index, files.shown),
  }))
  return complete(names[0] ?? files.shown, parseImageConfig(bytes, shown), parts, files.shown)
}

function complete(
  title: string,
  config: ImageConfig,
  layers: Omit<Layer, 'diffId'>[],
  shown: string,
): ContainerImage {
  const { os, architecture, diffIds } = config
  if ((os || architecture) && !isForGuests({ os, architecture })) {
    throw new UfrError('UFR-CONTAINER', `${shown} is an image for ${platformName({ os, architecture })}`, {
      fix: 'ufr runs images for linux/amd64: pull or build it with --platform linux/amd64 and save it again.',
    })
  }
  if (diffIds.length !== layers.length) {
    throw new UfrError(
      'UFR-FORMAT',
      `${shown} has ${layers.length} layers, and its configuration tells of ${diffIds.length}`,
    )
  }
  return { title, config, layers: layers.map((layer, index) => ({ ...layer, diffId: diffIds[index]! })) }
}

function layerName(index: number, shown: string): string {
  return `layer ${index + 1} of ${shown}`
}

/** @throws UfrError UFR-CHECKSUM showing both sums, 64 digits each. */
export function checkDigest(shown: string, expected: string, actual: string): void {
  if (expected === actual) return
  throw new UfrError('UFR-CHECKSUM', `${shown} is not what its digest says`, {
    detail: [`expected sha256:${expected}`, `actual   sha256:${actual}`],
    fix: 'It is damaged, or was changed: save or download the image again.',
  })
}

function wrongSize(shown: string, expected: number, actual: number): UfrError {
  return new UfrError('UFR-CHECKSUM', `${shown} has ${actual} bytes, not ${expected} as its manifest says`, {
    fix: 'It is truncated, or was changed: save or download the image again.',
  })
}

function incomplete(shown: string, name: string): UfrError {
  return new UfrError('UFR-FORMAT', `${shown} is not whole: there is no ${name} in it`, {
    fix: 'Save or copy the image again; an image for several platforms with all that linux/amd64 needs.',
  })
}

function noImage(shown: string): UfrError {
  return new UfrError(
    'UFR-CONTAINER',
    `${shown} has no container image in it: no index.json, no manifest.json`,
    {
      fix: 'Save the image, not the files of a container: `docker save NAME -o image.tar`, not `docker export`. If it was, it is truncated.',
    },
  )
}

function notOne(shown: string, names: string[]): UfrError {
  if (names.length === 0) return new UfrError('UFR-CONTAINER', `${shown} has no image in it`)
  const list = names.slice(0, maxShown).join(', ') + (names.length > maxShown ? ', …' : '')
  return new UfrError('UFR-CONTAINER', `${shown} has ${names.length} images in it: ${list}`, {
    fix: `Save the one that is meant: docker save ${names[0]} -o image.tar`,
  })
}

function noPlatform(shown: string, manifests: Descriptor[]): UfrError {
  const there = [...new Set(manifests.flatMap(({ platform }) => (platform ? [platformName(platform)] : [])))]
  const list = there.slice(0, maxShown).join(', ') + (there.length > maxShown ? ', …' : '')
  return new UfrError(
    'UFR-CONTAINER',
    `${shown} has nothing for linux/amd64: there is ${list || 'no image'}`,
    {
      fix: 'Build or pull it with --platform linux/amd64.',
    },
  )
}
