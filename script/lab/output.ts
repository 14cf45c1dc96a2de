import { Transform } from 'node:stream'

/** Passes on what comes before the token, which ends it, and at once; calls `ended` when the token came. */
export function untilToken(token: Buffer, ended: () => void): Transform {
  let held: Buffer = Buffer.alloc(0)
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const bytes = Buffer.concat([held, chunk])
      const sure = bytes.length - tokenPart(bytes, token)
      const over = bytes.length - sure === token.length
      held = over ? Buffer.alloc(0) : bytes.subarray(sure)
      this.push(bytes.subarray(0, sure))
      if (over) ended()
      done()
    },
    flush(done) {
      done(null, held)
    },
  })
}

/** How many of the last bytes are a beginning of the token, or all of it. */
function tokenPart(bytes: Buffer, token: Buffer): number {
  const longest = Math.min(bytes.length, token.length)
  for (let length = longest; length > 0; length--) {
    if (bytes.subarray(bytes.length - length).equals(token.subarray(0, length))) return length
  }
  return 0
}
