import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { zstdFrames } from '../../../src/image/formats/zstd-frames.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { mutated } from './trees.ts'

const skip = 'zstdCompressSync' in zlib ? false : 'this Node.js has no zstd'
const framesOf = (bytes: Uint8Array) => [...zstdFrames(bytesSource(bytes))]
const skippable = (data: string) => {
  const head = Buffer.from('5e2a4d1800000000', 'hex')
  head.writeUInt32LE(data.length, 4)
  return Buffer.concat([head, Buffer.from(data)])
}

test('frames are found one by one, whatever is in them', { skip }, () => {
  const c = zlib.constants
  const large = Buffer.from(Array.from({ length: 700_000 }, (_, i) => (i * i) >> 3))
  const inputs: [Buffer, zlib.ZstdOptions][] = [
    [Buffer.alloc(0), {}],
    [Buffer.from('a'), {}],
    [Buffer.alloc(300_000), {}],
    [large, {}],
    [large, { params: { [c.ZSTD_c_checksumFlag]: 1, [c.ZSTD_c_contentSizeFlag]: 0 } }],
    [large.subarray(0, 70_000), { params: { [c.ZSTD_c_compressionLevel]: 19 } }],
  ]
  const packed = inputs.map(([bytes, options]) => zlib.zstdCompressSync(bytes, options))
  const whole = Buffer.concat(packed.flatMap((bytes, i) => [skippable('x'.repeat(i)), bytes]))
  const frames = framesOf(whole)
  assert.equal(frames.length, packed.length)
  frames.forEach(({ offset, size }, i) => {
    const frame = whole.subarray(offset, offset + size)
    assert.ok(frame.equals(packed[i]!))
    assert.ok(zlib.zstdDecompressSync(frame).equals(inputs[i]![0]))
  })
})

test('anything else ends with a refusal', { skip }, () => {
  const valid = Buffer.concat([skippable('note'), zlib.zstdCompressSync(Buffer.from('data '.repeat(100)))])
  for (const bytes of [
    valid.subarray(0, -1),
    valid.subarray(0, 9),
    Buffer.concat([valid, Buffer.from('rest')]),
  ])
    assert.throws(() => framesOf(bytes), { name: 'UfrError', code: 'UFR-FORMAT' })
  fc.assert(
    fc.property(fc.oneof(mutated(valid, 40), fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        framesOf(bytes)
      } catch (error) {
        if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
      }
    }),
    { numRuns: 2000 },
  )
})
