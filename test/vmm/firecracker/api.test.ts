import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { connectApi, type FirecrackerApi } from '../../../src/vmm/firecracker/api.ts'

const never = new AbortController().signal
const entropy = (api: FirecrackerApi, signal = never) => api.put('/entropy', {}, signal)

/** A server that answers each request by what `reply` gives, byte for byte. */
async function serve(t: TestContext, reply: (request: string, socket: net.Socket) => string | undefined) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-api-'))
  const file = path.join(folder, 'api')
  const requests: string[] = []
  let connections = 0
  const server = net.createServer((socket) => {
    connections++
    socket.setEncoding('utf8').on('error', () => {})
    socket.on('data', (text: string) => {
      requests.push(text)
      const answer = reply(text, socket)
      if (answer !== undefined) socket.write(answer)
    })
    t.after(() => socket.destroy())
  })
  server.listen(file)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    fs.rmSync(folder, { recursive: true, force: true })
  })
  const api = await connectApi(() => file, AbortSignal.timeout(5000))
  t.after(() => api.close())
  return { api, file, requests, connections: () => connections }
}

const http = (status: string, body = '') =>
  `HTTP/1.1 ${status}\r\nServer: Firecracker API\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

test('requests go over one connection, which outlives the name of its socket', async (t) => {
  const { api, file, requests, connections } = await serve(t, (text) =>
    text.startsWith('GET') ? http('200 OK', '{"state":"Running"}') : http('204 No Content'),
  )
  fs.rmSync(file)
  await api.put('/machine-config', { vcpu_count: 1, mem_size_mib: 128 }, never)
  await entropy(api)
  assert.deepEqual(await api.request('GET', '/', undefined, never), { state: 'Running' })
  assert.equal(connections(), 1)
  assert.match(requests[0]!, /^PUT \/machine-config HTTP\/1\.1\r\n/)
  assert.match(requests[0]!, /content-length: 35\r\n/i)
  assert.ok(requests[0]!.endsWith('\r\n\r\n{"vcpu_count":1,"mem_size_mib":128}'))
  assert.doesNotMatch(requests[2]!, /content-/i)
})

test('a refusal is told in Firecracker’s words, in whatever form they come', async (t) => {
  const answers = [
    http('400 Bad Request', '{"fault_message":" Invalid vcpu count. "}'),
    http('400 Bad Request', '{ "error": "Invalid header.\nDropped." }'.replace('\n', '\\n')),
    http('400 Bad Request', 'no JSON'),
    http('503 Service Unavailable'),
    http('400 Bad Request', '{"fault_message":7}'),
  ]
  const { api } = await serve(t, () => answers.shift())
  const told = [
    'Invalid vcpu count.',
    'Invalid header.\nDropped.',
    'no JSON',
    'HTTP 503',
    '{"fault_message":7}',
  ]
  for (const words of told) {
    await assert.rejects(entropy(api), {
      code: 'UFR-VMM-CONTROL',
      message: `Firecracker refused PUT /entropy: ${words}`,
    })
  }
})

test('an answer that is none, has no end or never comes is an error', async (t) => {
  const { api } = await serve(t, () => 'what?\r\n\r\n')
  await assert.rejects(entropy(api), { code: 'UFR-VMM-CONTROL', message: /does not answer PUT \/entropy/ })
  const endless = await serve(t, () => http('200 OK', 'x'.repeat(2 << 20)))
  await assert.rejects(entropy(endless.api), { code: 'UFR-VMM-CONTROL', message: /the answer has no end/ })
  const dead = await serve(t, (_, socket) => void socket.destroy())
  await assert.rejects(entropy(dead.api), { code: 'UFR-VMM-CONTROL', message: /does not answer/ })
  await assert.rejects(entropy(dead.api), { code: 'UFR-VMM-CONTROL', message: /does not answer/ })
  const silent = await serve(t, () => undefined)
  const reason = new Error('enough')
  const limit = new AbortController()
  setTimeout(() => limit.abort(reason), 20)
  await assert.rejects(entropy(silent.api, limit.signal), reason)
})

test('it is waited for until it listens, or nobody wants it any more', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-api-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'api')
  const reason = new Error('enough')
  const limit = new AbortController()
  setTimeout(() => limit.abort(reason), 30)
  await assert.rejects(
    connectApi(() => file, limit.signal),
    reason,
  )
  const server = net.createServer((socket) => socket.end())
  t.after(() => server.close())
  setTimeout(() => server.listen(file), 30)
  const api = await connectApi(() => file, AbortSignal.timeout(5000))
  api.close()
})
