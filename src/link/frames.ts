import type net from 'node:net'
import { Duplex } from 'node:stream'

const mostBytes = 65_535
const end = Buffer.of(0, 0)

/**
 * A stream over a socket whose transport closes both ways at once: each way is a row of frames of 2 bytes of length and
 * as many bytes, ended by a length of 0; see relay/relay.ts, which has the other end. The socket is closed when both
 * ways have ended; one that closes before has been broken off.
 */
export function framed(socket: net.Socket): Duplex {
  const parser = frameParser()
  let ended = false

  function take(chunk: Buffer): void {
    if (ended) return
    for (const piece of parser(chunk)) {
      if (piece.length === 0) {
        ended = true
        stream.push(null)
        return
      }
      if (!stream.push(piece)) socket.pause()
    }
  }

  const stream = new Duplex({
    read: () => void socket.resume(),
    write(chunk: Buffer, _encoding, done) {
      for (let at = 0; at < chunk.length; at += mostBytes) {
        const piece = chunk.subarray(at, at + mostBytes)
        socket.write(Buffer.of(piece.length >> 8, piece.length & 0xff))
        const last = at + mostBytes >= chunk.length
        socket.write(piece, last ? (error) => done(error) : undefined)
      }
      if (chunk.length === 0) done()
    },
    final: (done) => void socket.write(end, (error) => done(error)),
    destroy(error, done) {
      socket.destroy()
      done(error)
    },
  })
  const broken = () => {
    if (!ended) stream.destroy(Object.assign(new Error('the guest broke off'), { code: 'ECONNRESET' }))
  }
  // An error between here and its use must not end the process.
  stream.on('error', () => {})
  socket.on('data', take).on('end', broken).on('close', broken)
  socket.pause()
  return stream
}

/** Takes frames apart: gives the pieces of their contents as they come, and an empty one for the end. */
function frameParser(): (chunk: Buffer) => Generator<Buffer> {
  let header = 0
  let digits = 0
  let left = 0
  return function* parse(chunk) {
    for (let at = 0; at < chunk.length; ) {
      if (left > 0) {
        const piece = chunk.subarray(at, at + left)
        left -= piece.length
        at += piece.length
        yield piece
        continue
      }
      header = (header << 8) | chunk[at++]!
      if (++digits < 2) continue
      left = header
      header = 0
      digits = 0
      if (left === 0) {
        yield chunk.subarray(0, 0)
        return
      }
    }
  }
}
