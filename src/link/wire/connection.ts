import { randomInt } from 'node:crypto'
import { Duplex } from 'node:stream'
import { flags, largestSegment, type Segment } from './packets.ts'

/** Our end of a connection that a guest has opened. */
export interface Connection {
  receive(segment: Segment): void
  /** Breaks it off without a word, for when the guest is gone. */
  drop(): void
}

export interface ConnectionOptions {
  /** The segment with which the guest asks for it. */
  opening: Segment
  send(segment: Omit<Segment, 'sourcePort' | 'targetPort'>): void
  /** Takes the connection once the guest has confirmed it. */
  opened(stream: Duplex): void
  /** Called once, when there is nothing left of it. */
  closed(): void
  /** First time after which what is not acknowledged is sent again; doubled each time. */
  patienceMs?: number
}

const mostWindow = 65_535
/** What a receiver takes that does not say (RFC 9293, 3.7.1). */
const defaultSegment = 536
/** The wire loses nothing, but a guest may, and one that is emulated on a busy host is slow. */
const usualPatienceMs = 1000
const mostPatienceMs = 8000
const mostRepeats = 12
/** Between two looks at whether there is room again. */
const roomMs = 5

/** How far a sequence number lies behind another, modulo 2³² and signed. */
function distance(from: number, to: number): number {
  return (to - from) | 0
}

function after(sequence: number, bytes: number): number {
  return (sequence + bytes) >>> 0
}

/**
 * One TCP connection, as far as a server on a wire without loss needs it: no congestion control, no window scaling, and
 * segments that come out of order are left for the sender to repeat.
 */
export function acceptConnection(options: ConnectionOptions): Connection {
  const { opening, send } = options
  const mss = Math.min(Math.max(opening.mss ?? defaultSegment, 64), largestSegment)
  const first = randomInt(2 ** 32)
  /** What is next of theirs. */
  let expected = after(opening.sequence, 1)
  /** What of ours is acknowledged, and where what has not been sent begins. */
  let acknowledged = first
  let sentTo = after(first, 1)
  let window = opening.window
  let state: 'opening' | 'open' | 'over' = 'opening'
  let gone = false
  let theirEnd = false
  /** Our end has been asked for, and has been sent. */
  let ending = false
  let endSent = false
  /** What is not acknowledged yet, sent or not, from `acknowledged` on. */
  let queue: Buffer[] = []
  let queued = 0
  let waiting: ((error?: Error | null) => void) | undefined
  let whenEnded: ((error?: Error | null) => void) | undefined
  /** The room that the guest was last told of. */
  let told = mostWindow
  let timer: NodeJS.Timeout | undefined
  let opener: NodeJS.Timeout | undefined
  let repeats = 0
  const patience = options.patienceMs ?? usualPatienceMs

  const stream = new Duplex({
    allowHalfOpen: true,
    highWaterMark: mostWindow,
    read() {},
    write(chunk: Buffer, _encoding, done) {
      queue.push(chunk)
      queued += chunk.length
      waiting = done
      flush()
    },
    final(done) {
      ending = true
      whenEnded = done
      flush()
    },
    destroy(error, done) {
      if (state !== 'over') {
        const flag = flags.rst | flags.ack
        send({ sequence: sentTo, acknowledgement: expected, flags: flag, window: 0, data: none })
      }
      finish()
      done(error)
    },
  })
  // An error between here and its use must not end the process.
  stream.on('error', () => {})

  function room(): number {
    return Math.max(0, mostWindow - stream.readableLength)
  }

  function say(flag: number, sequence: number, data: Buffer): void {
    told = room()
    send({ sequence, acknowledgement: expected, flags: flag | flags.ack, window: told, data })
    if (told < largestSegment) opener ??= setTimeout(open, roomMs)
  }

  /** A guest that was told to wait has to hear that it may go on. */
  function open(): void {
    opener = undefined
    if (state !== 'open') return
    if (room() >= largestSegment) acknowledge()
    else opener = setTimeout(open, roomMs)
  }

  function acknowledge(): void {
    say(0, sentTo, none)
  }

  function answerOpening(): void {
    const flag = flags.syn | flags.ack
    told = mostWindow
    send({
      sequence: first,
      acknowledgement: expected,
      flags: flag,
      window: told,
      mss: largestSegment,
      data: none,
    })
  }

  /** Sends what the guest has room for. */
  function flush(): void {
    if (state !== 'open') return
    for (;;) {
      const inFlight = distance(acknowledged, sentTo)
      const left = queued - inFlight
      const bytes = Math.min(left, mss, window - inFlight)
      if (endSent || bytes <= 0) break
      const at = sentTo
      sentTo = after(at, bytes)
      say(bytes === left ? flags.push : 0, at, slice(inFlight, bytes))
    }
    if (ending && !endSent && distance(acknowledged, sentTo) === queued) {
      endSent = true
      const at = sentTo
      sentTo = after(at, 1)
      say(flags.fin, at, none)
    }
    if (sentTo !== acknowledged || queued > 0) watch()
    if (waiting && queued < mostWindow) {
      const done = waiting
      waiting = undefined
      done()
    }
  }

  /** Bytes of the queue. */
  function slice(from: number, bytes: number): Buffer {
    const parts: Buffer[] = []
    let at = 0
    for (const part of queue) {
      const begin = Math.max(from - at, 0)
      const end = Math.min(from + bytes - at, part.length)
      if (begin < end) parts.push(part.subarray(begin, end))
      at += part.length
      if (at >= from + bytes) break
    }
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  function watch(): void {
    timer ??= setTimeout(repeat, Math.min(patience * 2 ** repeats, mostPatienceMs))
  }

  function unwatch(): void {
    clearTimeout(timer)
    timer = undefined
  }

  /** What was sent is not acknowledged: again, from there on. A guest without room is asked with one byte. */
  function repeat(): void {
    timer = undefined
    if (state === 'over') return
    if (++repeats > mostRepeats) {
      stream.destroy(Object.assign(new Error('the guest does not answer'), { code: 'ETIMEDOUT' }))
      return
    }
    if (state === 'opening') answerOpening()
    else if (queued > 0) {
      const bytes = Math.min(queued, mss, Math.max(window, 1))
      if (distance(acknowledged, sentTo) < bytes) sentTo = after(acknowledged, bytes)
      say(0, acknowledged, slice(0, bytes))
    } else if (endSent) say(flags.fin, acknowledged, none)
    watch()
  }

  function take(to: number): void {
    let bytes = distance(acknowledged, to)
    const most = distance(acknowledged, sentTo)
    if (bytes <= 0 || bytes > most) return
    acknowledged = to
    repeats = 0
    unwatch()
    // Our end counts as a byte, the last one.
    bytes = Math.min(bytes, queued)
    queued -= bytes
    while (bytes > 0) {
      const part = queue[0]!
      if (part.length > bytes) {
        queue[0] = part.subarray(bytes)
        break
      }
      bytes -= part.length
      queue.shift()
    }
  }

  function receive(segment: Segment): void {
    if (state === 'over') return
    const { flags: flag } = segment
    if (flag & flags.rst) {
      // Only one that is in the window: RFC 9293, 3.10.7.4.
      const at = distance(expected, segment.sequence)
      if (at < 0 || at > mostWindow) return
      state = 'over'
      stream.destroy(Object.assign(new Error('the guest broke off'), { code: 'ECONNRESET' }))
      return
    }
    if (flag & flags.syn) {
      if (state === 'opening') answerOpening()
      else acknowledge()
      return
    }
    if (!(flag & flags.ack)) return
    if (state === 'opening') {
      if (segment.acknowledgement !== sentTo) return
      state = 'open'
      acknowledged = sentTo
      repeats = 0
      unwatch()
      window = segment.window
      options.opened(stream)
    }
    take(segment.acknowledgement)
    window = segment.window
    takeData(segment)
    flush()
    if (!endSent || acknowledged !== sentTo) return
    const done = whenEnded
    whenEnded = undefined
    if (theirEnd) finish()
    done?.()
  }

  function takeData(segment: Segment): void {
    const old = distance(segment.sequence, expected)
    const hasEnd = (segment.flags & flags.fin) !== 0
    if (segment.data.length === 0 && !hasEnd) {
      // Somebody asks whether we are still there (RFC 9293, 3.8.4).
      if (old > 0) acknowledge()
      return
    }
    // Before or beyond what is next: the guest hears what that is.
    if (theirEnd || old < 0 || old > segment.data.length) {
      acknowledge()
      return
    }
    const all = segment.data.subarray(old)
    const data = all.subarray(0, room())
    expected = after(expected, data.length)
    // The packet's memory is the frame's: what is kept longer has to be a copy.
    if (data.length > 0) stream.push(Buffer.from(data))
    if (hasEnd && data.length === all.length) {
      expected = after(expected, 1)
      theirEnd = true
      stream.push(null)
    }
    acknowledge()
  }

  function finish(): void {
    unwatch()
    clearTimeout(opener)
    state = 'over'
    queue = []
    const calls = [waiting, whenEnded]
    waiting = whenEnded = undefined
    for (const done of calls) done?.()
    if (!gone) options.closed()
    gone = true
  }

  function drop(): void {
    state = 'over'
    stream.destroy(Object.assign(new Error('the guest is gone'), { code: 'ECONNRESET' }))
  }

  answerOpening()
  watch()
  return { receive, drop }
}

const none = Buffer.alloc(0)
