import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesContent } from '../../../src/image/content.ts'
import { readRofs } from '../../../src/image/formats/rofs/reader.ts'
import { planRofs } from '../../../src/image/formats/rofs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { tinyRofs, type } from './tiny-rofs.ts'
import { endsWell, listed, mutated, pattern } from './trees.ts'

function smallImage(): Buffer {
  const tree = new Tree()
    .file('bin/program', bytesContent(pattern(900)), 0o755)
    .file('etc/é世', bytesContent(pattern(100)))
    .file('etc/empty', bytesContent(pattern(0)))
    .link('lib', 'usr/lib')
    .directory('a/b/c')
  for (let i = 0; i < 30; i++) tree.directory(`wide/${'n'.repeat(20)}${i}`)
  return layoutBytes(planRofs(tree))
}

const image = smallImage()
const tablesAt = image.readUInt32LE(24) * 512

function readAny(bytes: Uint8Array): void {
  endsWell(() => readRofs(bytesSource(bytes)).tree)
}

test('damaged tables give an error or a tree', () => {
  fc.assert(
    fc.property(mutated(image.subarray(tablesAt), image.length - tablesAt), (bytes) => {
      readAny(Buffer.concat([image.subarray(0, tablesAt), bytes]))
    }),
    { numRuns: 3000 },
  )
})

test('a damaged superblock gives an error or a tree', () => {
  fc.assert(
    fc.property(mutated(image.subarray(8, 64), 56), (bytes) => {
      readAny(Buffer.concat([image.subarray(0, 8), bytes, image.subarray(8 + bytes.length)]))
    }),
    { numRuns: 2000 },
  )
})

/** Mostly small numbers, which are brought into what is possible; now and then one that is not. */
const number = fc.oneof(
  { weight: 60, arbitrary: fc.nat(1000) },
  fc.constantFrom(2 ** 32, 2 ** 52, 2n ** 64n - 1n),
)
const types = [type.file, type.file, type.file, type.link, type.directory, type.directory]
const records = fc.record({
  entries: fc.array(
    fc.record({
      name: fc.oneof(
        { weight: 20, arbitrary: fc.constantFrom('a', 'é', '世', 'dd') },
        fc.constantFrom('', '..', 'x/y', 'a\0'),
      ),
      inode: number,
      wrong: fc.oneof({ weight: 100, arbitrary: fc.constant(undefined) }, fc.nat(40)),
    }),
    { maxLength: 12 },
  ),
  inodes: fc.array(fc.record({ type: fc.constantFrom(...types, 0o644), start: number, count: number }), {
    minLength: 1,
    maxLength: 12,
  }),
})

function possible(number: number | bigint, from: number, below: number): number | bigint {
  return typeof number === 'number' && number <= 1000 ? from + (number % Math.max(below - from, 1)) : number
}

function anyImage({ entries, inodes }: typeof records extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const links = [{ target: 'a' }, { target: '../é' }, { target: '/世' }]
  const own = Math.ceil(entries.length / 2)
  return tinyRofs({
    links,
    data: pattern(600),
    entries: entries.map(({ name, inode, wrong }, i) => ({
      name: name.length === 1 ? `${name}${i}` : name,
      inode: possible(inode, 2, inodes.length + 2),
      length: wrong,
    })),
    inodes: [
      { type: type.directory, start: 0, count: own },
      ...inodes.map(({ type: its, start, count }) => {
        if (its === type.file)
          return { type: its, start: possible(start, 1, 3), count: possible(count, 0, 600) }
        if (its === type.link) return { type: its, start: possible(start, 0, 3), count: 1 }
        return { type: its, start: possible(start, own, entries.length), count: possible(count, 0, 3) }
      }),
    ],
  })
}

test('records that lead anywhere give an error or a tree, and that tree can be written', () => {
  let trees = 0
  fc.assert(
    fc.property(records, (any) => {
      const bytes = anyImage(any)
      endsWell(() => {
        const { tree } = readRofs(bytesSource(bytes))
        const again = readRofs(bytesSource(layoutBytes(planRofs(tree))))
        assert.deepEqual(listed(again.tree), listed(tree))
        if (tree.size > 0) trees++
        return tree
      })
    }),
    { numRuns: 3000 },
  )
  assert.ok(trees > 300, `only ${trees} of the images could be read: the records are no test`)
})

test('directories that share all their entries end', () => {
  // Each of 1,000 directories has the same 1,000 files: a million entries out of a few records.
  const wide = Array.from({ length: 1000 }, (_, i) => ({ name: `f${i}`, inode: 2 }))
  const directories = Array.from({ length: 1000 }, (_, i) => ({ name: `d${i}`, inode: i + 3 }))
  const bytes = tinyRofs({
    entries: [...wide, ...directories],
    inodes: [
      { type: type.directory, start: 1000, count: 1000 },
      { type: type.file, start: 0, count: 512 },
      ...directories.map(() => ({ type: type.directory, start: 0, count: 1000 })),
    ],
  })
  assert.throws(() => readRofs(bytesSource(bytes)), { code: 'UFR-FORMAT', message: /more entries/ })
})

test('any bytes give an error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), (bytes, magic) => {
      if (magic && bytes.length > 64) bytes.set(image.subarray(0, 24))
      readAny(bytes)
    }),
    { numRuns: 1000 },
  )
})
