import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { varint } from '../../../src/image/formats/tfs/encode.ts'
import { readTfs, type TfsImage } from '../../../src/image/formats/tfs/reader.ts'
import { planTfs } from '../../../src/image/formats/tfs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'

const uuid = Buffer.alloc(16, 1)
/** Of the processor's time, in milliseconds: a busy machine is no fault of the reader's. */
const patience = 2000

/** Reads everything there is, though of each file no more than the first chunks. */
function readAll(bytes: Uint8Array): TfsImage {
  const image = readTfs(bytesSource(bytes))
  JSON.stringify([...image.root], (_, value) => (typeof value === 'bigint' ? String(value) : value))
  for (const [, entry] of image.tree.sorted()) {
    if (entry.kind !== 'file') continue
    let chunks = 0
    let read = 0
    for (const chunk of entry.content.chunks()) {
      read += chunk.length
      if (++chunks === 3) break
    }
    if (chunks < 3) assert.equal(read, entry.content.size)
  }
  return image
}

/** Any bytes give a tree or UFR-FORMAT, soon. */
function survives(bytes: Uint8Array): void {
  const start = process.cpuUsage()
  try {
    readAll(bytes)
  } catch (error) {
    if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
  }
  assert.ok(process.cpuUsage(start).user / 1000 < patience, 'took too long')
}

function refuses(bytes: Uint8Array, message: RegExp): void {
  const start = process.cpuUsage()
  assert.throws(
    () => readAll(bytes),
    (error) => error instanceof UfrError && error.code === 'UFR-FORMAT' && message.test(error.message),
  )
  assert.ok(process.cpuUsage(start).user / 1000 < patience, 'took too long')
}

// Pieces of the encoding, by hand: what no writer would write.

const text = (value: string) => Buffer.from(value)
function header(immediate: boolean, type: number, length: number): Buffer {
  if (length < 8) return Buffer.from([(immediate ? 0x80 : 0) | (type << 4) | length])
  return Buffer.from([(immediate ? 0x80 : 0) | (type << 4) | 8, ...varint(length)])
}
const symbol = (name: string) => Buffer.concat([header(true, 0, Buffer.byteLength(name)), text(name)])
const string = (value: string) => Buffer.concat([header(true, 4, Buffer.byteLength(value)), text(value)])
const integer = (value: number) => Buffer.from([0xb0, ...varint(value)])
const removed = Buffer.from([0x80])
const tuple = (attributes: number) => header(true, 1, attributes)
const tupleAgain = (number: number, attributes: number) =>
  Buffer.concat([header(false, 1, attributes), Buffer.from(varint(number))])
const nested = (...pairs: [string, Buffer][]) =>
  Buffer.concat([tuple(pairs.length), ...pairs.flatMap(([name, value]) => [symbol(name), value])])
const extent = (offset: number, length: number) =>
  nested(['offset', integer(offset)], ['length', integer(length)], ['allocated', integer(length)])

const frameOf = (record: Buffer, total = record.length) =>
  Buffer.concat([Buffer.from([2, ...varint(total), ...varint(record.length)]), record])
const instalment = (bytes: Buffer) => Buffer.concat([Buffer.from([3, ...varint(bytes.length)]), bytes])

/** A file system whose log's second part, at byte 512, has these frames. */
function imageOf(frames: Buffer[], version = 5): Buffer {
  const log = Buffer.concat([text('NVMTFS'), Buffer.from([version, 1]), ...frames, Buffer.from([1])])
  const sectors = Math.ceil(log.length / 512)
  const bytes = Buffer.alloc(512 + sectors * 512)
  const link = Buffer.from([5, ...varint(1), ...varint(sectors), 1])
  Buffer.concat([text('NVMTFS'), Buffer.from([version, 1]), uuid, Buffer.alloc(1), link]).copy(bytes)
  log.copy(bytes, 512)
  return bytes
}
const treeOf = (children: Buffer) => imageOf([frameOf(nested(['children', children]))])
const paths = (bytes: Buffer) =>
  readAll(bytes)
    .tree.sorted()
    .map(([at]) => at)

test('records that come later change, remove and add', () => {
  // Numbers in order of appearance: 1 root, 2 "children", 3 its tuple, 4 "a", 5 a's tuple, 6 "linktarget", 7 "b" …
  const first = nested(['children', nested(['a', nested(['linktarget', string('old')])], ['b', tuple(0)])])
  const change = Buffer.concat([tupleAgain(5, 1), header(false, 0, 6), string('new')])
  const remove = Buffer.concat([tupleAgain(3, 1), header(false, 0, 7), removed])
  const add = Buffer.concat([tupleAgain(1, 1), symbol('program'), string('/p')])
  const image = readAll(imageOf([first, change, remove, add].map((record) => frameOf(record))))
  assert.deepEqual(image.tree.sorted(), [['a', { kind: 'link', target: 'new' }]])
  assert.deepEqual([...image.root], [['program', '/p']])
})

test('a record may come in instalments, and one that never ends is dropped', () => {
  const record = nested(['children', nested(['a', tuple(0)])])
  const parts = [frameOf(record.subarray(0, 3), record.length), instalment(record.subarray(3, 5))]
  const whole = [...parts, instalment(record.subarray(5, 5)), instalment(record.subarray(5))]
  const unfinished = frameOf(tupleAgain(1, 5), 1000)
  assert.deepEqual(paths(imageOf([...whole, Buffer.from([4]), unfinished])), ['a'])
  refuses(imageOf([...parts, frameOf(record)]), /begins before/)
  refuses(imageOf([...whole, instalment(record)]), /behind its end/)
  refuses(imageOf([...whole, instalment(Buffer.alloc(0))]), /behind its end/)
})

test('numbers written as decimal text, as ops does, count too', () => {
  const one = nested(['offset', string('0')], ['length', string('1')], ['allocated', string('1')])
  const file = nested(['filelength', string('6')], ['extents', nested(['0', one])])
  const [entry] = readAll(treeOf(nested(['f', file]))).tree.sorted()
  assert.ok(entry?.[1].kind === 'file')
  assert.deepEqual([...entry[1].content.chunks()], [text('NVMTFS')])
})

test('format version 4 is read: other headers, untyped texts', () => {
  const old = (immediate: boolean, isTuple: boolean, length: number) =>
    Buffer.from([(immediate ? 0x80 : 0) | (isTuple ? 0x40 : 0) | length])
  const oldText = (value: string) => Buffer.concat([old(true, false, value.length), text(value)])
  const root = [
    old(true, true, 2),
    oldText('program'),
    oldText('/a'),
    oldText('children'),
    old(true, true, 0),
  ]
  const image = readAll(imageOf([frameOf(Buffer.concat(root))], 4))
  assert.deepEqual([...image.root], [['program', '/a']])
})

test('holes, uninitialized extents and a missing end are zeros', () => {
  const uninited = nested(
    ['offset', integer(0)],
    ['length', integer(1)],
    ['uninited', Buffer.from([0x81, 0])],
  )
  const file = nested(
    ['filelength', integer(3000)],
    ['extents', nested(['3', uninited], ['1', extent(0, 1)])],
  )
  const [entry] = readAll(treeOf(nested(['f', file]))).tree.sorted()
  assert.ok(entry?.[1].kind === 'file')
  const bytes = Buffer.concat([...entry[1].content.chunks()])
  assert.equal(bytes.length, 3000)
  assert.equal(bytes.indexOf('NVMTFS'), 512)
  assert.ok(bytes.subarray(0, 512).every((b) => b === 0) && bytes.subarray(1024).every((b) => b === 0))
})

test('sockets, devices and the entries . and .. are left out', () => {
  const dots = Buffer.concat([symbol('.'), tupleAgain(1, 0), symbol('..'), tupleAgain(1, 0)])
  const children = Buffer.concat([
    tuple(4),
    dots,
    symbol('s'),
    nested(['socket', Buffer.from([0x81, 0])]),
    symbol('f'),
    tuple(0),
  ])
  assert.deepEqual(paths(treeOf(children)), ['f'])
})

for (const name of ['', '../x', 'a/b', '/etc', 'a\0b', 'n'.repeat(256)]) {
  test(`a file called ${JSON.stringify(name.slice(0, 10))} is refused`, () => {
    refuses(treeOf(nested([name, tuple(0)])), /cannot be the name/)
  })
}

const file = (length: number, ...extents: [string, Buffer][]) =>
  treeOf(nested(['f', nested(['filelength', integer(length)], ['extents', nested(...extents)])]))
const linkLoop = imageOf([Buffer.from([5, 1, 1])])
const linkAway = Buffer.concat([imageOf([Buffer.from([5, ...varint(2 ** 40), 1])]), Buffer.alloc(512)])
const deepValue = Buffer.concat([...Array(100_000).fill(Buffer.concat([tuple(1), symbol('a')])), removed])
let deepTree = tuple(0)
for (let i = 0; i < 205; i++) deepTree = nested(['d', nested(['children', deepTree])])
const longNames = Array(17).fill('n'.repeat(250))
const longPath = longNames.reduceRight<Buffer>(
  (inner, at) => nested([at, nested(['children', inner])]),
  tuple(0),
)
const manyTuples = Buffer.concat([header(true, 2, 1_100_000), ...Array(1_100_000).fill(tuple(0))])
const manyLinks = nested(
  ['a', nested(['filelength', integer(2 ** 33)])],
  ...Array.from({ length: 20 }, (_, i): [string, Buffer] => [`l${i}`, tupleAgain(5, 0)]),
)

const hostile: [string, Buffer, RegExp][] = [
  ['nothing', Buffer.alloc(0), /shorter/],
  ['zeros', Buffer.alloc(4096), /signature/],
  ['another version', imageOf([], 6), /version/],
  ['a log without a root', imageOf([]), /no root/],
  ['a root that is a vector', imageOf([frameOf(header(true, 2, 0))]), /no root/],
  ['a log that leads back into itself', linkLoop, /back into itself/],
  ['a part of the log behind the end', linkAway, /truncated/],
  ['a part of the log without a length', imageOf([Buffer.from([5, 9, 0])]), /bytes long/],
  ['a part of the log of a gigabyte', imageOf([Buffer.from([5, 9, ...varint(2 ** 21)])]), /bytes long/],
  ['an unknown frame', imageOf([Buffer.from([9])]), /unknown frame/],
  ['an endless number', imageOf([Buffer.from([2, ...Array(400).fill(0xff)])]), /too large/],
  ['a record longer than the log', imageOf([Buffer.from([2, ...varint(1e6), ...varint(1e6)])]), /too early/],
  ['a record with more than its value', imageOf([frameOf(Buffer.concat([tuple(0), tuple(0)]))]), /longer/],
  ['a tuple of 2^50 attributes', imageOf([frameOf(tuple(2 ** 50))]), /too early/],
  ['a vector of 2^50 elements', imageOf([frameOf(header(true, 2, 2 ** 50))]), /too early/],
  ['a text of 2^50 bytes', imageOf([frameOf(header(true, 4, 2 ** 50))]), /too early/],
  ['a type of its own', imageOf([frameOf(header(true, 6, 0))]), /unknown type/],
  ['an integer of 70 bits', imageOf([frameOf(Buffer.from([0xb0, ...Array(9).fill(0xff), 0x7f]))]), /64 bits/],
  ['a reference to nothing', imageOf([frameOf(tupleAgain(7, 0))]), /not there/],
  [
    'a reference to a symbol as a tuple',
    imageOf([frameOf(nested(['a', tupleAgain(2, 0)]))]),
    /something else/,
  ],
  [
    'a tuple as a symbol',
    imageOf([frameOf(Buffer.concat([tuple(1), header(false, 0, 1), removed]))]),
    /tuple/,
  ],
  ['values nested 100,000 deep', imageOf([frameOf(deepValue)]), /too deep/],
  ['directories nested 205 deep', treeOf(deepTree), /too deep/],
  ['a path of more than 4 KiB', treeOf(longPath), /too long/],
  ['a directory in itself', treeOf(nested(['d', tupleAgain(1, 0)])), /two places/],
  ['a manifest that leads back into itself', imageOf([frameOf(nested(['x', tupleAgain(1, 0)]))]), /too deep/],
  ['more than a million tuples', imageOf([frameOf(nested(['x', manyTuples]))]), /more than/],
  ['a name that is not UTF-8', treeOf(Buffer.from([0x91, 0x81, 0xff, 0x90])), /not UTF-8/],
  ['a child that is no tuple', treeOf(nested(['f', string('x')])), /not a tuple/],
  ['a link with a NUL', treeOf(nested(['l', nested(['linktarget', string('\0a')])])), /the target/],
  ['a link without a target', treeOf(nested(['l', nested(['linktarget', string('')])])), /the target/],
  ['an extent behind the end', file(512, ['0', extent(100, 1)]), /behind the end/],
  ['an extent at 2^60', file(512, ['0', extent(2 ** 50, 1)]), /not a number of bytes/],
  ['extents that overlap', file(5000, ['0', extent(0, 2)], ['1', extent(0, 2)]), /overlap/],
  ['an extent at no number', file(512, ['x', extent(0, 1)]), /not a number/],
  ['an extent that is no tuple', file(512, ['0', integer(1)]), /not a tuple/],
  ['a hole of two terabytes', file(2 ** 41), /larger than the image/],
  ['hard links to one large hole', treeOf(manyLinks), /larger than the image/],
]
for (const [name, bytes, message] of hostile) test(`refused: ${name}`, () => refuses(bytes, message))

test('values that refer to each other do not multiply in the manifest', () => {
  // Each of 40 vectors holds the one before it twice: 2^40 values if they were copied.
  const record = [tuple(1), symbol('x'), header(true, 2, 41), header(true, 2, 0)]
  for (let i = 0; i < 40; i++) {
    const before = Buffer.concat([header(false, 2, 0), Buffer.from(varint(4 + i))])
    record.push(header(true, 2, 2), before, before)
  }
  refuses(imageOf([frameOf(Buffer.concat(record))]), /too large or too deep/)
})

// Mutations of whole images.

function small(): Buffer[] {
  const tree = new Tree()
    .file('a/b', bytesContent(Buffer.alloc(5000, 7)))
    .file('c', textContent('c'))
    .link('l', 'c')
  const manifest = { program: '/c', arguments: ['c', 1, null], environment: { A: 'b' } }
  const images = [
    layoutBytes(planTfs(tree, { uuid, label: 'L', manifest })),
    imageOf([frameOf(nested(['a', deepTree]))]),
  ]
  const golden = path.join(import.meta.dirname, '../../../../shared/goldens/small.tfs.gz')
  if (fs.existsSync(golden)) images.push(zlib.gunzipSync(fs.readFileSync(golden)))
  return images
}

test('random changes give a tree or an error', () => {
  const images = small()
  const starts = images.map((bytes) => Math.max(bytes.lastIndexOf('NVMTFS'), 0))
  const change = fc.record({ at: fc.nat(1500), byte: fc.nat(255), first: fc.boolean() })
  fc.assert(
    fc.property(
      fc.nat(images.length - 1),
      fc.array(change, { minLength: 1, maxLength: 8 }),
      (which, changes) => {
        const bytes = images[which]!
        const undo: [number, number][] = []
        for (const { at, byte, first } of changes) {
          const offset = first ? at % 64 : starts[which]! + at
          if (offset >= bytes.length) continue
          undo.unshift([offset, bytes[offset]!])
          bytes[offset] = byte
        }
        try {
          survives(bytes)
        } finally {
          for (const [offset, byte] of undo) bytes[offset] = byte
        }
      },
    ),
    { numRuns: 3000 },
  )
})

test('any end cut off gives a tree or an error', () => {
  for (const bytes of small()) {
    for (let length = 0; length < bytes.length; length += length < 600 ? 1 : 4999)
      survives(bytes.subarray(0, length))
  }
})

test('random bytes in place of the log give a tree or an error', () => {
  const byte = fc.oneof(
    fc.constantFrom(1, 2, 3, 4, 5, 0x80, 0x81, 0x91, 0x92, 0x11, 0x02, 0xa2, 0xb0),
    fc.nat(255),
  )
  const noise = fc.array(byte, { maxLength: 400 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(noise, (bytes) => survives(bytes)),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(noise, (bytes) => survives(imageOf([bytes]))),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(noise, (bytes) => survives(imageOf([frameOf(bytes)]))),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(noise, (bytes) => survives(imageOf([frameOf(Buffer.concat([tuple(9), bytes]))]))),
    {
      numRuns: 2000,
    },
  )
})
