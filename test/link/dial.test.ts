import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { dial } from '../../src/link/dial.ts'
import { request } from '../../src/link/http.ts'

const limit = { timeout: 20_000 }

/** Plays Firecracker's vsock socket: tells which port is asked for, and answers as `answer` says. */
async function vsockServer(t: TestContext, answer: (socket: net.Socket, asked: string) => void) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-dial-'))
  const file = path.join(folder, 'v.sock')
  const server = net.createServer((socket) => {
    let heard = ''
    socket.on('error', () => {})
    socket.on('data', function hear(chunk: Buffer) {
      heard += chunk.toString('latin1')
      if (!heard.includes('\n')) return
      socket.off('data', hear)
      answer(socket, heard.trim())
    })
  })
  server.listen(file)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    fs.rmSync(folder, { recursive: true, force: true })
  })
  return { socket: file, port: 8080 }
}

test('over a vsock socket the port is asked for, and nothing behind the answer is lost', limit, async (t) => {
  let question = ''
  const address = await vsockServer(t, (socket, asked) => {
    question = asked
    socket.end('OK 1073741824\nthe first words of the guest')
  })
  const socket = await dial(address, AbortSignal.timeout(5000))
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'end')
  socket.destroy()
  assert.equal(question, 'CONNECT 8080')
  assert.equal(Buffer.concat(chunks).toString(), 'the first words of the guest')
})

test('an HTTP request goes over a vsock socket, its answer in pieces', limit, async (t) => {
  const address = await vsockServer(t, (socket) => {
    socket.write('OK 1\n')
    socket.once('data', (chunk: Buffer) => {
      assert.match(chunk.toString(), /^GET \/x HTTP\/1\.1\r\nhost: localhost:8080\r\n/)
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n')
      setTimeout(() => socket.end('good'), 10)
    })
  })
  const what = { method: 'GET', path: '/x' }
  const answer = await request(address, what, { signal: AbortSignal.timeout(5000), maxBytes: 100 })
  assert.equal(answer.body.toString(), 'good')
})

const refusals = {
  'closed without an answer': (socket: net.Socket) => socket.end(),
  'broken without an answer': (socket: net.Socket) => socket.destroy(),
  'answered with other words': (socket: net.Socket) => socket.write('NO way\n'),
  'answered with words that never end': (socket: net.Socket) => socket.write('x'.repeat(1000)),
}
for (const [how, refuse] of Object.entries(refusals)) {
  test(`a connection that is ${how} is refused`, limit, async (t) => {
    const address = await vsockServer(t, refuse)
    await assert.rejects(dial(address, AbortSignal.timeout(5000)), { code: /^ECONN(REFUSED|RESET)$/ })
  })
}

test('a guest that never answers is waited for until the signal aborts', limit, async (t) => {
  const address = await vsockServer(t, () => {})
  await assert.rejects(dial(address, AbortSignal.timeout(50)), { name: 'TimeoutError' })
})

test('a TCP port that nobody listens on refuses', limit, async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const gone = dial({ host: '127.0.0.1', port }, AbortSignal.timeout(5000))
  await assert.rejects(gone, { code: 'ECONNREFUSED' })
})
