import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { Duplex } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { acceptConnection } from '../../src/link/wire/connection.ts'
import { flags, readFrame, type Segment, tcpFrame } from '../../src/link/wire/packets.ts'
import { attachWire } from '../../src/link/wire/wire.ts'
import { callPort } from '../../src/vmm/machine.ts'
import { until } from '../live/ufr.ts'
import { arpRequest, caller, guest, host, segment, segmentIn, wire } from './wire-guest.ts'

const limit = { timeout: 30_000 }
const nothingLost = () => false

async function all(stream: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** RFC 1071 by another way than ours: with carries added at once. */
function onesSum(bytes: Buffer): number {
  let total = 0
  for (let at = 0; at < bytes.length; at += 2) {
    total += bytes[at]! * 256 + (bytes[at + 1] ?? 0)
    if (total > 0xffff) total -= 0xffff
  }
  return total
}

test('a segment is read as it was written, and its checksums are right', limit, () => {
  const data = fc.uint8Array({ maxLength: 1460 }).map((bytes) => Buffer.from(bytes))
  const number = fc.nat(0xffff_ffff)
  fc.assert(
    fc.property(
      data,
      number,
      number,
      fc.nat(65_535),
      fc.option(fc.nat(65_535)),
      (bytes, a, b, window, mss) => {
        const more = mss === null ? {} : { mss }
        const written = segment({ sequence: a, acknowledgement: b, window, data: bytes, ...more })
        const frame = tcpFrame(guest, host, written)
        assert.deepEqual(readFrame(frame), { kind: 'tcp', sender: guest, target: host.ip, segment: written })
        const ip = frame.subarray(14, 34)
        assert.equal(onesSum(ip), 0xffff)
        const pseudo = Buffer.concat([
          ip.subarray(12),
          Buffer.of(0, 6, (frame.length - 34) >> 8, (frame.length - 34) & 255),
        ])
        const padded = Buffer.concat([pseudo, frame.subarray(34)])
        assert.equal(onesSum(padded), 0xffff)
      },
    ),
    { numRuns: 100 },
  )
})

test('any bytes are a packet or nothing', limit, () => {
  const valid = tcpFrame(guest, host, segment({ mss: 1460, data: Buffer.from('hello') }))
  const mutated = fc
    .tuple(fc.nat(valid.length - 1), fc.nat(255), fc.nat(valid.length))
    .map(([at, value, length]) => {
      const bytes = Buffer.from(valid)
      bytes[at] = value
      return bytes.subarray(0, length)
    })
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 120 }).map((each) => Buffer.from(each)),
    mutated,
  )
  fc.assert(
    fc.property(bytes, (each) => void readFrame(each)),
    { numRuns: 3000 },
  )
})

test('the host answers for its own address, and for no other', limit, async (t) => {
  const line = wire()
  t.after(line.close)
  line.send(arpRequest(0x0a000203))
  line.send(arpRequest(guest.ip))
  line.send(arpRequest(host.ip))
  await until(() => line.frames.length > 0, 'an answer', 5000)
  assert.equal(line.frames.length, 1)
  const [reply] = line.frames
  assert.deepEqual(reply?.subarray(0, 6), guest.mac)
  assert.equal(reply?.readUInt16BE(20), 2)
  assert.deepEqual(reply?.subarray(22, 28), host.mac)
  assert.equal(reply?.readUInt32BE(28), host.ip)
})

test('only one port of one address takes connections', limit, async (t) => {
  const line = wire(() => assert.fail('a connection'))
  t.after(line.close)
  const syn = { flags: flags.syn, sequence: 7, mss: 1460 }
  line.send(tcpFrame(guest, { ...host, ip: host.ip + 1 }, segment(syn)))
  line.send(tcpFrame(guest, { ...host, ip: 0x7f000001 }, segment(syn)))
  line.send(tcpFrame(guest, host, segment({ ...syn, targetPort: 22 })))
  await until(() => line.frames.length === 3, 'all answers', 5000)
  const told = line.frames.map((frame) => {
    const refused = segmentIn(frame)
    return [refused.flags, refused.acknowledgement, refused.sourcePort, frame.readUInt32BE(26)]
  })
  const refusal = [flags.rst | flags.ack, 8]
  assert.deepEqual(told, [
    [...refusal, callPort, host.ip + 1],
    [...refusal, callPort, 0x7f000001],
    [...refusal, 22, host.ip],
  ])
})

test('a guest may not hold more than 64 connections', limit, async (t) => {
  const line = wire()
  t.after(line.close)
  for (let i = 0; i < 70; i++)
    line.send(tcpFrame(guest, host, segment({ flags: flags.syn, sourcePort: 1000 + i, sequence: i })))
  await until(() => line.frames.length === 70, 'all answers', 5000)
  assert.equal(line.frames.filter((frame) => segmentIn(frame).flags & flags.rst).length, 6)
})

test('a guest that asks and never listens costs little memory', limit, (t) => {
  // As a socket that QEMU does not read from.
  const deaf = new Duplex({ read() {}, write() {} })
  t.after(() => deaf.destroy())
  attachWire(deaf, () => assert.fail('a call'))
  const question = Buffer.concat([Buffer.of(0, 0, 0, 42), arpRequest(host.ip)])
  assert.equal(question.length, 46)
  const many = Buffer.concat(Array.from({ length: 10_000 }, () => question))
  for (let i = 0; i < 30; i++) deaf.emit('data', many)
  assert.ok(deaf.writableLength > 1 << 20)
  assert.ok(deaf.writableLength < 9 << 20, String(deaf.writableLength))
})

test('whatever segments come, in whatever order, the next call is answered', {
  timeout: 60_000,
}, async () => {
  const near = fc.oneof(
    fc.nat(3),
    fc.integer({ min: -3, max: 3 }).map((n) => n >>> 0),
    fc.nat(0xffff_ffff),
  )
  const anySegment = fc.record({
    sourcePort: fc.constantFrom(1000, 1001),
    targetPort: fc.constantFrom(callPort, callPort, callPort, 80),
    sequence: near,
    acknowledgement: near,
    flags: fc.nat(31),
    window: fc.constantFrom(0, 1, 1460, 65_535),
    data: fc.nat(1460).map((bytes) => Buffer.alloc(bytes, 'x')),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(anySegment, { maxLength: 30 }), async (segments) => {
      const line = wire(
        (call) =>
          void call
            .on('error', () => {})
            .resume()
            .write('hello'),
      )
      try {
        let first = 0
        for (const each of segments) {
          line.send(tcpFrame(guest, host, segment({ flags: flags.syn, sourcePort: each.sourcePort })))
          await new Promise(setImmediate)
          const answers = line.frames.map(segmentIn).filter((one) => one.flags === (flags.syn | flags.ack))
          first = answers.at(-1)?.sequence ?? first
          // Close to what is expected, so that it gets beyond the first checks.
          const acknowledgement = (first + each.acknowledgement) >>> 0
          line.send(tcpFrame(guest, host, segment({ ...each, acknowledgement })))
        }
        line.send(tcpFrame(guest, host, segment({ flags: flags.syn, sourcePort: 2000, sequence: 9 })))
        const isAnswer = (one: Segment) => one.targetPort === 2000 && one.flags === (flags.syn | flags.ack)
        await until(() => line.frames.map(segmentIn).some(isAnswer), 'an answer', 5000)
      } finally {
        line.close()
      }
    }),
    { numRuns: 60 },
  )
})

test('bytes go both ways, and each side ends by itself', limit, async (t) => {
  const heard = Promise.withResolvers<Buffer>()
  const answered = randomBytes(300_000)
  const asked = randomBytes(200_000)
  const call = caller(nothingLost, async (stream) => {
    const bytes = await all(stream)
    heard.resolve(bytes)
    stream.end(answered)
  })
  t.after(call.close)
  await call.send(asked)
  call.end()
  assert.ok((await heard.promise).equals(asked))
  await call.ended
  assert.ok(call.received().equals(answered))
  await until(() => call.calls[0]!.destroyed, 'the end', 5000)
})

test('the host may end first', limit, async (t) => {
  const heard = Promise.withResolvers<Buffer>()
  const call = caller(nothingLost, (stream) => {
    stream.end('all I have to say')
    void all(stream).then(heard.resolve)
  })
  t.after(call.close)
  await call.ended
  assert.equal(call.received().toString(), 'all I have to say')
  await call.send(Buffer.from('but I have more'))
  call.end()
  assert.equal((await heard.promise).toString(), 'but I have more')
})

test('what gets lost is sent again', { timeout: 60_000 }, async (t) => {
  let n = 0
  // A third of all frames, by chance that is the same each time.
  const loses = () => {
    n = (n * 1_103_515_245 + 12_345) % 2 ** 31
    return (n >> 8) % 3 === 0
  }
  const heard = Promise.withResolvers<Buffer>()
  const answered = randomBytes(8000)
  const asked = randomBytes(8000)
  const call = caller(loses, async (stream) => {
    heard.resolve(await all(stream))
    stream.end(answered)
  })
  t.after(call.close)
  await call.send(asked)
  call.end()
  assert.ok((await heard.promise).equals(asked))
  await call.ended
  assert.ok(call.received().equals(answered))
})

test('a guest that breaks off, or is gone, is noticed', limit, async (t) => {
  const reset = caller(nothingLost, () => {})
  t.after(reset.close)
  await reset.opened
  await until(() => reset.calls.length > 0, 'a call', 5000)
  const codes: unknown[] = []
  reset.calls[0]!.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
  reset.reset()
  await until(() => reset.calls[0]!.destroyed, 'the end', 5000)
  const gone = caller(nothingLost, (stream) => {
    stream.on('error', (error: NodeJS.ErrnoException) => codes.push(error.code))
  })
  await gone.opened
  await until(() => gone.calls.length > 0, 'a call', 5000)
  gone.close()
  await until(() => gone.calls[0]!.destroyed && codes.length === 2, 'the end', 5000)
  assert.deepEqual(codes, ['ECONNRESET', 'ECONNRESET'])
})

test('a call that is dropped here is broken off there', limit, async (t) => {
  const call = caller(nothingLost, (stream) => stream.destroy())
  t.after(call.close)
  await until(() => call.frames.some((frame) => segmentIn(frame).flags & flags.rst), 'a reset', 5000)
})

/** A connection by hand: what it sends, and a way to answer. */
function byHand(window: number, patienceMs = 20) {
  const sent: Omit<Segment, 'sourcePort' | 'targetPort'>[] = []
  const { promise, resolve } = Promise.withResolvers<Duplex>()
  const opening = segment({ flags: flags.syn, sequence: 100, mss: 1000, window })
  const connection = acceptConnection({
    opening,
    send: (one) => sent.push(one),
    opened: resolve,
    closed() {},
    patienceMs,
  })
  const first = sent[0]!.sequence
  const receive = (more: Partial<Segment>) =>
    connection.receive(segment({ sequence: 101, acknowledgement: (first + 1) >>> 0, window, ...more }))
  return { sent, first, receive, connection, stream: promise }
}

test('nothing is sent beyond the room that the guest has, and it is asked for more', limit, async (t) => {
  const { sent, first, receive, connection, stream } = byHand(1500)
  t.after(connection.drop)
  receive({})
  const call = await stream
  sent.length = 0
  call.write(Buffer.alloc(5000, 'x'))
  assert.deepEqual(
    sent.map(({ data }) => data.length),
    [1000, 500],
  )
  receive({ acknowledgement: (first + 1501) >>> 0, window: 0 })
  await until(() => sent.length > 2, 'a question', 5000)
  assert.deepEqual([sent[2]!.data.length, sent[2]!.sequence], [1, (first + 1501) >>> 0])
  receive({ acknowledgement: (first + 1502) >>> 0, window: 65_535 })
  const rest = sent.slice(-4).map(({ data }) => data.length)
  assert.equal(
    rest.reduce((sum, length) => sum + length),
    3499,
    String(rest),
  )
})

test('a guest is told to wait when nobody reads, and to go on when somebody does', limit, async (t) => {
  const { sent, receive, connection, stream } = byHand(65_535)
  t.after(connection.drop)
  receive({})
  const call = await stream
  let at = 101
  while (sent.at(-1)!.window > 1000 || sent.length === 1) {
    receive({ sequence: at, data: Buffer.alloc(1000) })
    at += 1000
    assert.ok(at < 200_000)
  }
  const before = sent.length
  call.resume()
  await until(() => sent.length > before && sent.at(-1)!.window > 60_000, 'room', 5000)
})

test('what comes twice, or too early, is not taken', limit, async (t) => {
  const { sent, receive, connection, stream } = byHand(65_535)
  t.after(connection.drop)
  receive({})
  const call = await stream
  let text = ''
  call.on('data', (chunk) => (text += chunk))
  receive({ sequence: 101, data: Buffer.from('abc') })
  receive({ sequence: 101, data: Buffer.from('abc') })
  receive({ sequence: 110, data: Buffer.from('xyz') })
  receive({ sequence: 102, data: Buffer.from('bcdef') })
  await until(() => text.length >= 6, 'the text', 5000)
  assert.equal(text, 'abcdef')
  assert.equal(sent.at(-1)!.acknowledgement, 107)
  // A reset from elsewhere does not count.
  receive({ sequence: 5, flags: flags.rst })
  assert.equal(call.destroyed, false)
})

test('a guest that never confirms is forgotten', limit, async () => {
  let closed = 0
  const opening = segment({ flags: flags.syn, sequence: 100 })
  const send = () => {}
  const opened = () => assert.fail('opened')
  acceptConnection({ opening, send, opened, closed: () => closed++, patienceMs: 0.1 })
  await until(() => closed > 0, 'the end', 20_000)
  assert.equal(closed, 1)
})

test('frames that are too long end the wire, and garbage in them changes nothing', limit, async (t) => {
  const line = wire()
  t.after(line.close)
  for (let i = 0; i < 500; i++) line.send(randomBytes(i))
  line.send(arpRequest(host.ip))
  await until(() => line.frames.length === 1, 'an answer', 5000)
  line.raw(Buffer.from([0xff, 0xff, 0xff, 0xff]))
  line.send(arpRequest(host.ip))
  await new Promise((resolve) => setTimeout(resolve, 50))
  assert.equal(line.frames.length, 1)
})
