import { UfrError } from '../../base/errors.ts'
import { maxDocumentBytes, readJson } from './document.ts'

/** One image of an archive as `docker save` writes it (moby: image/spec/v1.2.md, "Combined Image JSON + Filesystem"). */
export interface DockerImage {
  /** Path of its configuration in the archive. */
  config: string
  /** `hello:latest`; an image that was saved by its id has none. */
  names: string[]
  /** Paths of its layers in the archive, the lowest first. */
  layers: string[]
}

const maxImages = 1000
const maxPathLength = 4096

/** Reads `manifest.json`. @throws UfrError UFR-FORMAT where it is none. */
export function parseDockerManifest(bytes: Buffer, shown: string): DockerImage[] {
  const wrong = (why: string, cause?: unknown) =>
    new UfrError('UFR-FORMAT', `${shown} is no manifest of a docker save archive: ${why}`, { cause })
  if (bytes.length > maxDocumentBytes) throw wrong(`it has ${bytes.length} bytes`)
  const images = readJson(bytes, wrong)
  if (!Array.isArray(images) || images.length > maxImages) throw wrong('it is no list, or too long')
  return images.map((image: unknown) => {
    const { Config, RepoTags, Layers } = (image ?? {}) as Record<string, unknown>
    const paths = Array.isArray(Layers) ? Layers : undefined
    if (!isPath(Config) || !paths || paths.length > maxImages || !paths.every(isPath))
      throw wrong('an image has no Config or Layers')
    const names = Array.isArray(RepoTags) ? RepoTags.filter((name) => typeof name === 'string') : []
    return { config: Config, names: names.map((name) => name.slice(0, 300)), layers: paths }
  })
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxPathLength
}
