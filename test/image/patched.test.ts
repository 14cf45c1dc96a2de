import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesContent, type Content, contentBytes, fileContent } from '../../src/image/content.ts'
import { patchedContent } from '../../src/image/patched.ts'
import { bytesSource } from '../../src/image/source.ts'

/** The same bytes in chunks of some size. */
function chunked(bytes: Buffer, size: number): Content {
  return {
    size: bytes.length,
    *chunks() {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
    },
    source: () => bytesSource(bytes),
  }
}

test('patches are in their places, however the content comes, and nothing else changes', () => {
  const patch = fc.tuple(fc.nat(20), fc.uint8Array({ minLength: 1, maxLength: 12 }))
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(patch, { maxLength: 4 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 9 }),
      (original, wanted, longer, size) => {
        const bytes = Buffer.from(original)
        let at = 0
        const patches = wanted.flatMap(([gap, replaced]) => {
          const offset = at + gap
          at = offset + replaced.length
          return at <= bytes.length ? [{ offset, bytes: replaced }] : []
        })
        if (longer) patches.push({ offset: bytes.length, bytes: Uint8Array.of(1, 2, 3) })
        const expected = Buffer.alloc(bytes.length + (longer ? 3 : 0))
        bytes.copy(expected)
        for (const { offset, bytes: replaced } of patches) expected.set(replaced, offset)
        const patched = patchedContent(chunked(bytes, size), patches, expected.length)
        assert.deepEqual(contentBytes(patched), expected)
        assert.deepEqual(bytes, Buffer.from(original))
        const direct = patched.source?.()
        if (!longer) assert.deepEqual(Buffer.from(direct!.read(0, bytes.length)), expected)
        else assert.equal(direct, undefined)
      },
    ),
  )
})

test('a large file is read ahead with its patches', async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'large')
  const size = 6 << 20
  fs.writeFileSync(file, Buffer.alloc(size, 7))
  const at = (1 << 20) - 2
  const patches = [
    { offset: at, bytes: Buffer.from('abcd') },
    { offset: size, bytes: Buffer.from('end') },
  ]
  const content = patchedContent(fileContent(file, size), patches, size + 3)
  const chunks: Buffer[] = []
  for await (const chunk of content.ahead!()) chunks.push(Buffer.from(chunk))
  const all = Buffer.concat(chunks)
  assert.deepEqual(
    [all.length, all.toString('latin1', at, at + 4), all.toString('latin1', size), all[at - 1], all[at + 4]],
    [size + 3, 'abcd', 'end', 7, 7],
  )
  assert.equal(patchedContent(bytesContent(Buffer.alloc(3)), [], 3).ahead, undefined)
})
