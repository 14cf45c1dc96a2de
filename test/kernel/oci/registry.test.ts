import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { test } from 'node:test'
import { UfrError } from '../../../src/base/errors.ts'
import { parseReference } from '../../../src/kernel/oci/reference.ts'
import { openRepository } from '../../../src/kernel/oci/registry.ts'
import { filesBelow, useHome } from '../home.ts'
import { serve } from '../server.ts'
import {
  digestOf,
  type FakeDescriptor,
  type FakeRegistry,
  fakeRegistry,
  indexType,
  wantsToken,
} from './fake-registry.ts'

const home = useHome()
const quick = { backoff: 1, attempts: 2, connectTimeout: 2000, idleTimeout: 2000 }
const open = (registry: FakeRegistry) => openRepository(parseReference(registry.name), quick)
const target = () => home.beside('out/blob')
const left = () => filesBelow(home.beside('out'))
const descriptor = (each: FakeDescriptor) => ({ annotations: {}, ...each, platform: undefined as never })

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('a tag leads by an index to a manifest and to its blobs', async () => {
  await using registry = await fakeRegistry()
  const content = randomBytes(100_000)
  const layer = registry.push(content)
  const manifest = registry.pushManifest([layer], { os: 'qemu', architecture: 'x86_64' })
  const top = registry.pushIndex([manifest], 'latest')
  const repository = open(registry)
  const index = await repository.document({ tag: 'latest' })
  assert.ok(index.kind === 'index')
  assert.equal(index.digest, top.digest)
  const found = await repository.document(index.manifests[0]!)
  assert.ok(found.kind === 'manifest')
  assert.deepEqual(found.layers, [{ ...layer, annotations: {} }])
  const got = await repository.blob(found.layers[0]!, target())
  assert.deepEqual(fs.readFileSync(target()), content)
  assert.equal(`sha256:${got.sha256}`, layer.digest)
  assert.deepEqual(left(), ['blob'])
  assert.match(registry.headers[0]?.accept ?? '', /image\.index.*image\.manifest.*docker/)
  assert.equal(
    registry.headers.some((each) => each.authorization !== undefined),
    false,
  )
})

test('a registry that wants a token is asked for one, once', async () => {
  await using registry = await fakeRegistry()
  wantsToken(registry)
  const layer = registry.push('content')
  registry.pushManifest([layer], undefined, 'latest')
  const repository = open(registry)
  await repository.document({ tag: 'latest' })
  await repository.blob(descriptor(layer), target())
  assert.deepEqual(registry.seen, [
    `GET /v2/${registry.repository}/manifests/latest`,
    `GET /token?service=a+service&scope=repository%3Asome%2Fimage%3Apull`,
    `GET /v2/${registry.repository}/manifests/latest`,
    `GET /v2/${registry.repository}/blobs/${layer.digest}`,
  ])
})

test('a token that ran out is replaced', async () => {
  await using registry = await fakeRegistry()
  const layer = registry.push('content')
  registry.pushManifest([layer], undefined, 'latest')
  wantsToken(registry, 'first')
  const repository = open(registry)
  await repository.document({ tag: 'latest' })
  wantsToken(registry, 'second')
  await repository.blob(descriptor(layer), target())
  assert.equal(registry.headers.at(-1)?.authorization, 'Bearer second')
})

test('a token goes to no other host that a blob is kept on', async () => {
  const content = Buffer.from('content')
  const seen: (string | undefined)[] = []
  await using storage = await serve((request, response) => {
    seen.push(request.headers.authorization)
    response.end(content)
  })
  await using registry = await fakeRegistry()
  wantsToken(registry)
  const before = registry.intercept
  registry.intercept = (request, response) => {
    if (before(request, response)) return true
    if (!request.url?.includes('/blobs/')) return false
    response.writeHead(307, { location: `${storage.base}/signed?key=1` }).end()
    return true
  }
  await open(registry).blob(descriptor(registry.push(content)), target())
  assert.deepEqual(seen, [undefined])
  assert.deepEqual(fs.readFileSync(target()), content)
})

test('registries that cannot be satisfied say what they want', async () => {
  await using registry = await fakeRegistry()
  const answer = (status: number, headers: Record<string, string>) => {
    registry.intercept = (_, response) => {
      response.writeHead(status, headers).end()
      return true
    }
    return failure(open(registry).document({ tag: 'latest' }))
  }
  assert.match((await answer(401, { 'www-authenticate': 'Basic realm="x"' })).message, /user and a password/)
  assert.match(
    (await answer(401, { 'www-authenticate': 'Bearer realm="file:///etc/passwd"' })).message,
    /user and a password/,
  )
  assert.match(
    (await answer(401, { 'www-authenticate': 'Bearer realm="nowhere"' })).message,
    /user and a password/,
  )
  const error = await answer(401, {})
  assert.match(`${error.message} ${error.fix}`, /401.*not for everyone/)
  assert.match((await answer(404, {})).fix, /Check name and tag/)
  registry.intercept = (request, response) => {
    if (request.url?.startsWith('/token')) response.end('{"token":"two\\r\\nlines"}')
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.base}/token"` }).end()
    return true
  }
  assert.match((await failure(open(registry).document({ tag: 'latest' }))).message, /no token/)
  // A token that does not help is not asked for for ever.
  registry.intercept = (request, response) => {
    if (request.url?.startsWith('/token')) response.end('{"access_token":"x"}')
    else response.writeHead(401, { 'www-authenticate': `Bearer realm="${registry.base}/token"` }).end()
    return true
  }
  registry.seen.length = 0
  await failure(open(registry).document({ tag: 'latest' }))
  assert.equal(registry.seen.length, 3)
})

test('what is not what its digest or size says is refused with both, and not kept', async () => {
  await using registry = await fakeRegistry()
  const repository = open(registry)
  const layer = descriptor(registry.push('content'))
  const other = registry.push('another')
  registry.intercept = (request, response) => {
    if (!request.url?.endsWith(layer.digest)) return false
    response.end('another')
    return true
  }
  const wrong = await failure(repository.blob(layer, target()))
  assert.equal(wrong.code, 'UFR-CHECKSUM')
  assert.deepEqual(wrong.detail, [`expected ${layer.digest.slice(7)}`, `actual   ${other.digest.slice(7)}`])
  assert.deepEqual(left(), [])
  registry.intercept = () => false
  const longer = await failure(repository.blob({ ...layer, size: 6 }, target()))
  assert.match(longer.message, /larger than 6 bytes/)
  const shorter = await failure(repository.blob({ ...layer, size: 8 }, target()))
  assert.match(shorter.message, /7 bytes, not 8/)
  assert.deepEqual(left(), [])
})

test('a manifest is checked by the digest that it is asked for by, or comes with', async () => {
  await using registry = await fakeRegistry()
  const { digest, size } = registry.pushIndex([], 'latest')
  const repository = open(registry)
  assert.equal((await repository.document({ digest, size })).digest, digest)
  assert.match((await failure(repository.document({ digest, size: size + 1 }))).message, /bytes, not/)
  const changed = '{"schemaVersion":2,"manifests":[] }'
  const answer = (headers: Record<string, string>) => {
    registry.intercept = (_, response) => {
      response.writeHead(200, { 'content-type': indexType, ...headers }).end(changed)
      return true
    }
  }
  answer({})
  const error = await failure(repository.document({ digest }))
  assert.equal(error.code, 'UFR-CHECKSUM')
  assert.deepEqual(error.detail, [`expected ${digest}`, `actual   ${digestOf(changed)}`])
  assert.equal((await repository.document({ tag: 'latest' })).digest, digestOf(changed))
  answer({ 'docker-content-digest': digest })
  assert.equal((await failure(repository.document({ tag: 'latest' }))).code, 'UFR-CHECKSUM')
})

test('a huge manifest, and one that is none, are refused', async () => {
  await using registry = await fakeRegistry()
  registry.intercept = (_, response) => {
    response.writeHead(200, { 'content-type': indexType })
    const more = () =>
      response.destroyed || response.write(Buffer.alloc(65536, 0x20), () => setImmediate(more))
    more()
    return true
  }
  assert.match((await failure(open(registry).document({ tag: 'x' }))).message, /larger than 4194304 bytes/)
  registry.intercept = (_, response) => {
    response.end('<html>')
    return true
  }
  assert.equal((await failure(open(registry).document({ tag: 'x' }))).code, 'UFR-FORMAT')
})

test('a blob that is cut off is taken up where it ended, and given up where it never comes', async () => {
  await using registry = await fakeRegistry()
  const content = randomBytes(200_000)
  const layer = descriptor(registry.push(content))
  let times = 0
  registry.intercept = (request, response) => {
    if (request.headers.range !== undefined || times++ > 0) return false
    response.writeHead(200, { 'content-length': content.length, etag: `"${layer.digest}"` })
    response.write(content.subarray(0, 90_000), () => setTimeout(() => response.destroy(), 20))
    return true
  }
  await open(registry).blob(layer, target())
  assert.deepEqual(fs.readFileSync(target()), content)
  assert.ok(registry.seen.at(-1)?.includes('bytes='))
  fs.rmSync(target())
  registry.intercept = (_, response) => {
    response.writeHead(200, { 'content-length': content.length })
    response.write(content.subarray(0, 10), () => setTimeout(() => response.destroy(), 20))
    return true
  }
  const error = await failure(open(registry).blob(layer, target()))
  assert.equal(error.code, 'UFR-DOWNLOAD')
  assert.match(error.message, /cut after 10 of 200000 bytes|bytes came/)
})

test('UFR_MIRROR stands in for a registry', async () => {
  await using registry = await fakeRegistry()
  const { digest } = registry.pushIndex([], 'latest')
  process.env['UFR_MIRROR'] = `${registry.base}/mirror`
  registry.intercept = (request) => {
    request.url = request.url?.replace('/mirror/registry.example', '')
    return false
  }
  try {
    const repository = openRepository(parseReference(`registry.example/${registry.repository}`), quick)
    assert.equal((await repository.document({ tag: 'latest' })).digest, digest)
    assert.deepEqual(registry.seen, [
      `GET /mirror/registry.example/v2/${registry.repository}/manifests/latest`,
    ])
  } finally {
    delete process.env['UFR_MIRROR']
  }
})
