import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import zlib from 'node:zlib'
import { type TarEntry, tinyTar } from '../formats/tiny-tar.ts'

export type Packing = 'none' | 'gzip' | 'zstd'

export interface TinyImage {
  name?: string
  layers: TarEntry[][]
  packing?: Packing
  platform?: { os?: string; architecture?: string }
  /** The part of the configuration that says how to run it. */
  config?: Record<string, unknown>
  /** Changes the sums that the image tells of its layers. */
  diffIds?(ids: string[]): string[]
}

/** A blob of an image and what names it. */
export interface Blob {
  bytes: Buffer
  digest: string
}

export interface ImageParts {
  config: Blob
  layers: Blob[]
  manifest: Blob
}

export const types = {
  manifest: 'application/vnd.oci.image.manifest.v1+json',
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar',
  index: 'application/vnd.oci.image.index.v1+json',
}

export function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex')
}

export function blobOf(content: Buffer | string | object): Blob {
  const bytes =
    Buffer.isBuffer(content) || typeof content === 'string'
      ? Buffer.from(content)
      : Buffer.from(JSON.stringify(content))
  return { bytes, digest: `sha256:${sha256(bytes)}` }
}

export function descriptorOf({ bytes, digest }: Blob, mediaType: string, more: object = {}) {
  return { mediaType, digest, size: bytes.length, ...more }
}

/** Whether this Node.js can pack with zstd. */
export const hasZstd = 'zstdCompressSync' in zlib

export function packed(bytes: Buffer, packing: Packing = 'none'): Buffer {
  if (packing === 'gzip') return zlib.gzipSync(bytes)
  return packing === 'zstd' ? zlib.zstdCompressSync(bytes) : bytes
}

/** The blobs of an image for linux/amd64, or what `platform` says. */
export function imageParts(image: TinyImage): ImageParts {
  const plain = image.layers.map((entries) => tinyTar(entries))
  const ids = plain.map((bytes) => `sha256:${sha256(bytes)}`)
  const layers = plain.map((bytes) => blobOf(packed(bytes, image.packing)))
  const config = blobOf({
    architecture: 'amd64',
    os: 'linux',
    ...image.platform,
    config: image.config ?? {},
    rootfs: { type: 'layers', diff_ids: image.diffIds?.(ids) ?? ids },
  })
  const manifest = blobOf({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config, types.config),
    layers: layers.map((layer) => descriptorOf(layer, types.layer)),
  })
  return { config, layers, manifest }
}

/** The files of a layout of OCI with one image in it; `index` replaces its index.json. */
export function layoutOf(
  image: TinyImage,
  index?: (manifest: object, parts: ImageParts) => object,
): [string, Buffer][] {
  const parts = imageParts(image)
  const annotations = image.name === undefined ? {} : { 'org.opencontainers.image.ref.name': image.name }
  const manifest = descriptorOf(parts.manifest, types.manifest, { annotations })
  const document = index?.(manifest, parts) ?? { schemaVersion: 2, manifests: [manifest] }
  const blobs = [parts.config, ...parts.layers, parts.manifest]
  return [
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
    ['index.json', Buffer.from(JSON.stringify(document))],
    ...blobs.map(({ bytes, digest }): [string, Buffer] => [`blobs/${digest.replace(':', '/')}`, bytes]),
  ]
}

/** As `docker save` wrote it before Docker 25: a folder a layer, the configuration by its digest. */
export function dockerOf(...images: TinyImage[]): [string, Buffer][] {
  const files: [string, Buffer][] = []
  const manifest = images.map((image, index) => {
    const { config, layers } = imageParts(image)
    const Config = `${config.digest.slice(7)}.json`
    files.push([Config, config.bytes])
    const Layers = layers.map((layer, number) => {
      const name = `${index}-${number}/layer.tar`
      files.push([name, layer.bytes])
      return name
    })
    return { Config, RepoTags: image.name === undefined ? null : [image.name], Layers }
  })
  return [...files, ['manifest.json', Buffer.from(JSON.stringify(manifest))]]
}

/** As `docker save` writes it since Docker 25: a layout of OCI, and a manifest.json that names its blobs. */
export function newDockerOf(image: TinyImage): [string, Buffer][] {
  const parts = imageParts(image)
  const name = (blob: Blob) => `blobs/${blob.digest.replace(':', '/')}`
  const manifest = [{ Config: name(parts.config), RepoTags: [image.name], Layers: parts.layers.map(name) }]
  return [...layoutOf(image), ['manifest.json', Buffer.from(JSON.stringify(manifest))]]
}

export function writeArchive(file: string, files: [string, Buffer][]): string {
  fs.writeFileSync(file, tinyTar(files.map(([name, data]) => ({ name, data }))))
  return file
}

export function writeFolder(folder: string, files: [string, Buffer][]): string {
  for (const [name, data] of files) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), data)
  }
  return folder
}
