import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { noProgress } from '../../../src/base/progress.ts'
import { parseImageConfig } from '../../../src/image/container/config.ts'
import { parseDockerManifest } from '../../../src/image/container/docker-archive.ts'
import { archiveFiles, folderFiles, isTar } from '../../../src/image/container/files.ts'
import { flattenLayers } from '../../../src/image/container/flatten.ts'
import { type ContainerImage, imageIn } from '../../../src/image/container/image.ts'
import { layerFile, layerSource } from '../../../src/image/container/layer.ts'
import { sweepContainers } from '../../../src/image/container/sweep.ts'
import { contentBytes } from '../../../src/image/content.ts'
import { type TarEntry, tinyTar } from '../formats/tiny-tar.ts'
import {
  blobOf,
  descriptorOf,
  dockerOf,
  hasZstd,
  imageParts,
  layoutOf,
  newDockerOf,
  type Packing,
  packed,
  sha256,
  type TinyImage,
  types,
  writeArchive,
  writeFolder,
} from './fixtures.ts'

const layers: TarEntry[][] = [
  [
    { name: 'a', data: 'one' },
    { name: 'b', data: 'two' },
  ],
  [{ name: '.wh.a' }, { name: 'c', data: 'three' }],
]

/** A folder of the test's own, with UFR_HOME in it. */
function scratch(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-container-'))
  const before = process.env['UFR_HOME']
  process.env['UFR_HOME'] = path.join(folder, 'home')
  t.after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
    fs.rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

async function contentsOf(image: ContainerImage): Promise<Record<string, string>> {
  const sources = []
  for (const layer of image.layers) sources.push(await layerSource(layer, noProgress()))
  const files = flattenLayers(sources)
    .tree.sorted()
    .flatMap(([name, entry]) =>
      entry.kind === 'file' ? [[name, contentBytes(entry.content).toString()] as const] : [],
    )
  return Object.fromEntries(files)
}

const refused = (code: string, message: RegExp) => ({ name: 'UfrError', code, message })

const forms: Record<string, (folder: string, image: TinyImage) => ReturnType<typeof archiveFiles>> = {
  'a layout folder': (folder, image) =>
    folderFiles(writeFolder(path.join(folder, 'layout'), layoutOf(image))),
  'a layout archive': (folder, image) =>
    archiveFiles(writeArchive(path.join(folder, 'l.tar'), layoutOf(image))),
  'docker save before 25': (folder, image) =>
    archiveFiles(writeArchive(path.join(folder, 'd.tar'), dockerOf(image))),
  'docker save since 25': (folder, image) =>
    archiveFiles(writeArchive(path.join(folder, 'n.tar'), newDockerOf(image))),
}

for (const [name, make] of Object.entries(forms)) {
  for (const packing of ['none', 'gzip', 'zstd'] as Packing[]) {
    const skip = packing === 'zstd' && !hasZstd ? 'this Node.js has no zstd' : false
    test(`${name} with layers packed by ${packing} is read`, { skip }, async (t) => {
      const config = { Entrypoint: ['/c'], Env: ['A=b=c', 'EMPTY='], ExposedPorts: { '80/tcp': {} } }
      const image = await imageIn(make(scratch(t), { name: 'team/hello:1', layers, packing, config }))
      assert.deepEqual(await contentsOf(image), { b: 'two', c: 'three' })
      // Again, from what is kept.
      assert.deepEqual(await contentsOf(image), { b: 'two', c: 'three' })
      assert.equal(fs.existsSync(layerFile(image.layers[0]!.diffId)), packing !== 'none')
      const { entrypoint, environment, exposedPorts } = image.config
      assert.deepEqual(
        [image.title, entrypoint, environment, exposedPorts],
        ['team/hello:1', ['/c'], { A: 'b=c', EMPTY: '' }, ['80/tcp']],
      )
    })
  }
}

test('layers that several images share are links in older archives', async (t) => {
  const folder = scratch(t)
  const files = dockerOf({ layers: [layers[0]!, layers[0]!] })
  const entries = files.map(
    ([name, data]): TarEntry =>
      name === '0-1/layer.tar' ? { name, type: '2', target: '../0-0/layer.tar' } : { name, data },
  )
  fs.writeFileSync(path.join(folder, 'x.tar'), tinyTar(entries))
  const image = await imageIn(archiveFiles(path.join(folder, 'x.tar')))
  assert.deepEqual(await contentsOf(image), { a: 'one', b: 'two' })
})

test('the image for linux/amd64 is taken out of an index, also one in an index', async (t) => {
  const folder = scratch(t)
  const arm = blobOf('arm')
  const note = blobOf('how it was built')
  const files = layoutOf({ layers }, (manifest) => {
    const inner = blobOf({
      schemaVersion: 2,
      mediaType: types.index,
      manifests: [
        descriptorOf(arm, types.manifest, { platform: { os: 'linux', architecture: 'arm64' } }),
        { ...manifest, platform: { os: 'linux', architecture: 'amd64' } },
        descriptorOf(note, types.manifest, {
          platform: { os: 'unknown', architecture: 'unknown' },
          annotations: { 'vnd.docker.reference.type': 'attestation-manifest' },
        }),
      ],
    })
    innerFile = [`blobs/${inner.digest.replace(':', '/')}`, inner.bytes]
    return {
      schemaVersion: 2,
      manifests: [descriptorOf(inner, types.index, { annotations: { 'io.containerd.image.name': 'x/y:1' } })],
    }
  })
  const image = await imageIn(folderFiles(writeFolder(folder, [...files, innerFile!])))
  assert.deepEqual([image.title, await contentsOf(image)], ['x/y:1', { b: 'two', c: 'three' }])
})
let innerFile: [string, Buffer] | undefined

test('images for other platforms are refused by their names', async (t) => {
  const folder = scratch(t)
  const arm = { layers, platform: { architecture: 'arm64' } }
  const message = /is an image for linux\/arm64/
  await assert.rejects(
    imageIn(archiveFiles(writeArchive(path.join(folder, 'a.tar'), dockerOf(arm)))),
    refused('UFR-CONTAINER', message),
  )
  await assert.rejects(
    imageIn(folderFiles(writeFolder(path.join(folder, 'b'), layoutOf(arm)))),
    refused('UFR-CONTAINER', message),
  )
  const index = layoutOf({ layers }, (manifest) => ({
    schemaVersion: 2,
    manifests: [
      { ...manifest, platform: { os: 'linux', architecture: 'arm64' } },
      { ...manifest, platform: { os: 'windows', architecture: 'amd64' } },
    ],
  }))
  await assert.rejects(
    imageIn(folderFiles(writeFolder(path.join(folder, 'c'), index))),
    refused('UFR-CONTAINER', /nothing for linux\/amd64: there is linux\/arm64, windows\/amd64/),
  )
})

test('several images in one file are refused by their names', async (t) => {
  const folder = scratch(t)
  const two = dockerOf({ name: 'a:1', layers }, { name: 'b:2', layers: [layers[0]!] })
  const fails = refused('UFR-CONTAINER', /2 images in it: a:1, b:2/)
  await assert.rejects(imageIn(archiveFiles(writeArchive(path.join(folder, 'a.tar'), two))), fails)
  const other = imageParts({ layers: [layers[0]!] })
  const layout = layoutOf({ name: 'a:1', layers }, (manifest) => ({
    schemaVersion: 2,
    manifests: [
      manifest,
      descriptorOf(other.manifest, types.manifest, {
        annotations: { 'org.opencontainers.image.ref.name': 'b:2' },
      }),
    ],
  }))
  await assert.rejects(imageIn(folderFiles(writeFolder(path.join(folder, 'l'), layout))), fails)
  await assert.rejects(
    imageIn(archiveFiles(writeArchive(path.join(folder, 'e.tar'), [['etc/passwd', Buffer.from('x')]]))),
    refused('UFR-CONTAINER', /no container image in it/),
  )
})

test('what is not what its digest says is refused with both sums, and nothing is kept', async (t) => {
  const folder = scratch(t)
  const wrong = sha256('something else')
  for (const packing of ['none', 'gzip'] as Packing[]) {
    const files = dockerOf({ layers, packing, diffIds: ([first]) => [first!, `sha256:${wrong}`] })
    const image = await imageIn(archiveFiles(writeArchive(path.join(folder, `${packing}.tar`), files)))
    await assert.rejects(contentsOf(image), (error: unknown) => {
      assert.ok(error instanceof UfrError)
      assert.equal(error.code, 'UFR-CHECKSUM')
      assert.match(error.message, /layer 2 of/)
      assert.match(
        error.detail.join('\n'),
        new RegExp(`expected sha256:${wrong}\nactual {3}sha256:${sha256(tinyTar(layers[1]!))}`),
      )
      return true
    })
    assert.equal(fs.existsSync(layerFile(wrong)), false)
  }
  const kept = path.join(process.env['UFR_HOME']!, 'containers', 'layers')
  assert.deepEqual(fs.readdirSync(kept), [`${sha256(tinyTar(layers[0]!))}.tar`])
  // Blobs of a layout: packed layer, configuration and manifest each have a sum of their own.
  const parts = imageParts({ layers, packing: 'gzip' })
  for (const blob of [parts.layers[0]!, parts.config, parts.manifest]) {
    const name = `blobs/${blob.digest.replace(':', '/')}`
    const changed = layoutOf({ layers, packing: 'gzip' }).map(([file, bytes]): [string, Buffer] =>
      file === name ? [file, Buffer.concat([bytes.subarray(0, -1), Buffer.from('~')])] : [file, bytes],
    )
    fs.rmSync(kept, { recursive: true })
    const read = async () =>
      contentsOf(await imageIn(folderFiles(writeFolder(path.join(folder, sha256(name)), changed))))
    await assert.rejects(
      read(),
      (error: unknown) => error instanceof UfrError && /CHECKSUM|FORMAT/.test(error.code),
    )
    fs.mkdirSync(kept, { recursive: true })
  }
})

test('a blob of another size, and one that is missing, are told of', async (t) => {
  const folder = scratch(t)
  const files = layoutOf({ layers })
  const [name, bytes] = files.find(([file, data]) => file.startsWith('blobs/') && data.length > 1500)!
  const shorter = files.map(([file, data]): [string, Buffer] => [
    file,
    file === name ? bytes.subarray(512) : data,
  ])
  const image = await imageIn(folderFiles(writeFolder(path.join(folder, 'a'), shorter)))
  await assert.rejects(contentsOf(image), refused('UFR-CHECKSUM', /has \d+ bytes, not \d+/))
  const without = await imageIn(
    folderFiles(
      writeFolder(
        path.join(folder, 'b'),
        files.filter(([file]) => file !== name),
      ),
    ),
  )
  await assert.rejects(contentsOf(without), refused('UFR-FORMAT', /not whole: there is no blobs/))
})

test('a decompression bomb is refused, and nothing is kept of it', async (t) => {
  const folder = scratch(t)
  const zeros = Buffer.alloc(8 << 20)
  const files = dockerOf({ layers: [[{ name: 'zeros', data: zeros }]], packing: 'gzip' })
  const [layer] = (await imageIn(archiveFiles(writeArchive(path.join(folder, 'a.tar'), files)))).layers
  const bomb = refused('UFR-FORMAT', /unpacks to more than any real layer/)
  await assert.rejects(layerSource(layer!, noProgress(), { bytes: 1 << 30, free: 1 << 20, ratio: 100 }), bomb)
  await assert.rejects(layerSource(layer!, noProgress(), { bytes: 1 << 20, free: 1 << 30, ratio: 100 }), bomb)
  assert.deepEqual(fs.readdirSync(path.dirname(layerFile(layer!.diffId))), [])
  await layerSource(layer!, noProgress())
})

test('a truncated layer or archive is refused', async (t) => {
  const folder = scratch(t)
  const files = dockerOf({
    layers: [[{ name: 'r', data: Buffer.from(sha256('x').repeat(500)) }]],
    packing: 'gzip',
  })
  const cut = files.map(([name, data]): [string, Buffer] => [
    name,
    name.endsWith('layer.tar') ? data.subarray(0, -40) : data,
  ])
  const image = await imageIn(archiveFiles(writeArchive(path.join(folder, 'a.tar'), cut)))
  await assert.rejects(contentsOf(image), refused('UFR-FORMAT', /cannot be unpacked/))
  const whole = tinyTar(files.map(([name, data]) => ({ name, data })))
  fs.writeFileSync(path.join(folder, 'b.tar'), whole.subarray(0, whole.length - 1024 - 400))
  assert.throws(
    () => archiveFiles(path.join(folder, 'b.tar')),
    refused('UFR-FORMAT', /truncated|ends within/),
  )
})

test('a layer of several frames of zstd is one, as tools write it that pack in parallel', {
  skip: hasZstd ? false : 'this Node.js has no zstd',
}, async (t) => {
  const plain = tinyTar(layers[0]!)
  // A frame that readers skip comes first (RFC 8878, 3.1.2).
  const skippable = Buffer.from('502a4d180400000061626364', 'hex')
  const bytes = Buffer.concat([
    skippable,
    packed(plain.subarray(0, 700), 'zstd'),
    packed(plain.subarray(700), 'zstd'),
  ])
  const files = dockerOf({ layers: [layers[0]!] }).map(([name, data]): [string, Buffer] => [
    name,
    name.endsWith('layer.tar') ? bytes : data,
  ])
  const image = await imageIn(archiveFiles(writeArchive(path.join(scratch(t), 'a.tar'), files)))
  assert.deepEqual(await contentsOf(image), { a: 'one', b: 'two' })
})

test('layers packed in other ways are refused by their names', async (t) => {
  const folder = scratch(t)
  const files = dockerOf({ layers: [layers[0]!] }).map(([name, data]): [string, Buffer] =>
    name.endsWith('layer.tar') ? [name, Buffer.from('fd377a585a0000', 'hex')] : [name, data],
  )
  const image = await imageIn(archiveFiles(writeArchive(path.join(folder, 'a.tar'), files)))
  await assert.rejects(contentsOf(image), refused('UFR-CONTAINER', /packed with xz/))
})

test('a kept layer that was damaged is made again', async (t) => {
  const folder = scratch(t)
  const files = archiveFiles(writeArchive(path.join(folder, 'a.tar'), dockerOf({ layers, packing: 'gzip' })))
  const image = await imageIn(files)
  await contentsOf(image)
  fs.writeFileSync(layerFile(image.layers[1]!.diffId), tinyTar([{ name: 'evil', data: 'x' }]))
  assert.deepEqual(await contentsOf(image), { b: 'two', c: 'three' })
})

test('what is kept goes when it is old, or all of it', async (t) => {
  const folder = scratch(t)
  const image = await imageIn(
    archiveFiles(writeArchive(path.join(folder, 'a.tar'), dockerOf({ layers, packing: 'gzip' }))),
  )
  await contentsOf(image)
  const [first, second] = image.layers.map(({ diffId }) => layerFile(diffId)) as [string, string]
  const old = new Date(Date.now() - 40 * 24 * 3600_000)
  fs.utimesSync(first, old, old)
  assert.ok(sweepContainers(false) > 0)
  assert.deepEqual([fs.existsSync(first), fs.existsSync(second)], [false, true])
  sweepContainers(true)
  assert.equal(fs.existsSync(second), false)
  assert.deepEqual(await contentsOf(image), { b: 'two', c: 'three' })
})

test('a file that changes while it is read is noticed', async (t) => {
  const folder = scratch(t)
  const file = writeArchive(path.join(folder, 'a.tar'), dockerOf({ layers }))
  const image = await imageIn(archiveFiles(file))
  const source = await layerSource(image.layers[0]!, noProgress())
  fs.appendFileSync(file, 'more')
  assert.throws(() => source.read(0, 512), refused('UFR-FILE-CHANGED', /changed/))
})

test('only archives of tar are taken for such', (t) => {
  const folder = scratch(t)
  const is = (bytes: Buffer | string) => {
    fs.writeFileSync(path.join(folder, 'x'), bytes)
    return isTar(path.join(folder, 'x'))
  }
  assert.deepEqual(
    [
      is(tinyTar([{ name: 'a' }])),
      is(''),
      is(Buffer.alloc(2048)),
      is('x'.repeat(4096)),
      is(Buffer.from('7f454c46'.repeat(300), 'hex')),
    ],
    [true, false, false, false, false],
  )
})

test('any configuration and manifest is read or refused', () => {
  const config = imageParts({ layers, config: { Env: ['A=b'], Cmd: ['x'], ExposedPorts: { '1/tcp': {} } } })
    .config.bytes
  const manifest = dockerOf({ name: 'a', layers }).at(-1)![1]
  const endsWell = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
    }
  }
  for (const text of [
    '',
    '[]',
    'null',
    '1',
    '{"config":[]}',
    '{"config":{"Env":{}}}',
    '{"rootfs":{"diff_ids":["x"]}}',
    '[null]',
    '[{"Config":1}]',
  ]) {
    endsWell(() => parseImageConfig(Buffer.from(text), 'it'))
    endsWell(() => parseDockerManifest(Buffer.from(text), 'it'))
  }
  assert.throws(
    () => parseImageConfig(Buffer.from('{"config":{"Env":[1]}}'), 'it'),
    refused('UFR-FORMAT', /Env/),
  )
  assert.throws(
    () => parseImageConfig(Buffer.from('{"rootfs":{"diff_ids":["md5:1"]}}'), 'it'),
    refused('UFR-FORMAT', /md5/),
  )
  const odd = parseImageConfig(
    Buffer.from('{"config":{"Env":["__proto__=x","=y","Z"],"Entrypoint":null}}'),
    'it',
  )
  assert.deepEqual([Object.keys(odd.environment), odd.entrypoint], [['__proto__'], []])
  fc.assert(
    fc.property(fc.constantFrom(config, manifest), fc.json(), fc.nat(), (bytes, json, at) => {
      const spoilt = Buffer.concat([
        bytes.subarray(0, at % bytes.length),
        Buffer.from(json),
        bytes.subarray(at % bytes.length),
      ])
      for (const each of [spoilt, Buffer.from(json)]) {
        endsWell(() => parseImageConfig(each, 'it'))
        endsWell(() => parseDockerManifest(each, 'it'))
      }
    }),
    { numRuns: 500 },
  )
})
