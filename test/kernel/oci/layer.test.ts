import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import zlib from 'node:zlib'
import { contentBytes } from '../../../src/image/content.ts'
import { withLayer } from '../../../src/kernel/oci/layer.ts'
import { tinyTar } from '../../image/formats/tiny-tar.ts'
import { filesBelow, useHome } from '../home.ts'

const home = useHome()

function read(bytes: Buffer, maxBytes?: number): Promise<string> {
  const file = home.beside('layer')
  fs.writeFileSync(file, bytes)
  const text = ({ tree }: { tree: import('../../../src/image/tree.ts').Tree }) => {
    const entry = tree.get('a')
    return entry?.kind === 'file' ? contentBytes(entry.content).toString() : 'nothing'
  }
  return withLayer(file, home.beside('scratch'), text, maxBytes)
}

test('plain and packed layers are read, and nothing is left', async () => {
  const tar = tinyTar([{ name: './a', data: 'content' }])
  assert.equal(await read(tar), 'content')
  assert.equal(await read(zlib.gzipSync(tar)), 'content')
  assert.deepEqual(filesBelow(path.dirname(home.beside('x'))), ['layer'])
})

test('what is damaged, too large or packed otherwise is refused, and nothing is left', async () => {
  const tar = tinyTar([{ name: 'a', data: Buffer.alloc(100_000) }])
  const packed = zlib.gzipSync(tar)
  const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })
  await assert.rejects(read(packed.subarray(0, 60)), refused(/unpacked/))
  await assert.rejects(
    read(Buffer.concat([packed.subarray(0, 40), Buffer.alloc(50, 7)])),
    refused(/unpacked/),
  )
  await assert.rejects(read(packed, 50_000), refused(/more than 50000 bytes/))
  await assert.rejects(read(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0])), refused(/zstd/))
  await assert.rejects(read(Buffer.from('{}')), refused(/not a tar archive/))
  await assert.rejects(read(Buffer.alloc(0)), refused(/not a tar archive/))
  assert.deepEqual(filesBelow(path.dirname(home.beside('x'))), ['layer'])
})
