import { UfrError } from '../../base/errors.ts'

/** Something in a registry, by its content (OCI image-spec, descriptor.md). */
export interface Descriptor {
  mediaType: string
  /** `sha256:` and 64 digits. */
  digest: string
  size: number
  annotations: Record<string, string>
  platform?: Platform
}

/** What a manifest of an index is for (OCI image-spec, image-index.md). */
export interface Platform {
  os: string
  architecture: string
  osVersion: string | undefined
  variant: string | undefined
}

/** Several manifests, one for each platform. */
export interface Index {
  kind: 'index'
  manifests: Descriptor[]
  annotations: Record<string, string>
}

/** What an image consists of. */
export interface Manifest {
  kind: 'manifest'
  config: Descriptor
  layers: Descriptor[]
  annotations: Record<string, string>
}

/** OCI's own types first, then those of Docker, which differ in name only. */
export const mediaTypes = {
  index: [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
  ],
  manifest: [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ],
} as const

/** Registries need not take larger ones (OCI distribution-spec, "Pushing manifests"). */
export const maxDocumentBytes = 4 << 20
const maxEntries = 1000
const maxAnnotations = 10_000
const maxTextLength = 65_536
/** One object cannot be larger than what a registry may hold; Number.MAX_SAFE_INTEGER is more than that. */
const maxDepth = 32

type Shape = Record<string, unknown>

/**
 * Reads an index or a manifest.
 * @param mediaType from the header that it came with; what the document says of itself goes before that.
 * @param shown how it is named in messages.
 * @throws UfrError UFR-FORMAT where it is neither, or beyond the limits.
 */
export function parseDocument(bytes: Buffer, mediaType: string | undefined, shown: string): Index | Manifest {
  const wrong = (why: string, cause?: unknown) =>
    new UfrError('UFR-FORMAT', `${shown} is no manifest of an image: ${why}`, { cause })
  if (bytes.length > maxDocumentBytes) throw wrong(`it has ${bytes.length} bytes`)
  const read = reader(wrong)
  const root = read.object(readJson(bytes, wrong), 'its content')
  if (root['schemaVersion'] !== 2) throw wrong('its schemaVersion is not 2')
  const type = root['mediaType'] ?? mediaType?.split(';')[0]?.trim()
  const annotations = read.annotations(root['annotations'])
  if (has(mediaTypes.index, type) || (!has(mediaTypes.manifest, type) && 'manifests' in root)) {
    const manifests = read.list(root['manifests'], 'manifests').map(read.descriptor)
    return { kind: 'index', manifests, annotations }
  }
  if (!has(mediaTypes.manifest, type) && type !== undefined)
    throw wrong(`it is ${JSON.stringify(type).slice(0, 100)}`)
  const config = read.descriptor(root['config'])
  return {
    kind: 'manifest',
    config,
    layers: read.list(root['layers'], 'layers').map(read.descriptor),
    annotations,
  }
}

function has(types: readonly string[], type: unknown): boolean {
  return typeof type === 'string' && types.includes(type)
}

/** The value of foreign JSON; `wrong` makes the error. */
export function readJson(bytes: Buffer, wrong: (why: string, cause?: unknown) => UfrError): unknown {
  const text = bytes.toString()
  requireFlat(text, wrong)
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw wrong('it is no JSON', cause)
  }
}

/** Nested without end, JSON would fill the stack. */
function requireFlat(text: string, wrong: (why: string) => UfrError): void {
  let depth = 0
  for (const [found] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]}]/gs)) {
    if (found === '[' || found === '{') depth++
    else if (found === ']' || found === '}') depth--
    if (depth > maxDepth) throw wrong('it is nested too deeply')
  }
}

function reader(wrong: (why: string) => UfrError) {
  let annotated = 0

  function object(value: unknown, what: string): Shape {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Shape
    throw wrong(`${what} is no object`)
  }

  function text(value: unknown, what: string): string {
    if (typeof value === 'string' && value.length <= maxTextLength) return value
    throw wrong(`${what} is no text`)
  }

  function optional(value: unknown, what: string): string | undefined {
    return value === undefined ? undefined : text(value, what)
  }

  function list(value: unknown, what: string): unknown[] {
    if (!Array.isArray(value)) throw wrong(`its ${what} are no list`)
    if (value.length > maxEntries) throw wrong(`it has ${value.length} ${what}`)
    return value
  }

  function annotations(value: unknown): Record<string, string> {
    if (value === undefined || value === null) return {}
    const entries = Object.entries(object(value, 'its annotations'))
    annotated += entries.length
    if (annotated > maxAnnotations) throw wrong('it has too many annotations')
    return Object.fromEntries(
      entries.map(([key, each]) => [key, text(each, `its annotation ${key.slice(0, 80)}`)]),
    )
  }

  function platform(value: unknown): Platform {
    const shape = object(value, 'a platform')
    return {
      os: text(shape['os'], "a platform's os"),
      architecture: text(shape['architecture'], "a platform's architecture"),
      osVersion: optional(shape['os.version'], "a platform's os.version"),
      variant: optional(shape['variant'], "a platform's variant"),
    }
  }

  function descriptor(value: unknown): Descriptor {
    const shape = object(value, 'a descriptor')
    const { mediaType, digest, size } = shape
    if (typeof digest !== 'string' || !/^sha256:[0-9a-f]{64}$/.test(digest)) {
      throw wrong(`it names something by ${JSON.stringify(digest)?.slice(0, 100)}, which is no sha256`)
    }
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
      throw wrong('a size is no number of bytes')
    return {
      mediaType: text(mediaType, 'a mediaType'),
      digest,
      size,
      annotations: annotations(shape['annotations']),
      ...(shape['platform'] !== undefined &&
        shape['platform'] !== null && { platform: platform(shape['platform']) }),
    }
  }

  return { object, list, annotations, descriptor }
}
