import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { openDoor } from '../../src/link/door.ts'

/** A server that, as QEMU's network stack, has a backlog of one, and is slow to take connections. */
async function narrowServer(t: TestContext, answer: (socket: net.Socket) => void): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, answer)
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 })
  await once(server, 'listening')
  const busy = setInterval(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20), 25)
  t.after(() => {
    clearInterval(busy)
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** Sends bytes, ends its side, and takes what comes back until the other side ends. */
async function exchange(address: { host: string; port: number }, bytes: Buffer): Promise<Buffer> {
  const socket = net.connect({ ...address, allowHalfOpen: true })
  socket.end(bytes)
  const chunks: Buffer[] = []
  for await (const chunk of socket) chunks.push(chunk)
  return Buffer.concat(chunks)
}

test('many connections at once all get through, each with its own bytes, and ends are passed on', async (t) => {
  const port = await narrowServer(t, (socket) => socket.pipe(socket))
  const door = await openDoor({ host: '127.0.0.1', port })
  t.after(() => door.close())
  const started = performance.now()
  const sent = Array.from({ length: 24 }, (_, i) => Buffer.alloc(100_000, i + 1))
  const back = await Promise.all(sent.map((bytes) => exchange(door.address, bytes)))
  for (const [i, bytes] of back.entries()) assert.ok(bytes.equals(sent[i]!), String(i))
  assert.ok(performance.now() - started < 20_000)
})

test('where nobody listens, or the other side breaks off, the connection ends', async (t) => {
  const port = await narrowServer(t, (socket) => socket.resetAndDestroy())
  const door = await openDoor({ host: '127.0.0.1', port })
  const nowhere = await openDoor({ host: '127.0.0.1', port: 1 })
  t.after(() => {
    door.close()
    nowhere.close()
  })
  for (const { address } of [door, nowhere]) {
    const socket = net.connect(address)
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'close')
  }
})

test('closing the door ends what goes through it', async (t) => {
  const port = await narrowServer(t, (socket) => socket.write('hello'))
  const door = await openDoor({ host: '127.0.0.1', port })
  const socket = net.connect(door.address)
  socket.on('error', () => {})
  await once(socket, 'data')
  socket.resume()
  door.close()
  await once(socket, 'close')
  await assert.rejects(exchange(door.address, Buffer.from('x')))
})
