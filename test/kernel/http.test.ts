import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import http from 'node:http'
import https from 'node:https'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import { afterEach, test } from 'node:test'
import { promisify } from 'node:util'
import { UfrError } from '../../src/base/errors.ts'
import { findCommand } from '../../src/base/process.ts'
import { downloadText } from '../../src/kernel/download/download.ts'
import { useHome } from './home.ts'
import { serve, type TestServer } from './server.ts'

const home = useHome()
const quick = { backoff: 1, attempts: 1, connectTimeout: 5000 }
const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'UFR_MIRROR']
const before = new Map(names.map((name) => [name, process.env[name]]))
for (const name of names) delete process.env[name]

afterEach(() => {
  for (const name of names) {
    const value = before.get(name)
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  for (const name of names) delete process.env[name]
})

/** A forward proxy for plain requests and tunnels, with a password. */
async function serveProxy(): Promise<TestServer> {
  const wanted = `Basic ${btoa('us:er%')}`
  const proxy = await serve((request, response) => {
    if (request.headers['proxy-authorization'] !== wanted) {
      response.writeHead(407).end()
      return
    }
    const headers = { ...request.headers, via: '1.1 test' }
    const onward = http.request(request.url ?? '', { headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(response)
    })
    onward.on('error', () => response.writeHead(502).end())
    onward.end()
  })
  proxy.server.on('connect', (request, socket, head) => {
    proxy.seen.push(`CONNECT ${request.url}`)
    if (request.headers['proxy-authorization'] !== wanted) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    const port = Number(request.url?.split(':')[1])
    const onward = net.connect(port, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n')
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    for (const each of [onward, socket]) {
      each.on('error', () => {})
      each.on('close', () => [onward, socket].map((both) => both.destroy()))
    }
  })
  return proxy
}

test('http goes through the proxy in absolute form', async () => {
  await using server = await serve((request, response) => {
    response.end(`via ${request.headers.via}, ${request.headers['proxy-authorization']}`)
  })
  await using proxy = await serveProxy()
  process.env['HTTP_PROXY'] = `http://us:er%25@127.0.0.1:${proxy.port}`
  const text = await downloadText(`${server.base}/a?b=c`, quick)
  assert.match(text, /^via 1.1 test/)
  assert.deepEqual(proxy.seen, [`GET ${server.base}/a?b=c`])
  process.env['NO_PROXY'] = '127.0.0.1'
  assert.match(await downloadText(`${server.base}/a`, quick), /^via undefined/)
})

test('a proxy that refuses is named, without its password', async () => {
  await using server = await serve((_request, response) => response.end('no'))
  await using proxy = await serveProxy()
  process.env['http_proxy'] = `http://us:wrong@127.0.0.1:${proxy.port}`
  process.env['https_proxy'] = process.env['http_proxy']
  await assert.rejects(downloadText(`${server.base}/a`, quick), /answered 407/)
  await assert.rejects(downloadText(`https://127.0.0.1:${server.port}/`, quick), (error) => {
    assert.ok(error instanceof UfrError)
    assert.match(error.message, /the proxy http:\/\/127.0.0.1:\d+\/ answered 407/)
    assert.ok(!error.message.includes('wrong'))
    return true
  })
})

test('a proxy that is not there is named', async () => {
  const gone = await serve(() => {})
  await gone[Symbol.asyncDispose]()
  process.env['https_proxy'] = gone.base
  await assert.rejects(
    downloadText('https://host.invalid/', quick),
    /no connection to the proxy http:\/\/127/,
  )
})

test('UFR_MIRROR is asked instead of the host, with its user and password', async () => {
  await using mirror = await serve((request, response) => response.end(`${request.headers.authorization}`))
  process.env['UFR_MIRROR'] = `http://us:er@127.0.0.1:${mirror.port}/base`
  assert.equal(await downloadText('https://host.invalid/nanos/latest.txt', quick), `Basic ${btoa('us:er')}`)
  assert.deepEqual(mirror.seen, ['GET /base/host.invalid/nanos/latest.txt'])
})

const script = `
import { downloadText } from ${JSON.stringify(path.resolve(import.meta.dirname, '../../src/kernel/download/download.ts'))}
try {
  process.stdout.write(await downloadText(process.argv[1], { attempts: 1 }))
} catch (error) {
  process.stdout.write(error.message)
}`

test("https goes through a tunnel, end to end: the certificate is the server's", {
  timeout: 60_000,
}, async (t) => {
  if (findCommand('openssl') === undefined) return t.skip('openssl is not installed')
  const [key, certificate] = [home.beside('key.pem'), home.beside('certificate.pem')]
  const request = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-days',
    '2',
  ]
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', [...request, ...subject, '-keyout', key, '-out', certificate], { stdio: 'ignore' })
  const options = { key: fs.readFileSync(key), cert: fs.readFileSync(certificate) }
  const server = https.createServer(options, (_request, response) => response.end('over tls'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  await using proxy = await serveProxy()
  const port = (server.address() as AddressInfo).port
  const run = async (url: string, environment: Record<string, string>) => {
    // Authorities are read when a process starts.
    const env = { ...process.env, ...environment }
    const args = ['--input-type=module', '-e', script, '--', url]
    return (await promisify(execFile)(process.execPath, args, { env })).stdout
  }
  try {
    const settings = {
      https_proxy: `http://us:er%25@127.0.0.1:${proxy.port}`,
      NODE_EXTRA_CA_CERTS: certificate,
    }
    assert.equal(await run(`https://localhost:${port}/`, settings), 'over tls')
    // Node.js itself would use the proxy too when asked to: then it must not be used twice.
    assert.equal(
      await run(`https://localhost:${port}/`, { ...settings, NODE_USE_ENV_PROXY: '1' }),
      'over tls',
    )
    assert.deepEqual(proxy.seen, [`CONNECT localhost:${port}`, `CONNECT localhost:${port}`])
    const unknown = await run(`https://localhost:${port}/`, { https_proxy: settings.https_proxy })
    assert.match(unknown, /cannot be downloaded: no connection: .*certificate/)
    // By address: not every machine has a name for itself.
    assert.equal(await run(`https://127.0.0.1:${port}/`, { NODE_EXTRA_CA_CERTS: certificate }), 'over tls')
  } finally {
    server.closeAllConnections()
    server.close()
  }
})
