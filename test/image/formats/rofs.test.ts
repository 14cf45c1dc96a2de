import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { bytesContent, contentBytes, textContent } from '../../../src/image/content.ts'
import { planMbr } from '../../../src/image/formats/mbr.ts'
import { collectNodes, type Node } from '../../../src/image/formats/rofs/nodes.ts'
import { type RofsImage, readRofs } from '../../../src/image/formats/rofs/reader.ts'
import { planNodes, planRofs } from '../../../src/image/formats/rofs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { openImage, wholeImageTree } from '../../../src/image/open.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { type TinyRofs, tinyRofs, type } from './tiny-rofs.ts'
import { anyTree, layoutFault, listed, pattern } from './trees.ts'

const goldens = path.join(import.meta.dirname, '../../../../shared/goldens')

function imageOf(tree: Tree): Buffer {
  return layoutBytes(planRofs(tree))
}

function read(bytes: Uint8Array): RofsImage {
  return readRofs(bytesSource(bytes))
}

test('what is written comes back, whatever the tree', () => {
  fc.assert(
    fc.property(anyTree(40), (tree) => {
      const layout = planRofs(tree)
      assert.equal(layoutFault(layout), undefined)
      assert.equal(layout.size % 512, 0)
      const image = read(layoutBytes(layout))
      assert.deepEqual(listed(image.tree, false), listed(tree, false))
      assert.deepEqual([image.skipped, image.lengths], [[], 'bytes'])
    }),
    { numRuns: 200 },
  )
})

test('what OSv does not keep comes back as OSv shows it', () => {
  const { tree } = read(imageOf(new Tree().file('d/secret', textContent('x'), 0o600)))
  assert.deepEqual(listed(tree), [
    ['d', '555'],
    ['d/secret', '555', Buffer.from('x').toString('base64')],
  ])
})

test('the same tree gives the same bytes, in whatever order it was made', () => {
  const names = ['b/c', 'a.txt', 'a/z', 'B', 'é', '世']
  const make = (order: string[]) => {
    const tree = new Tree()
    for (const name of order) tree.file(name, textContent(name))
    return imageOf(tree)
  }
  assert.ok(make(names).equals(make(names.toReversed())))
})

test('the image of a small tree has known bytes', () => {
  const tree = new Tree().file('d/é', textContent('hi')).file('empty', textContent('')).link('l', 'd/é')
  const image = imageOf(tree)
  const superblock = ['adbeadde00000000', '01', '0002', '02', '01', '04', '01', '05']
  const tables = [
    // Entries: those of `d`, then those of the root; the length of `é` is 2, for OSv counts bytes.
    '0300000000000000 0200 c3a9',
    '0200000000000000 0100 64',
    '0400000000000000 0500 656d707479',
    '0500000000000000 0100 6c',
    // Targets.
    '0400 642fc3a9',
    // Inodes: type, number, place, size.
    ...[`0040`, '01', '01', '03', '0040', '02', '', '01', '0080', '03', '01', '02'].map(padded),
    ...['0080', '04', '02', '', '00a0', '05', '', '01'].map(padded),
  ]
  const expected = Buffer.alloc(3 * 512)
  expected.write(superblock.map(padded).join(''), 0, 'hex')
  expected.write('hi', 512)
  expected.write(tables.join('').replaceAll(' ', ''), 1024, 'hex')
  assert.equal(image.toString('hex'), expected.toString('hex'))
})

function padded(hex: string): string {
  return hex.padEnd(16, '0')
}

test('an empty tree is a root and nothing else', () => {
  const image = imageOf(new Tree())
  assert.equal(image.length, 1024)
  assert.ok(image.equals(tinyRofs({ inodes: [{ type: type.directory }] })))
  assert.equal(read(image).tree.size, 0)
})

test('files begin and end on blocks, and empty ones take none', () => {
  const tree = new Tree()
  for (const size of [0, 1, 511, 512, 513, 1024, 5000]) tree.file(`${size}`, bytesContent(pattern(size)))
  const offsets = planRofs(tree).pieces.map(({ offset }) => offset / 512)
  // In the order of names: 0, 1, 1024, 5000, 511, 512, 513; then the tables.
  assert.deepEqual(offsets, [0, 1, 2, 4, 14, 15, 16, 18])
  assert.deepEqual(listed(read(imageOf(tree)).tree, false), listed(tree, false))
})

test('tables that fill their last block are followed by an empty one, as upstream does it', () => {
  // Two inodes of 32 bytes, an entry of 11, and the target with its length.
  const image = imageOf(new Tree().link('l', 'x'.repeat(512 - 64 - 11 - 2)))
  assert.equal(image.length, 3 * 512)
  assert.equal(image.readUInt32LE(32), 1)
  assert.ok(image.subarray(1024).every((byte) => byte === 0))
})

test('sizes and places have more than 32 bits', () => {
  const size = 3 * 2 ** 42 + 1
  const large = { size, chunks: () => assert.fail('a plan does not read large files') }
  const layout = planRofs(new Tree().file('large', large).file('small', textContent('s')))
  const tables = layout.pieces.at(-1)!
  const source = {
    size: layout.size,
    read(offset: number, length: number) {
      const piece = layout.pieces.find((candidate) => candidate.offset === offset)!
      const bytes = Buffer.alloc(length)
      bytes.set(contentBytes(piece.content))
      return bytes
    },
  }
  const { tree } = readRofs(source)
  const [first, second] = [tree.get('large'), tree.get('small')]
  assert.equal(first?.kind === 'file' && first.content.size, size)
  assert.equal(second?.kind === 'file' && contentBytes(second.content).toString(), 's')
  assert.equal(tables.offset, 512 + size + 511 + 512)
})

test('what cannot be stored is refused', () => {
  const tree = { name: 'UfrError', code: 'UFR-TREE' }
  assert.throws(() => planRofs(new Tree().link('l', '')), tree)
  assert.throws(() => planRofs(new Tree().link('l', 'x'.repeat(4096))), tree)
  assert.throws(() => planRofs(new Tree().link('l', 'a\0b')), tree)
  assert.throws(() => planRofs(new Tree().directory('\ud800')), tree)
  const limit = { name: 'UfrError', code: 'UFR-IMAGE-LIMIT' }
  const deep = `${'d/'.repeat(2046)}dd`
  assert.equal(read(imageOf(new Tree().directory(deep))).tree.get(deep)?.kind, 'directory')
  assert.throws(() => planRofs(new Tree().directory(`${deep}d`)), limit)
  const [leaf] = collectNodes(new Tree().file('n'.repeat(255), textContent(''))).children
  const wide = (count: number) => ({
    ...collectNodes(new Tree()),
    children: new Array<Node>(count).fill(leaf!),
  })
  assert.throws(() => planNodes(wide(1_000_001)), { ...limit, message: /1000001 files/ })
  assert.throws(() => planNodes(wide(950_000)), { ...limit, message: /names and links/ })
  const vast = { size: Number.MAX_SAFE_INTEGER, chunks: () => [] }
  assert.throws(() => planRofs(new Tree().file('vast', vast)), { ...limit, message: /larger than/ })
})

function golden(name: string): Buffer | undefined {
  const file = path.join(goldens, `${name}.rofs.gz`)
  return fs.existsSync(file) ? zlib.gunzipSync(fs.readFileSync(file)) : undefined
}

function goldenListing(tree: Tree): { files: object; links: object } {
  const files: Record<string, object> = {}
  const links: Record<string, string> = {}
  for (const [at, entry] of tree.sorted()) {
    if (entry.kind === 'link') links[`/${at}`] = entry.target
    if (entry.kind !== 'file') continue
    const sha256 = createHash('sha256').update(contentBytes(entry.content)).digest('hex')
    files[`/${at}`] = { size: entry.content.size, sha256 }
  }
  return { files, links }
}

/** The order in upstream's manifest; what is not listed is in the order of its name. */
const goldenOrder = [
  ...['etc', 'hello.txt', 'empty', 'link.txt', 'bin', 'a', 'data', 'sector512.bin', 'sector513.bin'],
  ...[`${'n'.repeat(200)}.txt`, 'utf8-é世.txt', 'big.bin', 'many', 'lib64'],
]

function inGoldenOrder(tree: Tree): Node {
  const root = collectNodes(tree)
  const open = [root]
  for (let node = open.pop(); node; node = open.pop()) {
    node.children.sort((a, b) => goldenOrder.indexOf(a.name) - goldenOrder.indexOf(b.name))
    open.push(...node.children)
  }
  return root
}

for (const name of ['small', 'many']) {
  test(`reads upstream's image ${name}.rofs to the tree beside it`, (t) => {
    const bytes = golden(name)
    if (!bytes) return t.skip(`no golden image ${name}.rofs.gz beside the checkout`)
    const { tree, skipped, lengths } = read(bytes)
    const wanted = JSON.parse(fs.readFileSync(path.join(goldens, `${name}.tree.json`), 'utf8'))
    // The list is that of the tree's TFS, too, where this link is relative. The ROFS was made from a manifest that says
    // `/etc/link.txt: ->/etc/hello.txt`, and that is what its bytes say: the same file by another text.
    assert.equal(wanted.links['/etc/link.txt'], 'hello.txt')
    assert.ok(bytes.includes('\x0e\0/etc/hello.txt'))
    wanted.links['/etc/link.txt'] = '/etc/hello.txt'
    assert.deepEqual(goldenListing(tree), wanted)
    assert.deepEqual([skipped, lengths], [[], 'characters'])
    const again = read(imageOf(tree))
    assert.deepEqual(goldenListing(again.tree), wanted)
    assert.equal(again.lengths, 'bytes')
  })

  test(`writes upstream's image ${name}.rofs in all bytes but the one that OSv misreads`, (t) => {
    const theirs = golden(name)
    if (!theirs) return t.skip(`no golden image ${name}.rofs.gz beside the checkout`)
    const ours = layoutBytes(planNodes(inGoldenOrder(read(theirs).tree)))
    const odd = Buffer.from('utf8-é世.txt')
    const at = theirs.indexOf(odd) - 2
    assert.equal(theirs.indexOf(odd, at + 3), -1)
    // Upstream says 11 characters and writes 14 bytes. The kernel takes 11 bytes, and the rest for the next inode number.
    assert.deepEqual([theirs.readUInt16LE(at), ours.readUInt16LE(at)], [11, 14])
    theirs.writeUInt16LE(odd.length, at)
    assert.ok(ours.equals(theirs))
    assert.equal(read(theirs).lengths, 'bytes')
  })
}

test('lengths in characters are understood in names and targets', () => {
  const name = 'ä世😀'
  const image = (length: (text: string) => number) =>
    tinyRofs({
      entries: [
        { name, inode: 2, length: length(name) },
        { name: 'plain', inode: 3 },
      ],
      links: [{ target: `${name}.`, length: length(`${name}.`) }, { target: 'plain' }],
      inodes: [
        { type: type.directory, count: 2 },
        { type: type.link, start: 0, count: 1 },
        { type: type.link, start: 1, count: 1 },
      ],
    })
  const expected = [
    ['plain', 'plain'],
    [name, `${name}.`],
  ]
  const characters = read(image((text) => [...text].length))
  assert.deepEqual([listed(characters.tree), characters.lengths], [expected, 'characters'])
  const bytes = read(image((text) => Buffer.byteLength(text)))
  assert.deepEqual([listed(bytes.tree), bytes.lengths], [expected, 'bytes'])
})

test('a file of two names becomes two files, and what has no name is skipped', () => {
  const { tree, skipped } = read(
    tinyRofs({
      data: Buffer.from('shared'),
      entries: [
        { name: 'a', inode: 2 },
        { name: 'b', inode: 2 },
        { name: '', inode: 3 },
        { name: 'hidden', inode: 2 },
      ],
      inodes: [
        { type: type.directory, start: 0, count: 3 },
        { type: type.file | 0o644, start: 1, count: 6 },
        { type: type.directory, start: 3, count: 1 },
      ],
    }),
  )
  const content = Buffer.from('shared').toString('base64')
  assert.deepEqual(listed(tree, false), [
    ['a', '', content],
    ['b', '', content],
  ])
  assert.deepEqual(skipped, ['/'])
})

const root = { type: type.directory, start: 0, count: 1 }
const file = { type: type.file, start: 1, count: 1 }
const one = { entries: [{ name: 'f', inode: 2 }], inodes: [root, file], data: Buffer.from('x') }
const damaged: Record<string, [TinyRofs, RegExp]> = {
  'another magic number': [{ ...one, fields: { 0: 0xdeadbeae } }, /magic/],
  'another version': [{ ...one, fields: { 1: 2 } }, /version 2/],
  'another block size': [{ ...one, fields: { 2: 4096 } }, /blocks of 4096/],
  'tables beyond the end': [{ ...one, fields: { 3: 7 } }, /truncated or corrupt/],
  'tables of a terabyte': [{ ...one, fields: { 4: 2 ** 31 } }, /its tables have/],
  'too many entries': [{ ...one, fields: { 4: 2 ** 19, 5: 1_000_001 } }, /too many/],
  'more entries than tables': [{ ...one, fields: { 5: 1000 } }, /smaller than/],
  'a count of 64 bits': [
    { ...one, fields: { 7: 2n ** 64n - 1n } },
    /a number of inodes of 18446744073709551615/,
  ],
  'no inodes': [{ ...one, fields: { 7: 0 } }, /no root/],
  'a name longer than the tables': [{ ...one, entries: [{ name: 'f', inode: 2, length: 600 }] }, /truncated/],
  'a target longer than the tables': [{ ...one, links: [{ target: 't', length: 600 }] }, /truncated/],
  'inodes beyond the tables': [
    { ...one, entries: [{ name: 'n'.repeat(30), inode: 2 }], fields: { 7: 15 } },
    /inodes are truncated/,
  ],
  'an inode of another number': [
    { ...one, inodes: [root, { ...file, number: 7 }] },
    /inode 2 has the number 7/,
  ],
  'a root that is a file': [{ ...one, inodes: [file, root] }, /root is not a directory/],
  'an entry without inode': [{ ...one, entries: [{ name: 'f', inode: 0 }] }, /inode 0/],
  'an entry of a missing inode': [{ ...one, entries: [{ name: 'f', inode: 3 }] }, /inode 3/],
  'entries beyond the last': [
    { ...one, inodes: [{ ...root, start: 1 }, file] },
    /entries of \/ are not all there/,
  ],
  'a place of 64 bits': [{ ...one, inodes: [{ ...root, start: 2n ** 64n - 1n }, file] }, /a place of/],
  'a file beyond the end': [{ ...one, inodes: [root, { ...file, count: 3 * 512 }] }, /data of f reaches/],
  'a link without target': [{ ...one, inodes: [root, { type: type.link }] }, /target of the link f/],
  'a link to nothing': [
    { ...one, links: [{ target: '' }], inodes: [root, { type: type.link }] },
    /nothing possible/,
  ],
  'a device': [{ ...one, inodes: [root, { type: 0x6000 }] }, /neither file nor/],
  'a name with a slash': [{ ...one, entries: [{ name: 'a/b', inode: 2 }] }, /slash/],
  'a name that leads out': [{ ...one, entries: [{ name: '..', inode: 2 }] }, /not a path/],
  'a name with a NUL': [{ ...one, entries: [{ name: 'a\0', inode: 2 }] }, /not a path/],
  'a name of 256 bytes': [{ ...one, entries: [{ name: 'n'.repeat(256), inode: 2 }] }, /256 bytes/],
  'a name that is not UTF-8': [{ ...one, entries: [{ name: Buffer.from([0xe9]), inode: 2 }] }, /UTF-8/],
  'a name that is there twice': [
    { ...one, entries: [...one.entries, ...one.entries], inodes: [{ ...root, count: 2 }, file] },
    /f is there twice/,
  ],
  'a root in itself': [{ ...one, entries: [{ name: 'f', inode: 1 }] }, /f is in two places/],
  'a directory in itself': [
    { ...one, entries: [...one.entries, ...one.entries], inodes: [root, { ...root, start: 1 }] },
    /f\/f is in two places/,
  ],
  'a directory with the entries of another': [
    { ...one, inodes: [root, root] },
    /more entries than there are/,
  ],
}
for (const [what, [image, message]] of Object.entries(damaged)) {
  test(`${what} is refused`, () => {
    assert.throws(() => read(tinyRofs(image)), { name: 'UfrError', code: 'UFR-FORMAT', message })
  })
}

test('a source that is not there is not read beyond the limits', () => {
  const first = tinyRofs({ ...one, fields: { 3: 2 ** 30, 4: 2 ** 40 } })
  const size = 2 ** 52
  const source = {
    size,
    read: (offset: number, length: number) =>
      offset + length <= first.length ? first.subarray(offset, offset + length) : assert.fail('read on'),
  }
  assert.throws(() => readRofs(source), { code: 'UFR-FORMAT' })
})

test('an image is found bare, and on a disk of OSv in the second partition', () => {
  const tree = new Tree().file('tools/hello', textContent('hello')).link('bin', 'tools')
  const image = imageOf(tree)
  const [bare] = openImage(bytesSource(image))
  assert.deepEqual([bare?.format, bare?.offset, bare?.partition], ['rofs', 0, undefined])
  assert.deepEqual(listed(wholeImageTree([bare!]), false), listed(tree, false))

  // As upstream's scripts/build makes it: loader first, no entry 1, the rest of the disk as large as asked for.
  const start = 9
  const disk = Buffer.alloc(40 * 512)
  disk.set(planMbr([{ type: 0x83, active: false, start, sectors: image.length / 512 }]))
  disk.copyWithin(446 + 16, 446, 446 + 16)
  disk.fill(0, 446, 446 + 16)
  disk.set(image, start * 512)
  const parts = openImage(bytesSource(disk))
  assert.deepEqual(
    parts.map(({ format, partition, offset }) => [format, partition, offset]),
    [['rofs', 2, start * 512]],
  )
  assert.deepEqual(listed(wholeImageTree(parts), false), listed(tree, false))
})
