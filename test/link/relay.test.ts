import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type TestContext, test } from 'node:test'
import { dial } from '../../src/link/dial.ts'
import { openDoor } from '../../src/link/door.ts'
import { accepted, request } from '../../src/link/http.ts'
import { until } from '../live/ufr.ts'
import { childrenOf, guestServer, startRelay, type Through } from './relay-process.ts'

const limit = { timeout: 60_000 }
const soon = () => AbortSignal.timeout(10_000)

async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Sends bytes, ends its side, and takes what comes back until the other side ends. */
async function exchange(stream: Duplex, bytes: Buffer): Promise<Buffer> {
  stream.end(bytes)
  return all(stream)
}

/** No process of a connection is left. */
async function quiet(pid: number): Promise<void> {
  await until(() => childrenOf(pid).length === 0, 'the end of all connections', 5000)
}

for (const through of ['relay', 'vsock'] satisfies Through[]) {
  const named = (name: string, use: (t: TestContext) => Promise<void>) =>
    test(`through ${through}: ${name}`, limit, use)

  named('an HTTP request and its answer, large both ways', async (t) => {
    const relay = await startRelay(t, through)
    const body = randomBytes(20_000_000)
    const server = http.createServer((asked, answer) => {
      const hash = createHash('sha256')
      asked
        .on('data', (chunk) => hash.update(chunk))
        .on('end', () => {
          answer.setHeader('x-hash', hash.digest('hex')).end(body)
        })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const what = { method: 'POST', path: '/', body }
    const {
      status,
      headers,
      body: back,
    } = await request(relay.address(port), what, {
      signal: soon(),
      maxBytes: 1 << 28,
    })
    assert.equal(status, 200)
    assert.equal(headers['x-hash'], createHash('sha256').update(body).digest('hex'))
    assert.ok(back.equals(body))
    await quiet(relay.pid)
  })

  named('many connections at once, each with its own bytes, and ends are passed on one by one', async (t) => {
    const relay = await startRelay(t, through)
    // Answers only when the client is done, and ends only then.
    const port = await guestServer(t, (socket) => {
      const chunks: Buffer[] = []
      socket.on('data', (chunk) => chunks.push(chunk)).on('end', () => socket.end(Buffer.concat(chunks)))
    })
    const sent = Array.from({ length: 100 }, (_, i) => Buffer.alloc(100_000 + i, i + 1))
    const back = await Promise.all(
      sent.map(async (bytes) => exchange(await dial(relay.address(port), soon()), bytes)),
    )
    for (const [i, bytes] of back.entries()) assert.ok(bytes.equals(sent[i]!), String(i))
    await quiet(relay.pid)
  })

  named('a guest may end first and still listen', async (t) => {
    const relay = await startRelay(t, through)
    const heard = Promise.withResolvers<string>()
    const port = await guestServer(t, (socket) => {
      socket.end('all I have to say')
      let text = ''
      socket.on('data', (chunk) => (text += chunk)).on('end', () => heard.resolve(text))
    })
    const stream = await dial(relay.address(port), soon())
    assert.equal((await all(stream)).toString(), 'all I have to say')
    stream.end('but I have more')
    assert.equal(await heard.promise, 'but I have more')
    await quiet(relay.pid)
  })

  named('an echo of more than all buffers hold does not stand still', async (t) => {
    const relay = await startRelay(t, through)
    const port = await guestServer(t, (socket) => socket.pipe(socket))
    const bytes = randomBytes(30_000_000)
    const back = await exchange(await dial(relay.address(port), soon()), bytes)
    assert.ok(back.equals(bytes))
    await quiet(relay.pid)
  })

  named('where nobody listens, the connection is refused at once, and later taken', async (t) => {
    const relay = await startRelay(t, through)
    await assert.rejects(dial(relay.address(1), soon()), { code: 'ECONNREFUSED' })
    const listening = await guestServer(t, () => {})
    const stream = await accepted(relay.address(listening), 0, soon())
    stream.destroy()
    await quiet(relay.pid)
  })

  named('a client that goes away is seen by a guest that waits for it', async (t) => {
    const relay = await startRelay(t, through)
    const gone = Promise.withResolvers<void>()
    const port = await guestServer(t, (socket) => {
      socket.write('hello')
      socket.resume()
      const timer = setInterval(() => socket.write('still there?'), 5)
      socket.on('close', () => {
        clearInterval(timer)
        gone.resolve()
      })
    })
    const stream = await dial(relay.address(port), soon())
    await once(stream, 'data')
    stream.destroy()
    await gone.promise
    await quiet(relay.pid)
  })

  named('a client that goes away frees a connection on which the guest is silent', async (t) => {
    const relay = await startRelay(t, through)
    const port = await guestServer(t, (socket) => socket.resume())
    for (const leave of [(stream: Duplex) => stream.destroy(), (stream: Duplex) => stream.end().destroy()]) {
      const stream = await dial(relay.address(port), soon())
      await until(() => childrenOf(relay.pid).length > 0, 'a connection', 5000)
      leave(stream)
      await quiet(relay.pid)
    }
  })

  named('a guest that breaks off is noticed', async (t) => {
    const relay = await startRelay(t, through)
    const port = await guestServer(t, (socket) => {
      socket.write('half of it')
      socket.once('data', () => socket.resetAndDestroy())
    })
    const stream = await dial(relay.address(port), soon())
    await once(stream, 'data')
    const end = Promise.withResolvers<string>()
    stream.on('error', (error: NodeJS.ErrnoException) => end.resolve(error.code ?? 'error'))
    stream.on('end', () => end.resolve('end'))
    stream.resume()
    stream.write('go on')
    // A Unix socket does not tell an end from a reset.
    assert.equal(await end.promise, through === 'relay' ? 'end' : 'ECONNRESET')
    stream.destroy()
    await quiet(relay.pid)
  })

  named('a guest that stops listening does not make the client wait for ever', async (t) => {
    const relay = await startRelay(t, through)
    const port = await guestServer(t, (socket) => socket.resetAndDestroy())
    const stream = await dial(relay.address(port), soon())
    const over = new Promise((resolve) => stream.once('close', resolve))
    stream.on('end', () => stream.destroy())
    stream.resume()
    for (let i = 0; i < 100; i++) stream.write(Buffer.alloc(65_536))
    await over
    await quiet(relay.pid)
  })

  named('a server may be reached through the door by everybody', async (t) => {
    const relay = await startRelay(t, through)
    const server = http.createServer((asked, answer) => answer.end(asked.url)).listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const door = await openDoor(relay.address((server.address() as AddressInfo).port))
    t.after(() => door.close())
    const { port } = door.address
    const texts = await Promise.all(
      Array.from({ length: 50 }, async (_, i) => (await fetch(`http://127.0.0.1:${port}/${i}`)).text()),
    )
    assert.deepEqual(
      texts,
      Array.from({ length: 50 }, (_, i) => `/${i}`),
    )
  })
}
