import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { crc32c } from '../../../src/image/formats/erofs/crc32c.ts'
import { decodeInode, encodeInode } from '../../../src/image/formats/erofs/format.ts'
import { readErofs } from '../../../src/image/formats/erofs/reader.ts'
import { planErofs } from '../../../src/image/formats/erofs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { writeLayout } from '../../../src/image/write.ts'
import { anyTree, fromFolder, layoutFault, listed, pattern, toFolder } from './trees.ts'

const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

function imageOf(tree: Tree): Buffer {
  return layoutBytes(planErofs(tree, { uuid, label: 'test' }))
}

/** A tree with what is at an edge of the format somewhere. */
function edgeTree(wide = 3000): Tree {
  const tree = new Tree()
  for (const size of [0, 1, 4063, 4064, 4065, 4095, 4096, 4097, 8192, 300_000]) {
    tree.file(`sizes/${size}`, bytesContent(pattern(size)), size % 2 ? 0o755 : 0o640)
  }
  for (let i = 0; i < wide; i++) tree.file(`wide/${'n'.repeat(i % 40)}${i}`, textContent(`${i}`))
  // `.` and `..` take 27 bytes, each other entry 12 and its name: directories of these sizes in all.
  for (const size of [4031, 4032, 4033, 4063, 4064, 4065, 4095, 4096, 4097]) {
    for (let left = size - 27, i = 0; left > 0; i++) {
      const length = left > 250 ? 100 : left - 12
      tree.directory(`edge/${size}/${String(i).padStart(length, 'e')}`)
      left -= 12 + length
    }
  }
  for (const name of ['+', '-', '.-', '..two', '.hidden', 'ü', '日本', '😀'])
    tree.file(`names/${name}`, textContent(name))
  for (const length of [1, 4063, 4064, 4065, 4094]) tree.link(`links/${length}`, 'y'.repeat(length))
  return tree.directory(Array.from({ length: 50 }, (_, i) => `d${i}`).join('/'), 0o1777)
}

test('what is written comes back, whatever the tree', () => {
  fc.assert(
    fc.property(anyTree(40), (tree) => {
      const layout = planErofs(tree, { uuid, label: 'any' })
      assert.equal(layoutFault(layout), undefined)
      assert.equal(layout.size % 4096, 0)
      const image = readErofs(bytesSource(layoutBytes(layout)))
      assert.deepEqual(listed(image.tree), listed(tree))
      assert.deepEqual([image.label, image.uuid, image.skipped], ['any', new Uint8Array(uuid), []])
    }),
    { numRuns: 150 },
  )
})

test('what is at the edges of the format comes back', () => {
  assert.deepEqual(listed(readErofs(bytesSource(imageOf(edgeTree()))).tree), listed(edgeTree()))
})

test('the order in which a tree was filled does not show', () => {
  const tree = edgeTree()
  const backwards = new Tree()
  for (const [path, entry] of tree.sorted().reverse()) backwards.set(path, entry)
  assert.ok(imageOf(tree).equals(imageOf(backwards)))
})

test('the image of an empty tree is one block of known bytes', () => {
  const image = imageOf(new Tree())
  assert.equal(image.length, 4096)
  const superblock = [
    'e2e1f5e0 CHECKSUM 01000000 0c00 2400', // magic, checksum, feature, block size, root's number
    '0100000000000000 0000000000000000 00000000', // inodes, time
    '01000000 00000000 00000000', // blocks, start of metadata and shared attributes
    '00112233445566778899aabbccddeeff 74657374000000000000000000000000', // UUID, label
  ]
  const checksum = Buffer.from(image.subarray(1028, 1032))
  image.fill(0, 1028, 1032)
  const expected = superblock.join('').replaceAll(' ', '').replace('CHECKSUM', '00000000')
  assert.equal(image.toString('hex', 1024, 1024 + expected.length / 2), expected)
  assert.equal(checksum.readUInt32LE(), crc32c(0xffffffff, image.subarray(1024)))
  // The root: inline, mode 40755, two links, 27 bytes of entries; then `.` and `..`, both 0x24.
  const root = '04000000ed410200 1b00000000000000 0000000024000000 0000000000000000'
  const entries = '2400000000000000 1800 02 00 2400000000000000 1900 02 00 2e 2e2e'
  assert.equal(image.toString('hex', 1152, 1152 + 32 + 27), (root + entries).replaceAll(' ', ''))
})

test('CRC-32C has the check value of its definition', () => {
  // RFC 3720, appendix B.4, and the catalogue's check value; both with an inversion at the end.
  assert.equal((crc32c(0xffffffff, Buffer.from('123456789')) ^ 0xffffffff) >>> 0, 0xe3069283)
  assert.equal((crc32c(0xffffffff, Buffer.alloc(32)) ^ 0xffffffff) >>> 0, 0x8a9136aa)
})

test('small files lie beside their inodes', () => {
  const tree = new Tree()
  for (let i = 0; i < 1000; i++) tree.file(`${i}`, bytesContent(pattern((7919 * i) % 3000)))
  const least = 1000 * 32 + tree.bytes() + 1000 * 15
  assert.ok(imageOf(tree).length < least * 1.05)
})

test('a file of more than 4 GiB has an extended inode', () => {
  const size = 5 * 2 ** 30 + 1
  const large = { size, chunks: () => assert.fail('a plan does not read large files') }
  const layout = planErofs(new Tree().file('large', large).file('small', textContent('s')), { uuid })
  const metadata = layoutBytes({ size: layout.pieces[0]!.content.size, pieces: layout.pieces.slice(0, 1) })
  const read = (offset: number, length: number) => metadata.subarray(offset, offset + length)
  const { tree } = readErofs({ size: layout.size, read })
  const entry = tree.get('large')
  assert.equal(entry?.kind === 'file' && entry.content.size, size)
  assert.equal(layout.size, metadata.length + 5 * 2 ** 30 + 4096)
})

test('an inode with many links is extended too', () => {
  const inode = { mode: 0o040755, links: 70_000, size: 1, layout: 2, block: 7, number: 8 }
  const bytes = Buffer.alloc(64)
  encodeInode(bytes, 0, inode)
  assert.deepEqual(decodeInode(bytes, 8), { ...inode, bodyBytes: 64 })
})

test('names, targets and options that cannot be stored are refused', () => {
  const refused = { name: 'UfrError', code: 'UFR-TREE' }
  assert.throws(() => imageOf(new Tree().link('l', '')), refused)
  assert.throws(() => imageOf(new Tree().link('l', 'x'.repeat(4096))), refused)
  assert.throws(() => imageOf(new Tree().link('l', 'a\0b')), refused)
  assert.throws(() => imageOf(new Tree().directory('\ud800')), refused)
  assert.throws(() => planErofs(new Tree(), { uuid, label: 'x'.repeat(16) }), RangeError)
  assert.throws(() => planErofs(new Tree(), { uuid: uuid.subarray(1) }), RangeError)
})

test('a damaged superblock, a loop and a directory out of order are told apart', () => {
  const image = imageOf(new Tree().directory('a').directory('b'))
  const root = 1152
  const change = (offset: number, value: number) => {
    const bytes = Buffer.from(image)
    bytes[offset] = value
    // Without its checksum.
    if (offset >= root) bytes[1024 + 8] = 0
    return () => readErofs(bytesSource(bytes))
  }
  const refused = (message: RegExp) => (error: unknown) =>
    error instanceof UfrError && error.code === 'UFR-FORMAT' && message.test(error.message)
  assert.throws(change(1024, 0), refused(/magic/))
  assert.throws(change(1024 + 70, 1), refused(/checksum/))
  assert.throws(change(1024 + 12, 30), refused(/block size/))
  assert.throws(change(1024 + 81, 1), refused(/features/))
  // The root's third entry, `a`, gets the root's own number; its name becomes `z`.
  assert.throws(change(root + 32 + 24, 0x24), refused(/there twice/))
  assert.throws(change(root + 32 + 51, 0x7a), refused(/not in order/))
  assert.throws(change(root + 32 + 51, 0x2f), refused(/slash/))
})

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-erofs-'))
test.after(() => fs.rmSync(folder, { recursive: true, force: true }))

function missing(tool: string): string | false {
  return spawnSync(tool, ['--help']).error ? `${tool} (erofs-utils) is not installed` : false
}

test('fsck.erofs finds no fault and extracts the same tree', { skip: missing('fsck.erofs') }, async () => {
  const image = path.join(folder, 'ours.img')
  const out = path.join(folder, 'extracted')
  // It has no umask but the caller's, and takes no bits beyond 777.
  const tree = edgeTree(400)
  tree.directory(Array.from({ length: 50 }, (_, i) => `d${i}`).join('/'), 0o700)
  await writeLayout(image, planErofs(tree, { uuid, label: 'fsck' }))
  execFileSync('fsck.erofs', [`--extract=${out}`, image], { stdio: 'pipe' })
  const modes = process.getuid?.() === 0
  assert.deepEqual(listed(fromFolder(out), modes), listed(tree, modes))
})

const mkfs = { skip: missing('mkfs.erofs') }

function madeBy(arguments_: string[], from: string): Buffer {
  const image = path.join(folder, 'theirs.img')
  fs.rmSync(image, { force: true })
  execFileSync('mkfs.erofs', ['--quiet', '-d0', ...arguments_, image, from], { stdio: 'pipe' })
  return fs.readFileSync(image)
}

test('what mkfs.erofs writes is read', mkfs, () => {
  const from = path.join(folder, 'from')
  toFolder(edgeTree(400), from)
  for (const arguments_ of [['-T0', '--all-root'], [], ['-Enosbcrc'], ['-Eforce-inode-extended']]) {
    const { tree, skipped } = readErofs(bytesSource(madeBy(arguments_, from)))
    assert.deepEqual(listed(tree), listed(edgeTree(400)))
    assert.deepEqual(skipped, [])
  }
})

test('hard links become files, pipes are named, and what cannot be read is refused by name', mkfs, () => {
  const from = path.join(folder, 'links')
  toFolder(new Tree().file('a', bytesContent(Buffer.alloc(50_000, 'text'))), from)
  fs.linkSync(path.join(from, 'a'), path.join(from, 'b'))
  execFileSync('mkfifo', [path.join(from, 'pipe')])
  const { tree, skipped } = readErofs(bytesSource(madeBy([], from)))
  assert.deepEqual(skipped, ['pipe'])
  fs.rmSync(path.join(from, 'pipe'))
  assert.deepEqual(listed(tree), listed(fromFolder(from)))
  const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })
  assert.throws(() => readErofs(bytesSource(madeBy(['-zlz4'], from))), refused(/a is compressed/))
  assert.throws(
    () => readErofs(bytesSource(madeBy(['--chunksize=4096'], from))),
    refused(/a is made of chunks/),
  )
})
