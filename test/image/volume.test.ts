import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bytesContent, fileContent, textContent } from '../../src/image/content.ts'
import { digestOf, digestUuid, freezeTree } from '../../src/image/digest.ts'
import { type ImageRecord, listImages, noteImage } from '../../src/image/store/record.ts'
import { outdatedImages, removeImages } from '../../src/image/store/remove.ts'
import { ensureVolume } from '../../src/image/store/volume.ts'
import { Tree } from '../../src/image/tree.ts'

function inHome(t: TestContext): string {
  const before = process.env['UFR_HOME']
  const home = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  process.env['UFR_HOME'] = home
  t.after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
    fs.rmSync(home, { recursive: true, force: true })
  })
  return home
}

test('a volume is written once; one that a crash cut short is written anew', async (t) => {
  inHome(t)
  let planned = 0
  const plan = {
    key: 'a'.repeat(64),
    title: 'test',
    layout() {
      planned++
      return { size: 100, pieces: [{ offset: 10, content: bytesContent(Buffer.alloc(20, 1)) }] }
    },
  }
  const first = await ensureVolume(plan)
  assert.deepEqual([first.cached, first.bytes, fs.statSync(first.file).size], [false, 20, 100])
  assert.equal((await ensureVolume(plan)).cached, true)
  fs.truncateSync(first.file, 50)
  assert.equal((await ensureVolume(plan)).cached, false)
  assert.equal(fs.statSync(first.file).size, 100)
  fs.rmSync(first.file.replace(/img$/, 'json'))
  assert.equal((await ensureVolume(plan)).cached, false)
  assert.equal(planned, 3)
})

test('a volume of an earlier boot of the host is written anew: nothing waited until the disk had it', async (t) => {
  inHome(t)
  const content = bytesContent(Buffer.alloc(20, 1))
  const plan = {
    key: 'b'.repeat(64),
    title: 'test',
    layout: () => ({ size: 20, pieces: [{ offset: 0, content }] }),
  }
  const { file } = await ensureVolume(plan)
  const note = file.replace(/img$/, 'json')
  const noted = JSON.parse(fs.readFileSync(note, 'utf8'))
  fs.writeFileSync(note, JSON.stringify({ ...noted, boot: 'another' }))
  fs.writeFileSync(file, Buffer.alloc(20))
  assert.equal((await ensureVolume(plan)).cached, false)
  assert.deepEqual(fs.readFileSync(file), Buffer.alloc(20, 1))
  assert.equal((await ensureVolume(plan)).cached, true)
  fs.writeFileSync(note, fs.readFileSync(note, 'utf8').slice(0, 20))
  assert.equal((await ensureVolume(plan)).cached, false)
})

test('a record that a crash of the host left empty is none', (t) => {
  const home = inHome(t)
  const record: ImageRecord = {
    schemaVersion: 1,
    digest: 'c'.repeat(64),
    function: 'f',
    unikernel: 'linux',
    kernel: { version: '1', digest: 'k' },
    volumes: [],
    builtAt: '2026-01-01T00:00:00.000Z',
  }
  noteImage(record)
  assert.deepEqual(listImages(), [record])
  fs.truncateSync(path.join(home, 'images', `${record.digest}.json`))
  assert.deepEqual(listImages(), [])
  noteImage(record)
  assert.deepEqual(listImages(), [record])
})

test('the digest of a tree covers paths, kinds, modes, targets and contents', () => {
  const make = (change: (tree: Tree) => void = () => {}) => {
    const tree = new Tree().file('a/b', textContent('x')).link('l', 'a').directory('d')
    change(tree)
    return freezeTree(tree).digest
  }
  const digests = [
    make(),
    make((tree) => tree.file('a/b', textContent('y'))),
    make((tree) => tree.file('a/b', textContent('x'), 0o755)),
    make((tree) => tree.file('a/c', textContent(''))),
    make((tree) => tree.link('l', 'b')),
    make((tree) => tree.directory('d', 0o700)),
    make((tree) => tree.directory('e')),
    make((tree) => tree.link('d', 'a')),
  ]
  assert.equal(new Set(digests).size, digests.length)
  assert.equal(make(), make())
})

test('a frozen tree keeps small files as they were, however the file changes', (t) => {
  const file = path.join(inHome(t), 'file')
  fs.writeFileSync(file, 'before')
  const { tree } = freezeTree(new Tree().file('f', fileContent(file, 6)))
  fs.writeFileSync(file, 'AFTER!')
  const entry = tree.get('f')
  assert.ok(entry?.kind === 'file')
  assert.equal(Buffer.concat([...entry.content.chunks()]).toString(), 'before')
})

test('a file that changes its size while it is read is an error', (t) => {
  const file = path.join(inHome(t), 'file')
  fs.writeFileSync(file, 'x'.repeat(300_000))
  const content = fileContent(file, 300_000)
  fs.writeFileSync(file, 'shorter')
  assert.throws(() => [...content.chunks()], { code: 'UFR-FILE-CHANGED' })
  fs.writeFileSync(file, 'x'.repeat(300_001))
  assert.throws(() => [...content.chunks()], { code: 'UFR-FILE-CHANGED' })
})

test('different lists of strings have different digests, also where they join to the same text', () => {
  assert.notEqual(digestOf('ab', 'c'), digestOf('a', 'bc'))
  assert.notEqual(digestOf('a'), digestOf('a', ''))
  const uuid = digestUuid(digestOf('x'))
  assert.deepEqual([uuid.length, uuid[6]! >> 4, uuid[8]! >> 6], [16, 8, 2])
})

test('an image that is removed takes only the volumes with it that no other image needs', async (t) => {
  inHome(t)
  const volume = (letter: string) => {
    const content = bytesContent(Buffer.alloc(8192, 1))
    return ensureVolume({
      key: letter.repeat(64),
      title: letter,
      layout: () => ({ size: 8192, pieces: [{ offset: 0, content }] }),
    })
  }
  const note = (letter: string, name: string, builtAt: string, keys: string[]) =>
    noteImage({
      schemaVersion: 1,
      digest: letter.repeat(64),
      function: name,
      unikernel: 'linux',
      kernel: { version: '1', digest: 'd' },
      volumes: keys.map((key) => ({ role: key, key: key.repeat(64), title: key, bytes: 8192 })),
      builtAt,
    })
  const files = (await Promise.all(['a', 'b', 'c'].map(volume))).map(({ file }) => file)
  note('1', 'f', '2026-01-01T00:00:00Z', ['a', 'b'])
  note('2', 'f', '2026-01-02T00:00:00Z', ['a', 'c'])
  note('3', 'g', '2026-01-01T00:00:00Z', ['a'])
  const outdated = outdatedImages()
  assert.deepEqual(
    outdated.map(({ digest }) => digest[0]),
    ['1'],
  )
  assert.ok(removeImages(outdated) >= 8192)
  assert.deepEqual(
    files.map((file) => fs.existsSync(file)),
    [true, false, true],
  )
  assert.equal(listImages().length, 2)
})
