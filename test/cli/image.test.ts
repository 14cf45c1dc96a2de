import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import { bytesContent } from '../../src/image/content.ts'
import { planErofs } from '../../src/image/formats/erofs/writer.ts'
import { planTfs } from '../../src/image/formats/tfs/writer.ts'
import { layoutBytes } from '../../src/image/layout.ts'
import { Tree } from '../../src/image/tree.ts'
import { root, scratch, ufr } from './command.ts'
import { homeWithKernel, writeProgram } from './home.ts'
import { document, errorDocument } from './schemas.ts'

const goldens = path.join(root, '../shared/goldens')
const uuid = Buffer.alloc(16, 7)

for (const name of ['small', 'many']) {
  const golden = path.join(goldens, `${name}.tfs.gz`)
  const skip = fs.existsSync(golden) ? false : 'no goldens beside the checkout'

  test(`an image of upstream's own mkfs is listed, inspected, read and extracted: ${name}`, {
    skip,
  }, async (t) => {
    const folder = scratch(t)
    const image = path.join(folder, 'upstream.img')
    fs.writeFileSync(image, zlib.gunzipSync(fs.readFileSync(golden)))
    const wanted: { files: Record<string, { size: number; sha256: string }>; links: Record<string, string> } =
      JSON.parse(fs.readFileSync(path.join(goldens, `${name}.tree.json`), 'utf8'))

    const listed = await ufr(['image', 'ls', image, '--json'])
    assert.deepEqual([listed.status, listed.stderr], [0, ''])
    const { entries } = document('image ls', listed.stdout)
    const sizes = Object.fromEntries(
      entries.flatMap((entry: { kind: string; path: string; bytes: number }) =>
        entry.kind === 'file' ? [[`/${entry.path}`, entry.bytes]] : [],
      ),
    )
    assert.deepEqual(
      sizes,
      Object.fromEntries(Object.entries(wanted.files).map(([file, { size }]) => [file, size])),
    )

    const inspected = document('image inspect', (await ufr(['image', 'inspect', image, '--json'])).stdout)
    assert.equal(inspected.parts.length, 1)
    assert.equal(inspected.parts[0].format, 'tfs')
    assert.equal(inspected.parts[0].entries, entries.length)

    const [file, { sha256 }] = Object.entries(wanted.files).sort(([, a], [, b]) => b.size - a.size)[0]!
    const { output } = await ufr(['image', 'cat', image, file])
    assert.equal(createHash('sha256').update(output).digest('hex'), sha256)

    const out = path.join(folder, 'out')
    const extracted = await ufr(['image', 'extract', image, out, '--json'])
    assert.deepEqual(document('image extract', extracted.stdout), { folder: out, entries: entries.length })
    for (const [inside, { sha256 }] of Object.entries(wanted.files)) {
      const bytes = fs.readFileSync(path.join(out, inside))
      assert.equal(createHash('sha256').update(bytes).digest('hex'), sha256, inside)
    }
    for (const [inside, target] of Object.entries(wanted.links))
      assert.equal(fs.readlinkSync(path.join(out, inside)), target)
  })
}

test('what build made is seen by its digest, by a part of it, and as a disk of its own', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const text = 'a text in the image\n'
  const code = writeProgram(path.join(folder, 'code'), { 'data/text.txt': text })
  const disk = path.join(folder, 'disk.img')
  const built = await ufr(['build', code, '-o', disk, '--json'], { home })
  assert.equal(built.status, 0, built.stderr)
  const report = document('build', built.stdout)
  assert.deepEqual([report.output, report.image.cached], [disk, false])

  const again = await ufr(['build', code], { home })
  assert.deepEqual([again.status, again.stdout], [0, `${report.image.digest}\n`])
  assert.match(again.stderr, /tiny for nanos 0\.1\.54: cached/)

  const { images } = document('image ls', (await ufr(['image', 'ls', '--json'], { home })).stdout)
  assert.deepEqual(
    images.map((image: { digest: string; function: string }) => [image.digest, image.function]),
    [[report.image.digest, 'tiny']],
  )
  const table = await ufr(['image', 'ls'], { home })
  assert.match(table.stdout, new RegExp(`^${report.image.digest.slice(0, 12)}  tiny {6}nanos 0.1.54 `, 'm'))

  for (const [named, below] of [
    [report.image.digest.slice(0, 6), 'root/var/task/'],
    [report.image.digest, 'root/var/task/'],
    [disk, 'var/task/'],
  ]) {
    const listed = await ufr(['image', 'ls', named!], { home })
    assert.deepEqual([listed.status, listed.stderr], [0, ''], named)
    const paths = listed.stdout.split('\n').map((line) => line.slice(14))
    const at = paths.find((line) => line.endsWith('var/task/data/text.txt'))
    assert.ok(at, listed.stdout)
    assert.ok(at.endsWith(`${below}data/text.txt`), at)
    assert.equal((await ufr(['image', 'cat', named!, `/${at}`], { home })).stdout, text)
  }
  const { record, parts } = document(
    'image inspect',
    (await ufr(['image', 'inspect', report.image.digest.slice(0, 12), '--json'], { home })).stdout,
  )
  assert.equal(record.function, 'tiny')
  assert.ok(parts.some((part: { volume: string }) => part.volume === 'root'))

  fs.rmSync(path.join(home, 'volumes'), { recursive: true })
  const gone = await ufr(['image', 'ls', report.image.digest, '--json'], { home })
  assert.equal(gone.status, 2)
  assert.equal(errorDocument(gone.stdout).code, 'UFR-IMAGE-MISSING')
})

test('an empty store has no images; a digest that is none says so', async () => {
  const { status, stdout } = await ufr(['image', 'ls', '--json'])
  assert.deepEqual([status, document('image ls', stdout)], [0, { images: [] }])
  assert.match((await ufr(['image', 'ls'])).stdout, /^IMAGE +FUNCTION/)
  const missing = await ufr(['image', 'inspect', 'abcdef012345'])
  assert.deepEqual([missing.status, missing.stdout], [2, ''])
  assert.match(missing.stderr, /UFR-IMAGE-MISSING: no image in the store begins with abcdef012345/)
})

test('a damaged record of the store is named, with the way to be rid of it', async (t) => {
  const home = scratch(t)
  const file = path.join(home, 'images', `${'a'.repeat(64)}.json`)
  fs.mkdirSync(path.dirname(file))
  for (const text of ['{', 'null', `{"digest":"${'a'.repeat(64)}"}`]) {
    fs.writeFileSync(file, text)
    const { status, stderr } = await ufr(['image', 'ls'], { home })
    assert.equal(status, 3, text)
    assert.match(stderr, /UFR-STORE-RECORD: .*a{64}\.json is broken\n {2}Remove it: rm '/)
  }
})

/** A small image of each format that has one. */
function smallImages(): Record<string, Buffer> {
  const tree = new Tree()
    .file('bin/program', bytesContent(Buffer.alloc(9000, 1)), 0o755)
    .link('lib', 'usr/lib')
  return {
    'image.tfs': layoutBytes(planTfs(tree, { uuid })),
    'image.erofs': layoutBytes(planErofs(tree, { uuid })),
  }
}

test('what is no image, or only the beginning of one, is an error that names the file', async (t) => {
  const folder = scratch(t)
  const put = (name: string, content: string | Uint8Array) =>
    fs.writeFileSync(path.join(folder, name), content)
  put('text.txt', 'only a text\n'.repeat(100))
  put('empty', '')
  for (const [name, bytes] of Object.entries(smallImages())) {
    put(`half.${name}`, bytes.subarray(0, bytes.length / 2))
    put(`start.${name}`, bytes.subarray(0, 1500))
  }
  const files = fs.readdirSync(folder).map((name) => path.join(folder, name))
  for (const file of [...files, '/dev/null', folder]) {
    const { status, stdout, stderr } = await ufr(['image', 'ls', file])
    assert.deepEqual([status, stdout], [2, ''], `${file}: ${stderr}`)
    assert.ok(stderr.startsWith(`UFR-FORMAT: ${file}: `), stderr)
    assert.doesNotMatch(stderr, /UFR-INTERNAL|\n {4}at /)
  }
  for (const words of [['inspect'], ['extract', path.join(folder, 'out')], ['cat', 'bin/program']]) {
    const [word, ...more] = words
    const { status, stderr } = await ufr(['image', word!, path.join(folder, 'half.image.erofs'), ...more])
    assert.equal(status, 2, stderr)
    assert.match(stderr, /UFR-FORMAT/)
  }
  assert.ok(!fs.existsSync(path.join(folder, 'out')), 'nothing half-extracted is left')
  const missing = await ufr(['image', 'ls', path.join(folder, 'nothing')])
  assert.equal(missing.status, 2)
  assert.match(missing.stderr, /UFR-IMAGE-MISSING: .*nothing does not exist/)
})

test('extract takes an empty folder or a new one, and leaves others as they are', async (t) => {
  const folder = scratch(t)
  const image = path.join(folder, 'image')
  fs.writeFileSync(image, smallImages()['image.erofs']!)
  const full = path.join(folder, 'full')
  fs.mkdirSync(full)
  fs.writeFileSync(path.join(full, 'mine'), 'x')
  for (const [target, message] of [
    [full, /UFR-EXISTS: .*full is not empty/],
    [image, /UFR-EXISTS: .*image cannot be a folder: a file is there/],
    [path.join(image, 'below'), /UFR-EXISTS/],
  ] as const) {
    const { status, stderr } = await ufr(['image', 'extract', image, target])
    assert.equal(status, 2, stderr)
    assert.match(stderr, message)
  }
  assert.deepEqual(fs.readdirSync(full), ['mine'])
  for (const target of ['empty', 'new/below']) {
    if (target === 'empty') fs.mkdirSync(path.join(folder, target))
    const { status, stdout, stderr } = await ufr(['image', 'extract', image, path.join(folder, target)])
    assert.deepEqual([status, stdout], [0, ''])
    assert.match(stderr, /^3 entries in /)
    assert.deepEqual(fs.readdirSync(path.join(folder, target)).sort(), ['bin', 'lib'])
  }
})

test('names that a terminal would obey are shown escaped', async (t) => {
  const file = path.join(scratch(t), 'odd')
  const name = 'a\x1b]0;title\x07\x9b2J\nb'
  const tree = new Tree().file(name, bytesContent(Buffer.from('x'))).link('link', `to${name}`)
  fs.writeFileSync(file, layoutBytes(planTfs(tree, { uuid, label: 'l\x1b[2J', manifest: { k: 'v\x9b1m' } })))
  for (const words of [
    ['ls', file],
    ['inspect', file],
    ['cat', file, `${name}!`],
  ]) {
    const { stdout, stderr } = await ufr(['image', ...words])
    assert.doesNotMatch(`${stdout}${stderr}`, /[\x1b\x07\x9b]/)
    assert.match(`${stdout}${stderr}`, /\\x1b\[2J|\\x1b\]0;title\\x07\\x9b2J/)
  }
  const { entries } = document('image ls', (await ufr(['image', 'ls', file, '--json'])).stdout)
  assert.equal(entries[0].path, name)
})

test('cat says what it cannot print', async (t) => {
  const file = path.join(scratch(t), 'image')
  fs.writeFileSync(file, smallImages()['image.erofs']!)
  for (const [inside, message] of [
    ['bin', /bin is a directory\n {2}See: ufr image ls/],
    ['lib', /lib is a link/],
    ['../bin', /\.\.\/bin is not in it/],
    ['', / is not in it/],
  ] as const) {
    const { status, stdout, stderr } = await ufr(['image', 'cat', file, inside])
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, message)
  }
})
