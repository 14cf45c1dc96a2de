import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { bytesContent } from '../../src/image/content.ts'
import { planCpio } from '../../src/image/formats/cpio/writer.ts'
import { planErofs } from '../../src/image/formats/erofs/writer.ts'
import { planRofs } from '../../src/image/formats/rofs/writer.ts'
import { planTfs } from '../../src/image/formats/tfs/writer.ts'
import { layoutBytes } from '../../src/image/layout.ts'
import { openImage, wholeImageTree } from '../../src/image/open.ts'
import { bytesSource } from '../../src/image/source.ts'
import { Tree } from '../../src/image/tree.ts'
import { mutated } from '../image/formats/trees.ts'

/** Of the processor's time, in milliseconds: a busy machine is no fault of the reader's. */
const patienceMs = 2000
const uuid = new Uint8Array(16)
const startBytes = 8192

const tree = new Tree()
  .file('bin/program', bytesContent(Buffer.alloc(5000, 1)), 0o755)
  .file('empty', bytesContent(Buffer.alloc(0)))
  .link('lib', 'usr/lib')
  .directory('a/b/c')

/** All that the image commands do with a file: open it, list it, read it; any bytes must give a tree or UFR-FORMAT. */
function endsWell(bytes: Uint8Array): void {
  const start = process.cpuUsage()
  try {
    const parts = openImage(bytesSource(bytes))
    JSON.stringify(parts.map(({ tree: _, ...facts }) => facts))
    for (const [, entry] of wholeImageTree(parts).sorted()) {
      if (entry.kind !== 'file') continue
      let chunks = 0
      // Of a file with a hole of gigabytes the beginning is enough.
      for (const _ of entry.content.chunks()) if (++chunks === 3) break
    }
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
  }
  assert.ok(process.cpuUsage(start).user / 1000 < patienceMs, 'took too long')
}

/** A disk with a partition table and file systems of two kinds in its partitions. */
function disk(parts: Buffer[]): Buffer {
  const table = Buffer.alloc(2048)
  table.writeUInt16LE(0xaa55, 510)
  const content: Buffer[] = [table]
  let sector = table.length / 512
  for (const [i, part] of parts.entries()) {
    const padded = Buffer.concat([part, Buffer.alloc((512 - (part.length % 512)) % 512)])
    const at = 446 + 16 * i
    table[at + 4] = 0x83
    table.writeUInt32LE(sector, at + 8)
    table.writeUInt32LE(padded.length / 512, at + 12)
    content.push(padded)
    sector += padded.length / 512
  }
  return Buffer.concat(content)
}

const tfs = layoutBytes(planTfs(tree, { uuid, manifest: { program: '/bin/program' } }))
const erofs = layoutBytes(planErofs(tree, { uuid }))
// Without its checksum, which would hide most of the damage.
erofs.writeUInt32LE(0, 1024 + 8)
const images: Record<string, Buffer> = {
  tfs,
  erofs,
  cpio: layoutBytes(planCpio(tree)),
  rofs: layoutBytes(planRofs(tree)),
  disk: disk([erofs, tfs]),
}

test('the images that are damaged here are good ones', () => {
  for (const [name, bytes] of Object.entries(images)) {
    const parts = openImage(bytesSource(bytes))
    assert.equal(parts.length, name === 'disk' ? 2 : 1, name)
    for (const part of parts) assert.ok(part.tree.has('bin/program'), name)
  }
})

for (const [name, bytes] of Object.entries(images)) {
  test(`any damage to a ${name} image gives an error or a tree`, () => {
    fc.assert(fc.property(mutated(bytes, Math.min(startBytes, bytes.length)), endsWell), { numRuns: 2000 })
  })
}

test('any bytes give an error or a tree, whatever format they begin as', () => {
  const begin = fc.constantFrom(
    ...Object.values(images).map((bytes) => bytes.subarray(0, 64)),
    Buffer.alloc(0),
  )
  const rest = fc.uint8Array({ maxLength: 4096, size: 'max' })
  const signature = fc.boolean()
  fc.assert(
    fc.property(begin, rest, signature, (head, tail, signed) => {
      const bytes = Buffer.concat([head, tail])
      if (signed && bytes.length >= 512) bytes.writeUInt16LE(0xaa55, 510)
      if (signed && bytes.length >= 1028) bytes.set([0xe2, 0xe1, 0xf5, 0xe0], 1024)
      endsWell(bytes)
    }),
    { numRuns: 3000 },
  )
})
