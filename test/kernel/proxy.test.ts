import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { basicAuthorization, mirrored, proxyFor, shownUrl } from '../../src/kernel/download/proxy.ts'

function chosen(url: string, environment: Record<string, string>): string | undefined {
  return proxyFor(new URL(url), environment)?.href
}

test('the proxy is chosen by the scheme of the address, lower case first', () => {
  const environment = { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: 'b:2' }
  assert.equal(chosen('http://h/', environment), 'http://a:1/')
  assert.equal(chosen('https://h/', environment), 'http://b:2/')
  assert.equal(chosen('https://h/', { ...environment, https_proxy: 'http://c:3' }), 'http://c:3/')
  assert.equal(chosen('https://h/', { HTTP_PROXY: 'http://a:1', HTTPS_PROXY: '' }), undefined)
})

test('NO_PROXY names hosts, what is below them, ports and everything', () => {
  const cases: [string, string, boolean][] = [
    ['example.org', 'http://example.org/', true],
    ['example.org', 'http://a.example.org/', true],
    ['.example.org', 'http://a.example.org/', true],
    ['*.example.org', 'http://a.example.org/', true],
    ['example.org', 'http://badexample.org/', false],
    ['EXAMPLE.org', 'http://example.ORG/', true],
    ['example.org:8080', 'http://example.org:8080/', true],
    ['example.org:8080', 'http://example.org/', false],
    ['example.org:80', 'http://example.org/', true],
    ['other, example.org', 'http://example.org/', true],
    ['other example.org', 'http://example.org/', true],
    ['127.0.0.1', 'http://127.0.0.1:999/', true],
    ['::1', 'http://[::1]/', true],
    ['[::1]:81', 'http://[::1]:81/', true],
    ['[::1]:81', 'http://[::1]/', false],
    ['*', 'http://anything/', true],
    ['', 'http://anything/', false],
    [',', 'http://anything/', false],
  ]
  for (const [list, url, direct] of cases) {
    const environment = { http_proxy: 'http://p:1', no_proxy: list }
    assert.equal(chosen(url, environment) === undefined, direct, `${list} ${url}`)
  }
})

test('any NO_PROXY is taken without complaint', () => {
  fc.assert(
    fc.property(fc.string(), (list) => {
      proxyFor(new URL('http://host/'), { http_proxy: 'http://p:1', no_proxy: list })
    }),
  )
})

test('what is no HTTP proxy is an error that does not repeat it', () => {
  for (const value of ['socks5://user:secret@host:1', 'http://', '://']) {
    assert.throws(
      () => chosen('http://h/', { http_proxy: value }),
      (error) =>
        error instanceof UfrError && error.code === 'UFR-DOWNLOAD' && !error.message.includes('secret'),
    )
  }
})

test('UFR_MIRROR makes the host the first part of the path', () => {
  const at = (mirror: string) => mirrored('https://host.example/nanos/a?b=c', { UFR_MIRROR: mirror }).href
  assert.equal(at('http://mirror:8080'), 'http://mirror:8080/host.example/nanos/a?b=c')
  assert.equal(at('https://mirror/all/of/it/'), 'https://mirror/all/of/it/host.example/nanos/a?b=c')
  assert.equal(at(''), 'https://host.example/nanos/a?b=c')
  assert.throws(() => at('/just/a/folder'), /UFR_MIRROR is not an http or https address/)
})

test('users and passwords go into headers and never into messages', () => {
  assert.equal(shownUrl('https://user:pass@host/a'), 'https://host/a')
  assert.equal(basicAuthorization(new URL('http://us%40er:p%3Ass@host/')), `Basic ${btoa('us@er:p:ss')}`)
  assert.equal(basicAuthorization(new URL('http://host/')), undefined)
})
