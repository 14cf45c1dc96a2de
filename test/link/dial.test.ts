import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { dial, relayPort } from '../../src/link/dial.ts'
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
  return { socket: file, port: 8080, through: 'vsock' as const }
}

/** Plays Firecracker and the relay in the guest: takes the connection, and hands on what the relay was told. */
function taken(socket: net.Socket, use: (port: number) => void): void {
  socket.write('OK 1073741824\n')
  socket.once('data', (chunk: Buffer) => {
    socket.write(Buffer.of(1))
    use(chunk.readUInt16BE())
  })
}

function frame(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length >> 8, text.length & 0xff), Buffer.from(text)])
}

test('over a vsock socket the port is asked for, and nothing behind the answer is lost', limit, async (t) => {
  const questions: unknown[] = []
  const address = await vsockServer(t, (socket, asked) => {
    questions.push(asked)
    taken(socket, (port) => {
      questions.push(port)
      socket.end(Buffer.concat([frame('the first words of the guest'), frame('')]))
    })
  })
  const socket = await dial(address, AbortSignal.timeout(5000))
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'end')
  socket.destroy()
  assert.deepEqual(questions, [`CONNECT ${relayPort}`, 8080])
  assert.equal(Buffer.concat(chunks).toString(), 'the first words of the guest')
})

test('an HTTP request goes over a vsock socket, its answer in pieces', limit, async (t) => {
  const address = await vsockServer(t, (socket) => {
    taken(socket, () => {
      socket.once('data', (chunk: Buffer) => {
        assert.match(chunk.toString(), /^..GET \/x HTTP\/1\.1\r\nhost: localhost:8080\r\n/s)
        const bytes = frame('HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood')
        // In the midst of a length, and in the midst of what it is the length of.
        socket.write(bytes.subarray(0, 1))
        setTimeout(() => socket.write(bytes.subarray(1, 30)), 5)
        setTimeout(() => socket.end(bytes.subarray(30)), 10)
      })
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

test('a connection that ends without the frame of the end is broken off', limit, async (t) => {
  const address = await vsockServer(t, (socket) => taken(socket, () => socket.end(frame('half'))))
  const stream = await dial(address, AbortSignal.timeout(5000))
  const code = await new Promise((resolve) => {
    stream.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    stream.on('end', () => resolve('end')).resume()
  })
  assert.equal(code, 'ECONNRESET')
})

test('what a guest sends behind its end is not taken', limit, async (t) => {
  const address = await vsockServer(t, (socket) =>
    taken(socket, () => socket.write(Buffer.concat([frame('all'), frame(''), frame('more')]))),
  )
  const stream = await dial(address, AbortSignal.timeout(5000))
  let text = ''
  for await (const chunk of stream) text += chunk
  assert.equal(text, 'all')
  stream.destroy()
})

test('a relay that does not answer, or wrongly, refuses', limit, async (t) => {
  for (const answer of [(socket: net.Socket) => socket.end(), (socket: net.Socket) => socket.write('no')]) {
    const address = await vsockServer(t, (socket) => {
      socket.write('OK 1\n')
      socket.once('data', () => answer(socket))
    })
    await assert.rejects(dial(address, AbortSignal.timeout(5000)), { code: 'ECONNREFUSED' })
  }
})

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
