import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { readCpio } from '../../../src/image/formats/cpio/reader.ts'
import { planCpio } from '../../../src/image/formats/cpio/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { anyTree, endsWell, fromFolder, layoutFault, listed, mutated, pattern, toFolder } from './trees.ts'

interface Entry {
  name: string
  mode?: number
  data?: string
  ino?: number
  links?: number
  check?: number
}

/** An archive made by hand, for what the writer here never writes. */
function archive(magic: string, entries: Entry[], trailer = true): Buffer {
  const all = trailer ? [...entries, { name: 'TRAILER!!!', mode: 0 }] : entries
  const parts = all.map(({ name, mode = 0o100644, data = '', ino = 1, links = 1, check = 0 }) => {
    const sizes = [Buffer.byteLength(data), 0, 0, 0, 0, Buffer.byteLength(name) + 1]
    const fields = [ino, mode, 1000, 1000, links, 1_700_000_000, ...sizes, check]
    const header = magic + fields.map((field) => field.toString(16).padStart(8, '0').toUpperCase()).join('')
    return Buffer.concat([padded(`${header}${name}\0`), padded(data)])
  })
  return Buffer.concat(parts)
}

function padded(text: string): Buffer {
  const bytes = Buffer.from(text)
  return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)])
}

const newc = (...entries: Entry[]) => archive('070701', entries)
const treeOf = (bytes: Uint8Array) => readCpio(bytesSource(bytes)).tree
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })

test('what is written comes back, whatever the tree', () => {
  fc.assert(
    fc.property(anyTree(40), (tree) => {
      const layout = planCpio(tree)
      assert.equal(layoutFault(layout), undefined)
      assert.equal(layout.size % 4, 0)
      assert.deepEqual(listed(treeOf(layoutBytes(layout))), listed(tree))
    }),
    { numRuns: 150 },
  )
})

test('an archive has the bytes that the format asks for', () => {
  const bytes = layoutBytes(planCpio(new Tree().file('bin/init', textContent('#!'), 0o755).link('l', 'bin')))
  const expected = [
    '070701 00000001 000041ed 00000000 00000000 00000002 00000000 00000000',
    '00000000 00000000 00000000 00000000 00000004 00000000 bin000',
    '070701 00000002 000081ed 00000000 00000000 00000001 00000000 00000002',
    '00000000 00000000 00000000 00000000 00000009 00000000 bin/init00 #!00',
    '070701 00000003 0000a1ff 00000000 00000000 00000001 00000000 00000003',
    '00000000 00000000 00000000 00000000 00000002 00000000 l0 bin0',
    '070701 00000000 00000000 00000000 00000000 00000001 00000000 00000000',
    '00000000 00000000 00000000 00000000 0000000b 00000000 TRAILER!!!0000',
  ]
  const text = bytes.toString('latin1').replaceAll('\0', '0')
  assert.equal(text, expected.join('').replaceAll(' ', ''))
})

test('the order in which a tree was filled does not show', () => {
  const one = new Tree().directory('a').file('b/c', textContent('c')).file('b.c', textContent('d'))
  const other = new Tree().file('b.c', textContent('d')).file('b/c', textContent('c')).directory('a')
  assert.ok(layoutBytes(planCpio(one)).equals(layoutBytes(planCpio(other))))
})

test('names are put below the root, and such as lead out of it refused', () => {
  const tree = treeOf(
    newc(
      { name: '.', mode: 0o040755 },
      { name: './a', data: '1' },
      { name: '/b', data: '2' },
      { name: 'c//./d', data: '3' },
    ),
  )
  const expected = new Tree()
    .file('a', textContent('1'))
    .file('b', textContent('2'))
    .file('c/d', textContent('3'))
  assert.deepEqual(listed(tree), listed(expected))
  for (const name of ['..', '../a', 'a/../../b', '/..'])
    assert.throws(() => treeOf(newc({ name })), refused(/out of it/))
  assert.throws(() => treeOf(newc({ name: '/', data: 'x' })), refused(/root/))
})

test('several archives follow each other, with zeros between them; the last word counts', () => {
  const bytes = Buffer.concat([
    newc({ name: 'a', data: 'old' }, { name: 'd', mode: 0o040700 }),
    Buffer.alloc(512),
    newc({ name: 'a', data: 'new' }, { name: 'd', mode: 0o040755 }),
    Buffer.alloc(100_000),
  ])
  assert.deepEqual(listed(treeOf(bytes)), listed(new Tree().file('a', textContent('new')).directory('d')))
  const packed = Buffer.concat([newc({ name: 'a' }), zlib.gzipSync(newc({ name: 'b' })), Buffer.alloc(200)])
  assert.throws(() => treeOf(packed), refused(/compressed with gzip/))
})

test('all names of a hard link have its data, wherever that is', () => {
  const link = { ino: 7, links: 3 }
  const expected = (names: string[]) => {
    const tree = new Tree()
    for (const name of names) tree.file(name, textContent('data'))
    return listed(tree)
  }
  for (const at of [0, 1, 2]) {
    const entries = ['x', 'y', 'z'].map((name, i) => ({ ...link, name, data: i === at ? 'data' : '' }))
    assert.deepEqual(listed(treeOf(newc(...entries))), expected(['x', 'y', 'z']))
  }
  // Inode numbers of another archive are other inodes.
  const two = Buffer.concat([newc({ ...link, name: 'x', data: 'data' }), newc({ ...link, name: 'y' })])
  assert.equal(treeOf(two).bytes(), 4)
})

test('checksums are checked where there are any', () => {
  const entries = (check: number) => [
    { name: 'a', data: 'abc', check },
    { name: 'l', mode: 0o120777, data: 'abc' },
  ]
  assert.equal(treeOf(archive('070702', entries(0x61 + 0x62 + 0x63))).size, 2)
  assert.throws(() => treeOf(archive('070702', entries(1))), refused(/checksum of a/))
})

test('devices are named and left out', () => {
  const image = newc({ name: 'dev/console', mode: 0o020600 }, { name: 'a' })
  const { tree, skipped } = readCpio(bytesSource(image))
  assert.deepEqual([listed(tree), skipped], [[['a', '644', '']], ['dev/console']])
})

test('what is truncated or contradicts itself is refused', () => {
  const whole = newc({ name: 'a', data: 'abc' })
  for (let size = 0; size < whole.length - 16; size++) {
    assert.throws(() => treeOf(whole.subarray(0, size)), refused(/./), `${size} bytes`)
  }
  assert.throws(() => treeOf(archive('070701', [{ name: 'a' }], false)), refused(/without its trailer/))
  assert.throws(() => treeOf(archive('070707', [{ name: 'a' }])), refused(/something else/))
  assert.throws(() => treeOf(newc({ name: 'a', mode: 0o040755 }, { name: 'a' })), refused(/at once/))
  assert.throws(() => treeOf(newc({ name: 'a' }, { name: 'a/b' })), refused(/nothing can be put below/))
  assert.throws(() => treeOf(newc({ name: 'l', mode: 0o120777 })), refused(/link/))
  assert.throws(() => treeOf(newc({ name: 'a/'.repeat(3000) })), refused(/a path of/))
})

test('names, targets and files that cannot be stored are refused', () => {
  const cannot = { name: 'UfrError', code: 'UFR-TREE' }
  const large = { size: 2 ** 32, chunks: () => [] }
  assert.throws(() => planCpio(new Tree().file('large', large)), cannot)
  assert.throws(() => planCpio(new Tree().link('l', '')), cannot)
  assert.throws(() => planCpio(new Tree().directory('TRAILER!!!')), cannot)
  assert.throws(() => planCpio(new Tree().directory('\ud800')), cannot)
})

test('a damaged archive gives an error or a tree', () => {
  const tree = new Tree()
    .file('bin/sh', bytesContent(pattern(700)))
    .link('l', 'bin/sh')
    .directory('d/e')
  const valid = layoutBytes(planCpio(tree))
  const linked = newc({ name: 'x', ino: 3, links: 2 }, { name: 'y', ino: 3, links: 2, data: 'data' })
  for (const bytes of [valid, linked]) {
    fc.assert(
      fc.property(mutated(bytes, 230), (changed) => endsWell(() => treeOf(changed))),
      { numRuns: 2000 },
    )
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 500 }), (bytes) => endsWell(() => treeOf(bytes))),
    { numRuns: 500 },
  )
})

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-cpio-'))
test.after(() => fs.rmSync(folder, { recursive: true, force: true }))
const busybox = { skip: spawnSync('busybox', ['cpio', '--help']).error ? 'busybox is not installed' : false }

function sampleTree(): Tree {
  const tree = new Tree()
    .file('init', textContent('#!/bin/sh\n'), 0o755)
    .link('bin/sh', 'busybox')
    .directory('tmp', 0o700)
  for (let size = 0; size < 9; size++)
    tree.file(`sizes/日本${'n'.repeat(size)}`, bytesContent(pattern(size)), 0o640)
  return tree
}

test('busybox extracts what is written', busybox, () => {
  const out = path.join(folder, 'out')
  fs.mkdirSync(out)
  execFileSync('busybox', ['cpio', '-i', '-d', '-m'], {
    cwd: out,
    input: layoutBytes(planCpio(sampleTree())),
    stdio: 'pipe',
  })
  assert.deepEqual(listed(fromFolder(out)), listed(sampleTree()))
})

test('what busybox writes is read', busybox, () => {
  const from = path.join(folder, 'from')
  toFolder(sampleTree(), from)
  fs.linkSync(path.join(from, 'init'), path.join(from, 'other'))
  const names = execFileSync('find', ['.'], { cwd: from })
  const bytes = execFileSync('busybox', ['cpio', '-o', '-H', 'newc'], {
    cwd: from,
    input: names,
    stdio: 'pipe',
  })
  assert.deepEqual(
    listed(treeOf(bytes)),
    listed(sampleTree().file('other', textContent('#!/bin/sh\n'), 0o755)),
  )
})
