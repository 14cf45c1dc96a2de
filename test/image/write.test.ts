import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { bytesContent, type Content, fileContent } from '../../src/image/content.ts'
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
  function* chunks() {
    // One buffer for all chunks, as reading a file does.
    const buffer = Buffer.alloc(step)
    for (let at = 0; at < bytes.length; at += step)
      yield buffer.subarray(0, bytes.copy(buffer, 0, at, at + step))
  }
  async function* ahead() {
    for (const chunk of chunks()) {
      await new Promise(setImmediate)
      yield chunk
    }
  }
  return { size: bytes.length, chunks, ...(cut % 2 === 1 && { ahead }) }
}

test('what is written is the layout, byte by byte', async (t) => {
  const file = path.join(temporary(t), 'image')
  await fc.assert(
    fc.asyncProperty(layouts, async (layout) => {
      await writeLayout(file, layout)
      assert.ok(fs.readFileSync(file).equals(layoutBytes(layout)))
    }),
    { numRuns: 40 },
  )
})

test('what fails while it is written leaves nothing, and what was there stays', async (t) => {
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
  await assert.rejects(
    () => writeLayout(file, { size: 10, pieces: [{ offset: 0, content: broken }] }),
    /cannot be read/,
  )
  assert.deepEqual(fs.readdirSync(folder), ['image'])
  assert.equal(fs.readFileSync(file, 'utf8'), 'before')
})

test('what fails while it is read ahead leaves nothing, neither files nor descriptors', async (t) => {
  const folder = temporary(t)
  const from = path.join(folder, 'from')
  fs.writeFileSync(from, Buffer.alloc(7_000_000, 1))
  const open = () => fs.readdirSync('/proc/self/fd').length
  const before = open()
  const write = (content: Content) =>
    writeLayout(path.join(folder, 'image'), { size: 8_000_000, pieces: [{ offset: 0, content }] })
  const whole = fileContent(from, 7_000_000)
  assert.ok(whole.ahead)
  await write(whole)
  assert.ok(fs.readFileSync(path.join(folder, 'image')).subarray(0, 7_000_000).equals(fs.readFileSync(from)))
  fs.rmSync(path.join(folder, 'image'))
  await assert.rejects(write(fileContent(from, 6_999_999)), { code: 'UFR-FILE-CHANGED', message: /grew/ })
  await assert.rejects(write(fileContent(from, 7_000_001)), { code: 'UFR-FILE-CHANGED', message: /shorter/ })
  await assert.rejects(write(fileContent(path.join(folder, 'gone'), 7_000_000)), { code: 'ENOENT' })
  const halfway: Content = {
    ...whole,
    async *ahead() {
      for await (const chunk of whole.ahead!()) {
        yield chunk
        throw new Error('enough')
      }
    },
  }
  await assert.rejects(write(halfway), /enough/)
  assert.deepEqual(fs.readdirSync(folder), ['from'])
  assert.equal(open(), before)
})

test('a full disk is an error that says so, and no half image has the name', async (t) => {
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
  await assert.rejects(
    () => writeLayout(file, { size: 4, pieces: [{ offset: 0, content }] }),
    (error) =>
      error instanceof UfrError && error.code === 'UFR-DATA' && /no space is left/.test(error.message),
  )
  assert.deepEqual(fs.readdirSync(folder), [])
})
