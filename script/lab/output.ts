import { Transform } from 'node:stream'

/** Passes on what comes before the token, which ends it; calls `ended` when it came. */
export function untilToken(token: Buffer, ended: () => void): Transform {
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = Buffer.concat([held, chunk])
      const rest = bytes.length - token.length
      if (rest >= 0 && bytes.subarray(rest).equals(token)) {
        held = Buffer.alloc(0)
        this.push(bytes.subarray(0, rest))
        ended()
        done()
        return
      }
      // As much as could be the token's beginning stays here.
      held = bytes.subarray(Math.max(rest, 0))
      done(null, bytes.subarray(0, Math.max(rest, 0)))
    },
    flush(done) {
      done(null, held)
    },
  })
}
