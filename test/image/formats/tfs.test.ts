import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { bytesContent, type Content, contentBytes, textContent } from '../../../src/image/content.ts'
import { varint } from '../../../src/image/formats/tfs/encode.ts'
import type { Tuple, Value } from '../../../src/image/formats/tfs/format.ts'
import { isTfs } from '../../../src/image/formats/tfs/log.ts'
import { type Manifest, manifestTuple, tupleToJson } from '../../../src/image/formats/tfs/manifest.ts'
import { readTfs } from '../../../src/image/formats/tfs/reader.ts'
import { planTfs } from '../../../src/image/formats/tfs/writer.ts'
import { layoutBytes } from '../../../src/image/layout.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { Tree } from '../../../src/image/tree.ts'

const goldens = path.join(import.meta.dirname, '../../../../shared/goldens')
const uuid = Buffer.from('00112233445566778899aabbccddeeff', 'hex')
const sector = 512

/**
 * What a guest left on a disk that planTfs made (hello, old.txt, sub/x; the bytes of hello are zeroed here): Nanos
 * b9c3671d wrote sub/w, removed old.txt, linked hello to sub/hard, wrote sub/s and made it longer, wrote new0 to new2.
 */
const guestDisk =
  'n/+fJUCOw6bsrnhRNZ2oYfKjqZv/39qg6RSJwy7sfE0eEySUQAbPI//sX/YFk3jPnYgKNeAy8R7VCdX2R5bq7jrrc/4vx3fXpvRjS3wJRXb/32isQWNt8QATPY7KqBfzWiABBhgU6CYfqEpMtup4GztuemZCBo/DKKpvXFZRMxldWDy6H///9+K/SoZYkwgDwfZXaUWFzV49vPQIeOZ6T09an+myu6eg720cFOh526xJMQRAmiEMai1u8UECdEDq6dfBLqm3zwBDpA31vSqvfj14kEYp6BGDtJm2RRBhbgCnpMhuFlEQKeO91fwXPVVXFHg0tDT08XsB+kFE2xJATDkgud9LSllNfWNeL+pVtVzUExMcIqQYUs/sdoE8ezx+XZs841Z4Nu9xWWhhciE9vUG0RcBFOh3UWG9XFVljVb55h7muI75ExM+kwezCFq2uF7MYjEh9PQa8IvXsWBlXc5GLC2a1zun8fl0lNpEehN61Y2fH0uvuD7kuPagH2dhgWy3UkUb7wXpeM/C2aWBjg8HGfHywg6awpXABq8dLmMG4iQgkSWl4I2VK0oosLbGJqjmS7Lw4+GcbDDfZg6yssBvAAIipKg4kDxkCjVHpdreGwgIVQ7N0IgkBYFeQUn2nFeLxsDt4KC9SFmS5oCBsom3BtAkPpH3IQWIBgLEQxLQtAiQP8BIGAhBKiiiSNK1ihqicSYoQP3CBB94UHQX1smup58cz2KD0LSywnwc8SieZkqj54v4eodAxPXz3M23rZrXQQmrIAKyfPwkMNihgaoqDDGOJPpo5ZTQF7h28dITeYONyycdgo6UjDEeaoUIfsNl5KRlES0cUzuKRqJ54MHzGD8eij5fYTXopkr/QJ8svoL4eNcxlywHgJYBL7lmAOWoY'

function read(bytes: Uint8Array) {
  return readTfs(bytesSource(bytes))
}

function write(
  tree: Tree,
  options: { label?: string; manifest?: Manifest | Tuple; minimumSize?: number } = {},
): Buffer {
  return layoutBytes(planTfs(tree, { uuid, ...options }))
}

/** All of a tree but the modes, which TFS does not keep. */
function listing(tree: Tree): unknown[] {
  return tree.sorted().map(([at, entry]) => {
    if (entry.kind === 'file') return [at, entry.content.size, contentBytes(entry.content).toString('latin1')]
    return entry.kind === 'link' ? [at, '->', entry.target] : [at]
  })
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

for (const name of ['small', 'many']) {
  test(`reads upstream's image ${name}.tfs to exactly the tree beside it`, (t) => {
    const file = path.join(goldens, `${name}.tfs.gz`)
    if (!fs.existsSync(file)) return t.skip(`no golden image ${name}.tfs.gz beside the checkout`)
    const image = read(zlib.gunzipSync(fs.readFileSync(file)))
    const wanted = JSON.parse(fs.readFileSync(path.join(goldens, `${name}.tree.json`), 'utf8'))
    assert.deepEqual(goldenListing(image.tree), wanted)
    assert.deepEqual(tupleToJson(image.root), {
      program: '/bin/program',
      arguments: ['program', '--flag', 'two words'],
      environment: { GREETING: 'hello world', HOME: '/' },
    })
    const again = read(write(image.tree, { manifest: image.root }))
    assert.deepEqual(goldenListing(again.tree), wanted)
    assert.deepEqual(again.root, manifestTuple(image.root))
  })
}

test('replays what a guest wrote, removed, linked and lengthened', () => {
  const disk = Buffer.alloc(8 * 2 ** 20)
  zlib.brotliDecompressSync(Buffer.from(guestDisk, 'base64')).copy(disk)
  const { tree, label } = read(disk)
  assert.equal(label, 'GUEST')
  assert.deepEqual(
    tree.sorted().map(([at, entry]) => [at, entry.kind === 'file' ? entry.content.size : entry.kind]),
    [
      ['hello', 686984],
      ['new0', 5],
      ['new1', 5],
      ['new2', 5],
      ['proc', 'directory'],
      ['proc/self', 'directory'],
      ['proc/self/exe', 'link'],
      ['sub', 'directory'],
      ['sub/hard', 686984],
      ['sub/s', 50_000_000],
      ['sub/w', 100_000],
      ['sub/x', 1],
    ],
  )
  assert.equal(contentBytes(content(tree, 'new2')).toString(), '/new2')
  assert.equal(contentBytes(content(tree, 'sub/w')).toString(), 'w'.repeat(100_000))
  const sparse = contentBytes(content(tree, 'sub/s'))
  assert.equal(sparse.subarray(0, 100_000).toString(), 'w'.repeat(100_000))
  assert.ok(sparse.subarray(100_000).every((byte) => byte === 0))
  assert.equal(content(tree, 'hello'), content(tree, 'sub/hard'))
})

function content(tree: Tree, at: string): Content {
  const entry = tree.get(at)
  assert.ok(entry?.kind === 'file', at)
  return entry.content
}

test('files, links, empty files and directories, and names in any script come back', () => {
  const tree = new Tree()
    .file('bin/program', bytesContent(Buffer.alloc(70_001, 'program')), 0o755)
    .file('exact/page', bytesContent(Buffer.alloc(4096, 1)))
    .file('exact/sector', bytesContent(Buffer.alloc(512, 2)))
    .file('exact/sector+1', bytesContent(Buffer.alloc(513, 3)))
    .file('empty', textContent(''))
    .file('ünïcödé/世界/🚀', textContent('unicode'))
    .file('children/extents/filelength/0', textContent('names that mean something to the format'))
    .file('__proto__/constructor', textContent('names that mean something to JavaScript'))
    .file('n'.repeat(255), textContent('long name'))
    .directory('empty directory')
    .link('link', '/bin/program')
    .link('ünïcödé/link', '../世界')
  const image = read(write(tree, { label: 'TASK' }))
  assert.deepEqual(listing(image.tree), listing(tree))
  assert.equal(image.label, 'TASK')
  assert.deepEqual(image.uuid, new Uint8Array(uuid))
  assert.equal(image.root.size, 0)
})

test('manifests come back: texts, lists, nested tuples, numbers, null, texts as long as a page', () => {
  const manifest = {
    program: '/hello',
    arguments: ['hello', '', 'two words', 'x'.repeat(5000), 'ü世🚀'],
    environment: { A: '1', 'odd name': '', __proto__x: 'y' },
    mounts: { LABEL: '/task' },
    numbers: [
      0,
      1,
      7,
      8,
      127,
      128,
      2 ** 32,
      Number.MAX_SAFE_INTEGER,
      2n ** 63n,
      2n ** 64n - 1n,
      -1,
      -(2n ** 63n),
    ],
    nested: { deeper: [{ deepest: null }, [], {}] },
  }
  const { root } = read(write(new Tree(), { manifest }))
  assert.deepEqual(root, manifestTuple(manifest))
  assert.deepEqual([...root.keys()], ['arguments', 'environment', 'mounts', 'nested', 'numbers', 'program'])
  assert.deepEqual(root.get('numbers'), manifest.numbers)
  assert.equal(root.get('program'), '/hello')
  assert.deepEqual(JSON.parse(JSON.stringify(tupleToJson(root))).nested, manifest.nested)
})

test('the bytes are those that the format asks for', () => {
  const bytes = write(new Tree().file('f', textContent('hi')), { label: 'L', manifest: { program: '/f' } })
  const hex = (from: number, length: number) => bytes.subarray(from, from + length).toString('hex')
  const first = ['4e564d544653', '05', '01', uuid.toString('hex'), '4c00', '05', '10', '8800', '01', '00']
  assert.equal(hex(0, 32), first.join(''))
  assert.equal(hex(4096, 4), '68690000')
  const file = [
    ...['92', `87${Buffer.from('extents').toString('hex')}`, '91', '8130', '93'],
    ...[
      `86${Buffer.from('offset').toString('hex')}`,
      'b008',
      `86${Buffer.from('length').toString('hex')}`,
      'b001',
    ],
    ...[`8809${Buffer.from('allocated').toString('hex')}`, 'b001'],
    ...[`880a${Buffer.from('filelength').toString('hex')}`, 'b002'],
  ]
  const record = [
    ...['92', `8808${Buffer.from('children').toString('hex')}`, '91', '8166', ...file],
    ...[`87${Buffer.from('program').toString('hex')}`, 'c2', Buffer.from('/f').toString('hex')],
  ].join('')
  const length = record.length / 2
  assert.ok(length < 128)
  const log = [
    '4e564d544653',
    '05',
    '8800',
    '02',
    ...[length, length].map((n) => n.toString(16)),
    record,
    '01',
    '00',
  ]
  assert.equal(hex(8192, log.join('').length / 2), log.join(''))
  assert.equal(bytes.length, 8192 + 512 * 1024)
})

test('the same input gives the same bytes, in whatever order it was put together', () => {
  const one = new Tree().file('b', textContent('b')).file('a/x', textContent('x')).link('l', 'b')
  const two = new Tree().link('l', 'b').file('a/x', textContent('x')).file('b', textContent('b'))
  const a = write(one, { manifest: { program: '/b', environment: { A: '1', B: '2' } } })
  const b = write(two, { manifest: { environment: { B: '2', A: '1' }, program: '/b' } })
  assert.ok(a.equals(b))
  assert.ok(!a.equals(write(one, { manifest: { program: '/b', environment: { A: '1', B: '3' } } })))
})

test('data lies on sectors, large files on pages, and where it lies does not depend on the manifest', () => {
  const tree = new Tree()
  for (let i = 0; i < 50; i++) tree.file(`f${i}`, bytesContent(Buffer.alloc(i * 333, i)))
  const plan = planTfs(tree, { uuid })
  let end = 0
  for (const { offset, content } of plan.pieces) {
    assert.ok(offset >= end)
    assert.equal(offset % (content.size >= 4096 ? 4096 : sector), 0)
    end = offset + content.size
  }
  assert.ok(plan.size >= end && plan.size % 4096 === 0)
  const other = planTfs(tree, { uuid, manifest: { program: `/${'x'.repeat(10_000)}` } })
  assert.deepEqual(
    other.pieces.slice(1, -1).map((piece) => piece.offset),
    plan.pieces.slice(1, -1).map((piece) => piece.offset),
  )
  assert.equal(planTfs(tree, { uuid, minimumSize: 10_000_001 }).size, 10_002_432)
})

test('a log larger than one part goes on in the next: 20,000 files', () => {
  const tree = new Tree()
  for (let i = 0; i < 20_000; i++) tree.file(`d${i % 97}/file-${i}.txt`, textContent(`content ${i}`))
  const bytes = write(tree, { manifest: { program: '/d0/file-0.txt' } })
  assert.ok(logParts(bytes) >= 2)
  const image = read(bytes)
  assert.equal(image.tree.size, tree.size)
  assert.deepEqual(listing(image.tree), listing(tree))
  assert.equal(image.root.get('program'), '/d0/file-0.txt')
})

/** How many parts the log has behind the first sector: each begins with the signature, which is in no file here. */
function logParts(bytes: Buffer): number {
  let parts = 0
  for (let at = bytes.indexOf('NVMTFS'); at >= 0; at = bytes.indexOf('NVMTFS', at + 1)) parts++
  return parts - 1
}

test('records that just fill a part of the log, or just do not, come back', () => {
  const room = 512 * 1024 - 9 - 42
  const aroundText = 18
  for (const parts of [1, 2]) {
    for (const excess of [-1, 0, 1]) {
      const text = 'x'.repeat(parts * room - aroundText + excess)
      const bytes = write(new Tree(), { manifest: { a: text } })
      assert.equal(logParts(bytes), excess > 0 ? parts + 1 : parts)
      assert.equal(read(bytes).root.get('a'), text)
    }
  }
})

test('files beyond 4 GiB are planned, with the data where the extent says', () => {
  const huge: Content = { size: 5 * 2 ** 30 + 1, chunks: () => [] }
  const plan = planTfs(new Tree().file('a', huge).file('b', bytesContent(Buffer.alloc(5000))), { uuid })
  const [, a, b, log] = plan.pieces
  assert.equal(a?.offset, 4096)
  assert.equal(b?.offset, 4096 + 5 * 2 ** 30 + 4096)
  const bytes = contentBytes(log!.content)
  const integer = (value: number) => Buffer.from([0xb0, ...varint(value)])
  for (const value of [huge.size, b!.offset / sector])
    assert.ok(bytes.includes(integer(value)), String(value))
})

const longPath = Array(17).fill('n'.repeat(250)).join('/')
const noText = undefined as unknown as string
const limits: [string, RegExp, () => unknown][] = [
  ['a label of 32 bytes', /label/, () => write(new Tree(), { label: 'x'.repeat(32) })],
  ['a label with a NUL', /label/, () => write(new Tree(), { label: 'a\0b' })],
  ['a UUID of 15 bytes', /UUID/, () => planTfs(new Tree(), { uuid: uuid.subarray(1) })],
  ['a size that is none', /size/, () => write(new Tree(), { minimumSize: Number.NaN })],
  [
    'half a character in a name',
    /half a character/,
    () => write(new Tree().file('a\ud800', textContent(''))),
  ],
  ['a link to nothing', /target/, () => write(new Tree().link('l', ''))],
  ['a link with a NUL', /target/, () => write(new Tree().link('l', 'a\0'))],
  ['a link that is too long', /longer than 4095/, () => write(new Tree().link('l', 'x'.repeat(4096)))],
  [
    'a path that is too long',
    /longer than the 4094/,
    () => write(new Tree().file(longPath, textContent(''))),
  ],
  [
    'directories too deep',
    /65 directories/,
    () => write(new Tree().directory(Array(65).fill('d').join('/'))),
  ],
  ['a manifest with children', /children/, () => write(new Tree(), { manifest: { children: {} } })],
  ['a fraction', /a\.n is not a whole/, () => write(new Tree(), { manifest: { a: { n: 0.5 } } })],
  ['more than 64 bits', /64 bits/, () => write(new Tree(), { manifest: { n: 2n ** 64n } })],
  [
    'an attribute without a value',
    /a\.1 has no value/,
    () => write(new Tree(), { manifest: { a: ['', noText] } }),
  ],
  ['an attribute without a name', /without a name/, () => write(new Tree(), { manifest: { '': 'x' } })],
  ['half a character in a manifest', /half/, () => write(new Tree(), { manifest: { a: ['\udc00'] } })],
  [
    'a manifest that is too large',
    /more than 33554432/,
    () => write(new Tree(), { manifest: { a: 'x'.repeat(2 ** 25) } }),
  ],
]
for (const [name, message, attempt] of limits) {
  test(`the writer refuses: ${name}`, () => {
    assert.throws(
      attempt,
      (error) => error instanceof UfrError && error.code === 'UFR-IMAGE-LIMIT' && message.test(error.message),
    )
  })
}

test('64 directories in each other are written and read', () => {
  const tree = new Tree().file(`${'d/'.repeat(64)}f`, textContent('deep'))
  assert.deepEqual(listing(read(write(tree)).tree), listing(tree))
})

test('isTfs tells a file system from other bytes', () => {
  assert.ok(isTfs(bytesSource(write(new Tree()))))
  assert.ok(!isTfs(bytesSource(Buffer.alloc(4096))))
  assert.ok(!isTfs(bytesSource(Buffer.from('NVMTFS'))))
})

const name = fc
  .oneof(
    fc.string({ minLength: 1, maxLength: 12 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }),
    fc.constantFrom('children', 'extents', 'linktarget', 'filelength', '0', '__proto__', 'a', 'b'),
  )
  .filter((text) => !/^\.{0,2}$/.test(text) && !/[/\0]/.test(text) && text.isWellFormed())
const entry = fc.record({
  path: fc.array(name, { minLength: 1, maxLength: 5 }),
  size: fc.oneof(fc.nat(20), fc.constantFrom(511, 512, 513, 4095, 4096, 4097), fc.nat(20_000)),
  kind: fc.constantFrom('file', 'file', 'file', 'link', 'directory'),
})
const manifestText = fc.string({ unit: 'grapheme', maxLength: 20 })
const value: fc.Arbitrary<Value> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    manifestText,
    fc.maxSafeInteger(),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .dictionary(manifestText.filter(Boolean), tie('value'), { maxKeys: 5 })
      .map((o) => new Map(Object.entries(o))),
  ),
})).value as fc.Arbitrary<Value>

function treeOf(entries: { path: string[]; size: number; kind: string }[]): Tree {
  const tree = new Tree()
  for (const { path, size, kind } of entries) {
    const at = path.join('/')
    try {
      if (kind === 'file') tree.file(at, bytesContent(Buffer.alloc(size, at)))
      else if (kind === 'link') tree.link(at, '../'.repeat(size % 9) + at)
      else tree.directory(at)
    } catch (error) {
      // A file where a directory already is, or the other way round.
      assert.ok(error instanceof UfrError && error.code === 'UFR-TREE')
    }
  }
  return tree
}

test('any tree and any manifest come back as they were', () => {
  fc.assert(
    fc.property(
      fc.array(entry, { maxLength: 30 }),
      fc.dictionary(
        manifestText.filter((key) => key !== '' && key !== 'children'),
        value,
        { maxKeys: 5 },
      ),
      (entries, attributes) => {
        const tree = treeOf(entries)
        const manifest: Tuple = new Map(Object.entries(attributes))
        const image = read(write(tree, { manifest }))
        assert.deepEqual(listing(image.tree), listing(tree))
        assert.deepEqual(image.root, manifestTuple(manifest))
      },
    ),
    { numRuns: 150 },
  )
})
