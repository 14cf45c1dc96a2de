import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { bytesContent, type Content } from '../../src/image/content.ts'
import { type Layout, layoutBytes } from '../../src/image/layout.ts'
import { writeLayout } from '../../src/image/write.ts'

function temporary(t: { after(f: () => void): void }): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Pieces of all sizes around the sizes at which writes are gathered, with gaps of all sizes between them. */
const layouts = fc
  .array(
    fc.record({
      gap: fc.constantFrom(0, 1, 511, 4095, 4097, 70_000, 1_100_000),
      size: sizes(),
      cut: fc.nat(5),
    }),
    {
      maxLength: 12,
    },
  )
  .map((parts): Layout => {
    let at = 0
    const pieces = parts.map(({ gap, size, cut }, i) => {
      const offset = at + gap
      at = offset + size
      return { offset, content: chunked(Buffer.alloc(size, i + 1), cut) }
    })
    return { size: at + 100, pieces }
  })

function sizes() {
  return fc.constantFrom(0, 1, 512, 4096, 60_000, 524_288, 700_000, 1_048_576, 2_500_000)
}

function chunked(bytes: Buffer, cut: number): Content {
  if (cut === 0) return bytesContent(bytes)
  const step = Math.max(1, Math.ceil(bytes.length / cut))
  return {
    size: bytes.length,
    *chunks() {
      // One buffer for all chunks, as reading a file does.
      const buffer = Buffer.alloc(step)
      for (let at = 0; at < bytes.length; at += step)
        yield buffer.subarray(0, bytes.copy(buffer, 0, at, at + step))
    },
  }
}

test('what is written is the layout, byte by byte', (t) => {
  const file = path.join(temporary(t), 'image')
  fc.assert(
    fc.property(layouts, (layout) => {
      writeLayout(file, layout)
      assert.ok(fs.readFileSync(file).equals(layoutBytes(layout)))
    }),
    { numRuns: 40 },
  )
})

test('what fails while it is written leaves nothing, and what was there stays', (t) => {
  const folder = temporary(t)
  const file = path.join(folder, 'image')
  fs.writeFileSync(file, 'before')
  const broken: Content = {
    size: 10,
    // biome-ignore lint/correctness/useYield: it fails before it yields
    *chunks() {
      throw new Error('cannot be read')
    },
  }
  assert.throws(
    () => writeLayout(file, { size: 10, pieces: [{ offset: 0, content: broken }] }),
    /cannot be read/,
  )
  assert.deepEqual(fs.readdirSync(folder), ['image'])
  assert.equal(fs.readFileSync(file, 'utf8'), 'before')
})

test('a full disk is an error that says so, and no half image has the name', (t) => {
  // /dev/full is no folder; a file-size limit stands in for a full disk through the same error path.
  const folder = temporary(t)
  const file = path.join(folder, 'image')
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
  const content: Content = {
    size: 4,
    // biome-ignore lint/correctness/useYield: it fails before it yields
    *chunks() {
      throw full
    },
  }
  assert.throws(
    () => writeLayout(file, { size: 4, pieces: [{ offset: 0, content }] }),
    (error) =>
      error instanceof UfrError && error.code === 'UFR-DATA' && /no space is left/.test(error.message),
  )
  assert.deepEqual(fs.readdirSync(folder), [])
})
