import { createHash } from 'node:crypto'
import type http from 'node:http'
import { type Handler, serve, type TestServer } from '../server.ts'

export const indexType = 'application/vnd.oci.image.index.v1+json'
export const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const layerType = 'application/vnd.oci.image.layer.v1.tar'

export interface FakeDescriptor {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
  platform?: object
}

/** A registry on loopback: what is pushed can be pulled, by tag or digest, under `/v2/REPOSITORY/`. */
export interface FakeRegistry extends TestServer {
  repository: string
  /** `127.0.0.1:PORT/REPOSITORY` */
  name: string
  push(bytes: Buffer | string, mediaType?: string): FakeDescriptor
  pushIndex(manifests: FakeDescriptor[], tag?: string): FakeDescriptor
  pushManifest(layers: FakeDescriptor[], platform?: object, tag?: string): FakeDescriptor
  /** Answers in place of what would be; false for what it leaves as it is. */
  intercept: (request: http.IncomingMessage, response: http.ServerResponse) => boolean
  /** Headers of all requests so far, in order. */
  headers: http.IncomingHttpHeaders[]
}

export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

export async function fakeRegistry(repository = 'some/image'): Promise<FakeRegistry> {
  const things = new Map<string, { bytes: Buffer; mediaType: string }>()
  const headers: http.IncomingHttpHeaders[] = []
  const handler: Handler = (request, response) => {
    headers.push(request.headers)
    if (registry.intercept(request, response)) return
    const match = new RegExp(`^/v2/${repository}/(manifests|blobs)/([^/?]+)$`).exec(request.url ?? '')
    const found = things.get(match?.[2] ?? '')
    if (!found) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
      return
    }
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const part = found.bytes.subarray(start)
    response.writeHead(start > 0 ? 206 : 200, {
      'content-type': match![1] === 'blobs' ? 'application/octet-stream' : found.mediaType,
      'content-length': part.length,
      'docker-content-digest': digestOf(found.bytes),
      etag: `"${digestOf(found.bytes)}"`,
      ...(start > 0 && { 'content-range': `bytes ${start}-${found.bytes.length - 1}/${found.bytes.length}` }),
    })
    response.end(part)
  }
  const server = await serve(handler)

  function push(content: Buffer | string, mediaType = layerType): FakeDescriptor {
    const bytes = Buffer.from(content)
    const digest = digestOf(bytes)
    things.set(digest, { bytes, mediaType })
    return { mediaType, digest, size: bytes.length }
  }

  function pushDocument(document: object, mediaType: string, tag?: string): FakeDescriptor {
    const text = JSON.stringify({ schemaVersion: 2, mediaType, ...document })
    const descriptor = push(text, mediaType)
    if (tag !== undefined) things.set(tag, { bytes: Buffer.from(text), mediaType })
    return descriptor
  }

  const registry: FakeRegistry = {
    ...server,
    repository,
    name: `127.0.0.1:${server.port}/${repository}`,
    headers,
    push,
    pushIndex: (manifests, tag) => pushDocument({ manifests }, indexType, tag),
    pushManifest(layers, platform, tag) {
      const config = push(JSON.stringify(platform ?? {}), 'application/vnd.oci.image.config.v1+json')
      return { ...pushDocument({ config, layers }, manifestType, tag), ...(platform && { platform }) }
    },
    intercept: () => false,
  }
  return registry
}

/** Asks for a token that `/token` gives to anyone, as public registries do. */
export function wantsToken(registry: FakeRegistry, token = 'a.token-1'): void {
  registry.intercept = (request, response) => {
    if (request.url?.startsWith('/token?')) {
      response.end(JSON.stringify({ token }))
      return true
    }
    if (request.headers.authorization === `Bearer ${token}`) return false
    const realm = `${registry.base}/token`
    const challenge = `Bearer realm="${realm}",service="a service",scope="repository:${registry.repository}:pull"`
    response.writeHead(401, { 'www-authenticate': challenge }).end()
    return true
  }
}
