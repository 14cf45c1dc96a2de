import { test } from 'node:test'
import fc from 'fast-check'
import { bytesContent } from '../../../src/image/content.ts'
import { readErofs } from '../../../src/image/formats/erofs/reader.ts'
import { planErofs } from '../../../src/image/formats/erofs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { endsWell, mutated, pattern } from './trees.ts'

/** An image of a few blocks with all there is: its checksum is switched off, or it would hide the rest. */
function smallImage(): Buffer {
  const tree = new Tree()
    .file('bin/program', bytesContent(pattern(9000)), 0o755)
    .file('etc/small', bytesContent(pattern(100)))
    .file('etc/empty', bytesContent(pattern(0)))
    .link('lib', 'usr/lib')
    .directory('a/b/c')
  for (let i = 0; i < 120; i++) tree.directory(`wide/${'n'.repeat(40)}${i}`)
  const image = layoutBytes(planErofs(tree, { uuid: new Uint8Array(16) }))
  image.writeUInt32LE(0, 1024 + 8)
  return image
}

const image = smallImage()
const metadataEnd = 4096 * 4

test('a damaged image gives an error or a tree', () => {
  fc.assert(
    fc.property(mutated(image.subarray(1024), metadataEnd - 1024), (bytes) => {
      endsWell(() => readErofs(bytesSource(Buffer.concat([image.subarray(0, 1024), bytes]))).tree)
    }),
    { numRuns: 3000 },
  )
})

test('an image whose directories hold anything gives an error or a tree', () => {
  const words = fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 64, maxLength: 600 })
  fc.assert(
    fc.property(words, (numbers) => {
      const bytes = Buffer.from(image)
      for (const [i, number] of numbers.entries()) bytes.writeUInt16LE(number, 1152 + 32 + 2 * i)
      endsWell(() => readErofs(bytesSource(bytes)).tree)
    }),
    { numRuns: 1000 },
  )
})

test('any bytes give an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5000 }), fc.boolean(), (bytes, magic) => {
      if (magic && bytes.length > 1024 + 128) bytes.set(image.subarray(1024, 1024 + 48), 1024)
      endsWell(() => readErofs(bytesSource(bytes)).tree)
    }),
    { numRuns: 1000 },
  )
})
