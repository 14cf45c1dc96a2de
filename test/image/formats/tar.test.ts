import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { readTar } from '../../../src/image/formats/tar/reader.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'
import { pax, type TarEntry, tinyTar } from './tiny-tar.ts'
import { endsWell, listed, mutated, pattern, toFolder } from './trees.ts'

const treeOf = (bytes: Uint8Array) => readTar(bytesSource(bytes)).tree
const of = (...entries: TarEntry[]) => treeOf(tinyTar(entries))
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-tar-'))
test.after(() => fs.rmSync(folder, { recursive: true, force: true }))

test('files, folders and links come out as they are in there', () => {
  const tree = of(
    { name: './', type: '5', mode: 0o755 },
    { name: './bin/', type: '5', mode: 0o700 },
    { name: './bin/sh', data: 'shell', mode: 0o755 },
    { name: '/etc/passwd', data: 'root' },
    { name: 'l', type: '2', target: '../far/away' },
    { name: 'old', type: '\0', data: 'x' },
    { name: 'olddir/', type: '0', mode: 0o711 },
    { name: 'last', prefix: 'a/long/prefix', data: 'y' },
  )
  const expected = new Tree()
    .directory('bin', 0o700)
    .file('bin/sh', textContent('shell'), 0o755)
    .file('etc/passwd', textContent('root'))
    .link('l', '../far/away')
    .file('old', textContent('x'))
    .directory('olddir', 0o711)
    .file('a/long/prefix/last', textContent('y'))
  assert.deepEqual(listed(tree), listed(expected))
})

test('names that a header has no room for are taken from where they are', () => {
  const long = `${'d'.repeat(120)}/${'é'.repeat(60)}`
  const far = `../${'t'.repeat(300)}`
  const expected = listed(
    new Tree().file(long, textContent('1')).link('l', far).file('short', textContent('2')),
  )
  const posix = of(
    { name: 'ignored', type: 'g', data: pax({ comment: 'of all' }) },
    { name: 'PaxHeaders/x', type: 'x', data: pax({ path: long, mtime: '1.5' }) },
    { name: 'cut', data: '1' },
    { name: 'PaxHeaders/y', type: 'x', data: pax({ linkpath: far }) },
    { name: 'l', type: '2', target: 'cut' },
    { name: 'short', data: '2' },
  )
  assert.deepEqual(listed(posix), expected)
  const gnu = of(
    { name: '././@LongLink', type: 'L', data: `${long}\0` },
    { name: 'cut', data: '1' },
    { name: '././@LongLink', type: 'K', data: `${far}\0` },
    { name: 'l', type: '2', target: 'cut' },
    { name: 'short', data: '2' },
  )
  assert.deepEqual(listed(gnu), expected)
})

test('a size can be in an extended header, or a number of base 256', () => {
  const data = 'x'.repeat(600)
  const base256 = (header: Buffer) => {
    header.fill(0, 124, 136)
    header[124] = 0x80
    header.writeUInt32BE(600, 132)
  }
  assert.equal(of({ name: 'a', data, early: base256 }, { name: 'b', data: 'c' }).bytes(), 601)
  const extended = { name: 'x', type: 'x', data: pax({ size: '600' }) }
  assert.equal(of(extended, { name: 'a', data, size: 0 }, { name: 'b', data: 'c' }).bytes(), 601)
  const huge = (header: Buffer) => header.fill(0xff, 124, 136)
  assert.throws(() => of({ name: 'a', early: huge }), refused(/too large/))
  assert.throws(
    () => of({ name: 'x', type: 'x', data: pax({ size: '1e3' }) }, { name: 'a' }),
    refused(/no number/),
  )
})

test('hard links are files of their own, and lead to what came before them in the archive only', () => {
  const tree = of({ name: 'a', data: 'data', mode: 0o755 }, { name: 'b', type: '1', target: './a', size: 4 })
  assert.deepEqual(
    listed(tree),
    listed(new Tree().file('a', textContent('data'), 0o755).file('b', textContent('data'), 0o755)),
  )
  for (const target of ['nothing', '../a', '/etc/../../shadow', ''])
    assert.throws(
      () => of({ name: 'b', type: '1', target }, { name: 'a' }),
      refused(/hard link|out of it/),
      target,
    )
  assert.throws(
    () => of({ name: 'd', type: '5' }, { name: 'b', type: '1', target: 'd' }),
    refused(/hard link/),
  )
})

test('names that lead out are refused, wherever they are written', () => {
  for (const name of ['..', '../a', 'a/../../b', '/..', 'a/..']) {
    assert.throws(() => of({ name, data: 'x' }), refused(/out of it/), name)
    assert.throws(
      () => of({ name: 'x', type: 'x', data: pax({ path: name }) }, { name: 'a' }),
      refused(/out of it/),
    )
    assert.throws(() => of({ name: 'x', type: 'L', data: `${name}\0` }, { name: 'a' }), refused(/out of it/))
  }
  assert.throws(() => of({ name: './.', data: 'x' }), refused(/no name/))
  // A file below a link would be written wherever that leads.
  const below = [
    { name: 'l', type: '2', target: '/etc' },
    { name: 'l/passwd', data: 'x' },
  ]
  assert.throws(() => of(...below), refused(/nothing can be put below/))
})

test('the last word counts, and the end is where it is said or where nothing follows', () => {
  assert.deepEqual(
    listed(of({ name: 'a', data: 'old' }, { name: 'a', data: 'new' })),
    listed(new Tree().file('a', textContent('new'))),
  )
  assert.equal(treeOf(tinyTar([{ name: 'a', data: 'x' }], 0)).size, 1)
  assert.equal(treeOf(Buffer.concat([tinyTar([{ name: 'a' }]), Buffer.from('rubbish')])).size, 1)
  assert.equal(treeOf(Buffer.alloc(1024)).size, 0)
})

test('devices and pipes are named and left out', () => {
  const entries = ['3', '4', '6'].map((type) => ({ name: `dev/${type}`, type }))
  const { tree, skipped } = readTar(bytesSource(tinyTar([...entries, { name: 'a' }])))
  assert.deepEqual([listed(tree), skipped], [[['a', '644', '']], ['dev/3', 'dev/4', 'dev/6']])
})

test('what is truncated or contradicts itself is refused', () => {
  const whole = tinyTar([{ name: 'a', data: 'x'.repeat(700) }], 0)
  for (const size of [0, 100, 511, 512, 1000, 1211]) {
    assert.throws(() => treeOf(whole.subarray(0, size)), refused(/./), `${size} bytes`)
  }
  const wrong = (spoil: (header: Buffer) => void) => of({ name: 'a', spoil })
  assert.throws(() => wrong((header) => header.write('b', 0)), refused(/checksum/))
  assert.throws(() => wrong((header) => header.write('9', 150)), refused(/other characters/))
  assert.throws(() => of({ name: 'a', type: 'S' }), refused(/type 83/))
  assert.throws(
    () => of({ name: 'x', type: 'x', data: pax({ 'GNU.sparse.major': '1' }) }, { name: 'a' }),
    refused(/sparse/),
  )
  for (const data of ['5 a=b\n', '99 a=b\n', 'a=b\n', '0 a=b\n', '6 ab\n\n', ' 7 a=b\n']) {
    assert.throws(() => of({ name: 'x', type: 'x', data }, { name: 'a' }), refused(/extended header/), data)
  }
  assert.throws(
    () => of({ name: 'x', type: 'L', data: 'n'.repeat(70_000) }, { name: 'a' }),
    refused(/70000 bytes/),
  )
  assert.throws(() => of({ name: Buffer.from([0xff, 0xfe]), data: 'x' }), refused(/UTF-8/))
})

test('a damaged archive gives an error or a tree', () => {
  const entries: TarEntry[] = [
    { name: 'x', type: 'x', data: pax({ path: 'long/name', size: '3' }) },
    { name: 'a', data: 'abc' },
    { name: 'b', type: '1', target: 'long/name' },
    { name: 'x', type: 'L', data: 'other\0' },
    { name: 'l', type: '2', target: 'a' },
  ]
  const valid = tinyTar(entries)
  // Most changes would only break a checksum: half of them are made good again.
  const mended = (bytes: Buffer) => {
    for (let at = 0; at + 512 <= bytes.length; at += 512) {
      bytes.fill(0x20, at + 148, at + 156)
      const sum = bytes.subarray(at, at + 512).reduce((one, other) => one + other, 0)
      bytes.write(`${sum.toString(8).padStart(6, '0')}\0 `, at + 148, 'latin1')
    }
    return bytes
  }
  fc.assert(
    fc.property(mutated(valid, 512), fc.boolean(), (changed, mend) =>
      endsWell(() => treeOf(mend ? mended(Buffer.from(changed)) : changed)),
    ),
    { numRuns: 2000 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => endsWell(() => treeOf(bytes))),
    { numRuns: 500 },
  )
})

const tar = { skip: spawnSync('tar', ['--version']).error ? 'tar is not installed' : false }

for (const format of ['gnu', 'pax', 'ustar', 'v7']) {
  test(`what tar writes as ${format} is read`, tar, () => {
    const tree = new Tree()
      .file('init', textContent('#!/bin/sh\n'), 0o755)
      .link('bin/sh', 'busybox')
      .directory('tmp', 0o700)
    for (const size of [0, 1, 511, 512, 513, 20_000])
      tree.file(`sizes/日本${size}`, bytesContent(pattern(size)), 0o640)
    if (format === 'gnu' || format === 'pax')
      tree.file(`${'long/'.repeat(40)}${'n'.repeat(200)}`, textContent('deep'))
    const from = path.join(folder, format)
    toFolder(tree, from)
    fs.linkSync(path.join(from, 'init'), path.join(from, 'other'))
    const bytes = execFileSync('tar', ['-c', `--format=${format}`, '-C', from, '.'], { maxBuffer: 1 << 24 })
    assert.deepEqual(listed(treeOf(bytes)), listed(tree.file('other', textContent('#!/bin/sh\n'), 0o755)))
  })
}
