import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { unpackLz4Legacy } from '../../../src/image/formats/lz4-legacy.ts'
import { legacyFrame, withSize } from './lz4-packer.ts'
import { mutated, pattern } from './trees.ts'

/** Bytes with repetitions of many lengths and distances. */
const repetitive = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 30 })), {
    maxLength: 30,
  })
  .map((parts) => Buffer.concat(parts.flatMap(([bytes, times]) => Array<Uint8Array>(times).fill(bytes))))

const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })

test('what is packed comes back, with and without its size at the end', () => {
  fc.assert(
    fc.property(fc.array(repetitive, { minLength: 1, maxLength: 3 }), (blocks) => {
      const filled = blocks.filter((block) => block.length > 0)
      const frame = legacyFrame(filled)
      assert.ok(Buffer.concat(filled).equals(unpackLz4Legacy(frame)))
      assert.ok(Buffer.concat(filled).equals(unpackLz4Legacy(withSize(frame, Buffer.concat(filled).length))))
    }),
    { numRuns: 300 },
  )
})

test('a frame made by the lz4 tool is unpacked', () => {
  // printf 'abcabcabcabcabcabcabcabc, and so on and on and on and on' | lz4 -l
  const frame = Buffer.from(
    '02214c181e0000003f616263030002b12c20616e6420736f206f6e0a00070700506e64206f6e',
    'hex',
  )
  const text = 'abcabcabcabcabcabcabcabc, and so on and on and on and on'
  assert.equal(Buffer.from(unpackLz4Legacy(frame)).toString(), text)
  assert.equal(Buffer.from(unpackLz4Legacy(Buffer.concat([frame, frame]))).toString(), text + text)
})

test('long literals and long matches are unpacked', () => {
  const bytes = Buffer.concat([pattern(70_000), Buffer.alloc(100_000, 'x'), pattern(70_000), pattern(300)])
  assert.ok(bytes.equals(unpackLz4Legacy(legacyFrame([bytes]))))
})

test('what no packer writes is refused', () => {
  const block = (...bytes: number[]) => {
    const frame = Buffer.from([2, 0x21, 0x4c, 0x18, bytes.length, 0, 0, 0, ...bytes])
    return () => unpackLz4Legacy(frame)
  }
  assert.throws(() => unpackLz4Legacy(Buffer.from('not LZ4')), refused(/magic/))
  assert.throws(block(0x10, 0x61, 0x01), refused(/within an offset/))
  assert.throws(block(0x10, 0x61, 0x01, 0x00), refused(/ends with a match/))
  assert.throws(block(0x10, 0x61, 0x02, 0x00, 0x10, 0x61), refused(/before its block/))
  assert.throws(block(0x10, 0x61, 0x00, 0x00, 0x10, 0x61), refused(/before its block/))
  assert.throws(block(0xf0, 0xff), refused(/within a length/))
  assert.throws(block(0x20, 0x61), refused(/truncated/))
  const frame = legacyFrame([Buffer.from('abcabcabcabcabc')])
  assert.throws(() => unpackLz4Legacy(withSize(frame, 14)), refused(/more than it may|too long/))
  assert.throws(() => unpackLz4Legacy(withSize(frame, 16)), refused(/unpacks to 15 bytes and not to 16/))
  assert.throws(() => unpackLz4Legacy(withSize(frame, 0xffffffff)), refused(/4294967295/))
  assert.throws(() => unpackLz4Legacy(frame.subarray(0, -1)), refused(/block of/))
})

test('a block of more than 8 MiB is refused, whatever it says', () => {
  // One byte, then a match of 255 times as many bytes as the block has.
  const length = Math.ceil(8.1 * 2 ** 20)
  const frame = legacyFrame([Buffer.alloc(length, 'x')])
  assert.ok(frame.length < 40_000)
  assert.throws(() => unpackLz4Legacy(frame), refused(/more than it may/))
  assert.throws(() => unpackLz4Legacy(withSize(frame, length)), refused(/more than it may|says that/))
})

test('damaged frames give an error or bytes', () => {
  const valid = legacyFrame([Buffer.from('one and one and one and one is four'), pattern(300)])
  const endsWell = (bytes: Uint8Array) => {
    try {
      unpackLz4Legacy(bytes)
    } catch (error) {
      if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
    }
  }
  fc.assert(fc.property(mutated(valid, 60), endsWell), { numRuns: 3000 })
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) =>
      endsWell(legacyFrame([], [Buffer.from(bytes)])),
    ),
    { numRuns: 2000 },
  )
})
