import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { parseReference, registryAddress, showReference } from '../../../src/kernel/oci/reference.ts'

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`
const parts = (registry: string, repository: string, tag?: string, digest?: string) => ({
  registry,
  repository,
  tag,
  digest,
})

test('references are read as other tools read them', () => {
  const cases: [string, ReturnType<typeof parts>][] = [
    ['index.unikraft.io/unikraft.org/base:latest', parts('index.unikraft.io', 'unikraft.org/base', 'latest')],
    ['localhost/a', parts('localhost', 'a')],
    ['localhost:5000/a/b_c:1.2-3', parts('localhost:5000', 'a/b_c', '1.2-3')],
    ['127.0.0.1:5000/a', parts('127.0.0.1:5000', 'a')],
    ['[::1]:5000/a', parts('[::1]:5000', 'a')],
    [`ghcr.io/a/b@${digest}`, parts('ghcr.io', 'a/b', undefined, digest)],
    [`ghcr.io/a/b:tag@${digest}`, parts('ghcr.io', 'a/b', 'tag', digest)],
    ['library/node:22', parts('default.example', 'library/node', '22')],
    ['node', parts('default.example', 'node')],
    ['node:22', parts('default.example', 'node', '22')],
  ]
  for (const [text, expected] of cases)
    assert.deepEqual(parseReference(text, 'default.example'), expected, text)
})

test('what is no reference is refused with what is wrong with it', () => {
  const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-USAGE', message })
  assert.throws(() => parseReference('node'), refused(/names no registry/))
  for (const text of [
    '',
    'A/b',
    'a.b/C',
    'a.b//c',
    'a.b/../c',
    'a.b/c/',
    'a.b/-c',
    'a.b/c d',
    'a.b/c?x=1',
    'a.b/%2e',
  ])
    assert.throws(() => parseReference(text, 'x.y'), refused(/its name/), text)
  for (const text of ['a.b/c:', 'a.b/c:-x', 'a.b/c:a/b:', `a.b/c:${'x'.repeat(129)}`, 'a.b/c:a\nb'])
    assert.throws(() => parseReference(text, 'x.y'), refused(/its (tag|name)/), text)
  for (const text of [
    'a.b/c@sha256:12',
    `a.b/c@${digest.toUpperCase()}`,
    `a.b/c@sha512:${'0'.repeat(128)}`,
    'a.b/c@',
    `a.b/c@${digest}@${digest}`,
  ])
    assert.throws(() => parseReference(text, 'x.y'), refused(/digest/), text)
  for (const text of ['user@a.b/c', 'a..b/c', '-a.b/c', 'a.b:x/c', 'a.b:1:2/c'])
    assert.throws(() => parseReference(text, 'x.y'), refused(/./), text)
  assert.throws(() => parseReference(`a.b/${'c'.repeat(2000)}`), refused(/too long/))
})

test('what is shown is read again as the same', () => {
  const name = fc.stringMatching(/^[a-z0-9]{1,8}(?:[._-][a-z0-9]{1,4})?$/)
  fc.assert(
    fc.property(
      fc.array(name, { minLength: 1, maxLength: 4 }),
      fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/)),
      fc.boolean(),
      (names, tag, pinned) => {
        const reference = parts(
          'registry.example:444',
          names.join('/'),
          tag ?? undefined,
          pinned ? digest : undefined,
        )
        assert.deepEqual(parseReference(showReference(reference)), reference)
      },
    ),
    { numRuns: 200 },
  )
})

test('any text gives a reference or an error, and no address leads elsewhere than to its registry', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 60 }), fc.stringMatching(/^[a-zA-Z0-9.:/@_[\]-]{0,40}$/)),
      (text) => {
        try {
          const { registry, repository, tag } = parseReference(text, 'default.example')
          const address = `${registryAddress(registry)}/v2/${repository}/manifests/${tag ?? 'x'}`
          const url = new URL(address)
          assert.equal(url.pathname, `/v2/${repository}/manifests/${tag ?? 'x'}`)
          assert.equal(`${url.username}${url.password}${url.search}${url.hash}`, '')
        } catch (error) {
          // Ports above 65,535 and addresses such as [1] are hosts by their form only.
          assert.ok(
            error instanceof UfrError || (error as NodeJS.ErrnoException).code === 'ERR_INVALID_URL',
            String(error),
          )
        }
      },
    ),
    { numRuns: 2000 },
  )
})

test('only loopback is spoken to without encryption', () => {
  for (const registry of ['localhost', 'localhost:5000', '127.0.0.1', '127.1.2.3:80', '[::1]:5000'])
    assert.equal(registryAddress(registry), `http://${registry}`)
  for (const registry of ['a.example', '127.0.0.1.example', 'localhost.example:80', '10.0.0.1'])
    assert.equal(registryAddress(registry), `https://${registry}`)
  assert.equal(registryAddress('docker.io'), 'https://registry-1.docker.io')
})
