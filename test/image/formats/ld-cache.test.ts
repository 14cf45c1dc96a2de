import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { test } from 'node:test'
import { readLdCache } from '../../../src/image/formats/ld-cache.ts'
import { tinyLdCache } from './tiny-ld-cache.ts'

const entries = [
  { soname: 'liba.so.1', path: '/opt/a/liba.so.1' },
  { soname: 'liba.so.1', path: '/usr/lib/liba.so.1' },
  { soname: 'libb.so', path: '/lib/libb.so' },
]
const wanted = new Map([
  ['liba.so.1', ['/opt/a/liba.so.1', '/usr/lib/liba.so.1']],
  ['libb.so', ['/lib/libb.so']],
])
const format = (message: RegExp) => ({ code: 'UFR-FORMAT', message })

test('gives the paths of each soname in order', () => {
  assert.deepEqual(readLdCache(tinyLdCache(entries)), wanted)
  assert.deepEqual(readLdCache(tinyLdCache([])), new Map())
})

test('finds the new format behind the old one, wherever that ends', () => {
  for (const oldEntries of [0, 1, 2, 3, 7]) {
    assert.deepEqual(readLdCache(tinyLdCache(entries, oldEntries)), wanted)
  }
})

test('leaves out libraries of other architectures and for certain processors only', () => {
  const others = [
    { soname: 'libb.so', path: '/lib32/libb.so', flags: 0x0003 },
    { soname: 'libb.so', path: '/libx32/libb.so', flags: 0x0803 },
    { soname: 'libb.so', path: '/lib/glibc-hwcaps/x86-64-v3/libb.so', hwcap: (1n << 62n) | 1n },
  ]
  assert.deepEqual(readLdCache(tinyLdCache([...others, ...entries])), wanted)
})

test('refuses what is truncated, corrupt or something else', () => {
  const bytes = tinyLdCache(entries)
  for (let size = 0; size < bytes.length; size++) {
    assert.throws(() => readLdCache(bytes.subarray(0, size)), { code: 'UFR-FORMAT' }, `${size} bytes`)
  }
  assert.throws(() => readLdCache(Buffer.from('hello')), format(/not an ld.so.cache/))
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(bytes)
    copy.writeUInt32LE(value, at)
    return () => readLdCache(copy)
  }
  assert.throws(changed(20, 0xffffffff), format(/4294967295 entries/))
  assert.throws(changed(20, 50_000), format(/file ends before/))
  assert.throws(changed(48 + 4, 0xffffffff), format(/outside the file/))
  assert.throws(() => readLdCache(tinyLdCache([{ soname: 'x'.repeat(5000), path: '/x' }])), format(/no end/))
})

test('bounds what many entries that share one long name take', () => {
  const bytes = tinyLdCache(Array.from({ length: 20_000 }, () => ({ soname: 'x', path: '/x' })))
  const long = Buffer.concat([bytes, Buffer.from(`${'y'.repeat(4000)}\0`)])
  for (let i = 0; i < 20_000; i++) long.writeUInt32LE(bytes.length, 48 + i * 24 + 8)
  assert.throws(() => readLdCache(long), format(/more than 32 MiB/))
})

test('agrees with ldconfig about the cache of this host', (t) => {
  const ldconfig = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((file) => fs.existsSync(file))
  if (!ldconfig || !fs.existsSync('/etc/ld.so.cache'))
    return t.skip('no ldconfig and ld.so.cache on this host')
  const { stdout } = spawnSync(ldconfig, ['-p'], { encoding: 'utf8', env: { LC_ALL: 'C' } })
  const listed = new Map<string, string[]>()
  for (const [, soname, kind, file] of stdout.matchAll(/^\t(\S+) \((.*)\) => (.*)$/gm)) {
    if (!/^libc6,x86-64(?!.*hwcap)/.test(kind!)) continue
    listed.set(soname!, [...(listed.get(soname!) ?? []), file!])
  }
  assert.deepEqual(readLdCache(fs.readFileSync('/etc/ld.so.cache')), listed)
})
