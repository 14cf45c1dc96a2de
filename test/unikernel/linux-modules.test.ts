import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { findCommand } from '../../src/base/process.ts'
import { moduleClosure, moduleInfo } from '../../src/unikernel/linux/modules.ts'
import { elfFixture, moduleFixture } from '../kernel/elf-fixture.ts'
import { useHome } from '../kernel/home.ts'
import { moduleFiles, release } from './linux-parts.ts'
import { writeFiles } from './nanos-folders.ts'

const home = useHome()
const folder = () => home.beside('modules')

async function names(wanted: string[]): Promise<string[]> {
  return (await moduleClosure(folder(), release, wanted)).modules.map((each) => each.name)
}

test('modules come with what they depend on, each after that, none twice', async () => {
  writeFiles(folder(), moduleFiles())
  assert.deepEqual(await names(['virtio_net', 'virtio', 'erofs']), [
    'failover',
    'net_failover',
    'virtio_ring',
    'virtio',
    'virtio_net',
    'libcrc32c',
    'erofs',
  ])
  const all = (await moduleClosure(folder(), release)).modules.map((each) => each.name)
  assert.ok(all.includes('virtio_rng'))
  assert.equal(new Set(all).size, all.length)
})

test('built-in modules are neither loaded nor missing; missing ones say who wants them', async () => {
  const files = moduleFiles(['virtio_ring', 'libcrc32c', 'virtio_blk'])
  writeFiles(folder(), {
    ...files,
    'modules.builtin': 'kernel/drivers/virtio/virtio_ring.ko\nkernel/lib/other.ko\n',
  })
  const closure = await moduleClosure(folder(), release, ['virtio_blk', 'virtio', 'erofs'])
  assert.deepEqual(
    closure.modules.map((each) => each.name),
    ['virtio', 'erofs'],
  )
  assert.deepEqual(closure.missing, [
    { name: 'virtio_blk', wantedBy: undefined },
    { name: 'libcrc32c', wantedBy: 'erofs' },
  ])
})

test("updates replace the kernel's own; packed modules are unpacked", async (t) => {
  const module = moduleFixture('a', [])
  writeFiles(folder(), {
    'kernel/a.ko': elfFixture(),
    'updates/dkms/a.ko.zst': zstdCompressSync(module),
    'kernel/b.ko.gz': gzipSync(moduleFixture('b', ['a'])),
  })
  const closure = await moduleClosure(folder(), release, ['b'])
  assert.deepEqual(
    closure.modules.map((each) => each.name),
    ['a', 'b'],
  )
  assert.deepEqual(Buffer.from(closure.modules[0]?.bytes ?? []), module)
  if (findCommand('xz') === undefined) return t.skip('xz is not installed')
  writeFiles(folder(), { 'kernel/c.ko': moduleFixture('c', ['b']) })
  execFileSync('xz', [path.join(folder(), 'kernel/c.ko')])
  assert.deepEqual(await names(['c']), ['a', 'b', 'c'])
})

test('modules that depend on each other end', async () => {
  writeFiles(folder(), { 'kernel/a.ko': moduleFixture('a', ['b']), 'kernel/b.ko': moduleFixture('b', ['a']) })
  assert.deepEqual((await names(['a'])).sort(), ['a', 'b'])
})

test('a damaged module is named', async () => {
  for (const [name, bytes] of Object.entries({
    'a.ko': moduleFixture('a', []).subarray(0, 200),
    'a.ko.gz': gzipSync(moduleFixture('a', [])).subarray(0, 40),
    'a.ko.zst': Buffer.from('no zstd'),
  })) {
    fs.rmSync(folder(), { recursive: true, force: true })
    writeFiles(folder(), { [`kernel/${name}`]: bytes })
    await assert.rejects(moduleClosure(folder(), release, ['a']), (error) => {
      assert.ok(error instanceof UfrError)
      assert.equal(error.code, 'UFR-KERNEL-FILE')
      assert.ok(error.message.includes(name))
      return true
    })
  }
})

test('a module that was built for another kernel is named', async () => {
  writeFiles(folder(), { 'kernel/a.ko': moduleFixture('a', [], '5.10.0-1-other') })
  await assert.rejects(
    moduleClosure(folder(), release, ['a']),
    /a.ko was built for Linux 5.10.0-1-other, not 6.1.0-9/,
  )
})

test('links out of the folder are not followed', async () => {
  writeFiles(home.beside('elsewhere'), { 'a.ko': moduleFixture('a', []) })
  fs.mkdirSync(path.join(folder(), 'kernel'), { recursive: true })
  fs.symlinkSync(home.beside('elsewhere'), path.join(folder(), 'kernel/linked'))
  fs.symlinkSync(home.beside('elsewhere/a.ko'), path.join(folder(), 'kernel/a.ko'))
  assert.deepEqual((await moduleClosure(folder(), release, ['a'])).missing.length, 1)
})

test('any bytes are a module or an error', () => {
  const file = moduleFixture('a', ['b', 'c-d'])
  assert.deepEqual(moduleInfo(file).depends, ['b', 'c_d'])
  assert.deepEqual(moduleInfo(moduleFixture('a', [])).depends, [])
  const change = fc.tuple(fc.nat(file.length - 1), fc.nat(255))
  fc.assert(
    fc.property(fc.array(change, { maxLength: 10 }), fc.nat(file.length), (changes, size) => {
      const bytes = Buffer.from(file.subarray(0, size))
      for (const [at, value] of changes) if (at < size) bytes[at] = value
      try {
        moduleInfo(bytes)
      } catch (error) {
        assert.ok(error instanceof UfrError)
      }
    }),
    { numRuns: 2000 },
  )
})
