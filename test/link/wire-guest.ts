import { type Duplex, duplexPair } from 'node:stream'
import {
  arpReply,
  flags,
  type Packet,
  readFrame,
  type Segment,
  tcpFrame,
} from '../../src/link/wire/packets.ts'
import { attachWire } from '../../src/link/wire/wire.ts'
import { callPort } from '../../src/vmm/machine.ts'

export const host = { mac: Buffer.from('525400756673', 'hex'), ip: 0x0a000202 }
export const guest = { mac: Buffer.from('525400756672', 'hex'), ip: 0x0a00020f }

export interface Wire {
  /** Frames that the host has sent. */
  frames: Buffer[]
  calls: Duplex[]
  send(frame: Buffer): void
  /** As bytes, without a length of its own. */
  raw(bytes: Buffer): void
  close(): void
}

/** Attaches the host's end, and is the guest at the other one. */
export function wire(
  answer: (call: Duplex) => void = () => {},
  take: (frame: Buffer) => void = () => {},
): Wire {
  // What QEMU has is a pair of connected sockets.
  const [ours, qemus] = duplexPair()
  for (const end of [ours, qemus]) end.on('error', () => {})
  const made: Wire = {
    frames: [],
    calls: [],
    send(frame) {
      const length = Buffer.alloc(4)
      length.writeUInt32BE(frame.length)
      qemus.write(Buffer.concat([length, frame]))
    },
    raw: (bytes) => void qemus.write(bytes),
    close: () => {
      qemus.destroy()
      ours.destroy()
    },
  }
  attachWire(
    ours,
    (call) => {
      made.calls.push(call)
      answer(call)
    },
    20,
  )
  let pending = Buffer.alloc(0)
  qemus.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const length = pending.readUInt32BE(0)
      const frame = Buffer.from(pending.subarray(4, 4 + length))
      pending = pending.subarray(4 + length)
      made.frames.push(frame)
      take(frame)
    }
  })
  return made
}

/** Asks for the address of a station. */
export function arpRequest(ip: number): Buffer {
  const frame = arpReply(guest, { mac: Buffer.alloc(6, 0xff), ip })
  frame.writeUInt16BE(1, 20)
  return frame
}

export function segment(more: Partial<Segment>): Segment {
  return {
    sourcePort: 40_000,
    targetPort: callPort,
    sequence: 0,
    acknowledgement: 0,
    flags: flags.ack,
    window: 65_535,
    data: Buffer.alloc(0),
    ...more,
  }
}

/** What comes of a frame of the host's. */
export function segmentIn(frame: Buffer): Segment {
  const packet = readFrame(frame) as Packet & { kind: 'tcp' }
  return packet.segment
}

export interface Caller {
  /** All that has come from the host. */
  received(): Buffer
  /** Sends bytes, repeated until they are acknowledged. */
  send(bytes: Buffer): Promise<void>
  end(): void
  /** Resolves when the host has ended its side. */
  ended: Promise<void>
  reset(): void
  opened: Promise<void>
}

/** A guest's TCP of the simplest kind on a wire that loses some frames: one segment at a time, repeated until answered. */
export function caller(loses: () => boolean, answer: (call: Duplex) => void, port = 40_000): Caller & Wire {
  const opened = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const chunks: Buffer[] = []
  let sequence = 0xffff_fff0
  let expected = 0
  let isOpen = false
  let waiting: { upTo: number; done(): void } | undefined
  const line = wire(answer, (frame) => {
    if (!loses()) take(segmentIn(frame))
  })
  const put = line.send
  const say = (more: Partial<Segment>) => {
    if (loses()) return
    put(tcpFrame(guest, host, segment({ sourcePort: port, sequence, acknowledgement: expected, ...more })))
  }
  function take(one: Segment): void {
    if (!isOpen) {
      if (!(one.flags & flags.syn)) return
      isOpen = true
      sequence = (sequence + 1) >>> 0
      expected = (one.sequence + 1) >>> 0
      say({})
      opened.resolve()
      return
    }
    if (one.flags & flags.syn) {
      say({})
      return
    }
    if (waiting && one.acknowledgement === waiting.upTo) waiting.done()
    const size = one.data.length + (one.flags & flags.fin ? 1 : 0)
    if (size === 0) return
    if (one.sequence === expected) {
      chunks.push(Buffer.from(one.data))
      expected = (expected + size) >>> 0
      if (one.flags & flags.fin) ended.resolve()
    }
    say({})
  }
  async function untilHeard(send: () => void, upTo: number): Promise<void> {
    const heard = Promise.withResolvers<void>()
    waiting = { upTo, done: heard.resolve }
    send()
    const timer = setInterval(send, 20)
    await heard.promise
    clearInterval(timer)
    sequence = upTo
  }
  const syn = () => say({ flags: flags.syn, mss: 1460, acknowledgement: 0 })
  const opening = setInterval(() => (isOpen ? clearInterval(opening) : syn()), 20)
  syn()
  return Object.assign(line, {
    received: () => Buffer.concat(chunks),
    async send(bytes: Buffer) {
      await opened.promise
      for (let at = 0; at < bytes.length; at += 1460) {
        const data = bytes.subarray(at, at + 1460)
        await untilHeard(() => say({ data }), (sequence + data.length) >>> 0)
      }
    },
    end: () => void untilHeard(() => say({ flags: flags.fin | flags.ack }), (sequence + 1) >>> 0),
    reset: () => say({ flags: flags.rst | flags.ack }),
    ended: ended.promise,
    opened: opened.promise,
  })
}
