import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import fc from 'fast-check'
import { untilToken } from '../../script/lab/output.ts'

const token = Buffer.from('0123456789abcdef')

/** What comes out of bytes that arrive in pieces of these lengths, and how often the end was told. */
async function pass(bytes: Buffer, lengths: number[]): Promise<{ output: Buffer; ends: number }> {
  let ends = 0
  const pieces = lengths.map((length, index) => {
    const start = lengths.slice(0, index).reduce((sum, each) => sum + each, 0)
    return bytes.subarray(start, start + length)
  })
  const rest = bytes.subarray(lengths.reduce((sum, each) => sum + each, 0))
  const output = await buffer(
    Readable.from([...pieces, rest].filter(({ length }) => length > 0)).pipe(untilToken(token, () => ends++)),
  )
  return { output, ends }
}

test('output passes unchanged, however it is cut, and its end is told once', async () => {
  const pieces = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 20 })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), pieces, async (bytes, lengths) => {
      const { output, ends } = await pass(Buffer.concat([bytes, token]), lengths)
      assert.deepEqual(output, Buffer.from(bytes))
      assert.equal(ends, 1)
    }),
    { numRuns: 300 },
  )
})

test('a token within the output is output, and without one the end of the stream is the end', async () => {
  const within = Buffer.concat([token, Buffer.from('x')])
  assert.deepEqual((await pass(Buffer.concat([within, token]), [])).output, within)
  assert.deepEqual(await pass(Buffer.from('cut off'), [3]), { output: Buffer.from('cut off'), ends: 0 })
  assert.deepEqual(await pass(token.subarray(0, 5), []), { output: token.subarray(0, 5), ends: 0 })
})

test('what cannot be the token passes at once', async () => {
  const output = untilToken(token, () => {})
  output.write('up\n')
  assert.equal(output.read()?.toString(), 'up\n')
  output.write('01')
  assert.equal(output.read(), null)
  output.write('x')
  assert.equal(output.read()?.toString(), '01x')
})
