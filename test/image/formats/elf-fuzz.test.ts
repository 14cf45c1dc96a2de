import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { readLdCache } from '../../../src/image/formats/ld-cache.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { tinyElf } from './tiny-elf.ts'
import { tinyLdCache } from './tiny-ld-cache.ts'

const valid = [
  tinyElf({ interpreter: '/lib64/ld.so', needed: ['a', 'bb'], soname: 's', rpath: '/r', runpath: '/u' }),
  tinyElf({ class: 32, interpreter: '/lib/ld.so', needed: ['a'] }),
  tinyElf({ bigEndian: true, needed: ['a', 'b'], flags1: 1 }),
]
const caches = [
  tinyLdCache([
    { soname: 'liba.so', path: '/lib/liba.so' },
    { soname: 'libb.so', path: '/opt/libb.so' },
  ]),
  tinyLdCache([{ soname: 'liba.so', path: '/lib/liba.so' }], 3),
]

/** Runs a reader: a result or a named error are right, anything else fails the test. */
function survives(read: (bytes: Buffer) => unknown, bytes: Buffer): void {
  try {
    read(bytes)
  } catch (error) {
    assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
  }
}

/** Valid bytes with some of them changed, in places and to values where formats break most. */
function mutated(originals: Buffer[]): fc.Arbitrary<Buffer> {
  const value = fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }))
  const change = fc.tuple(fc.nat(1000), value)
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat(2000))
    .map(([original, changes, cut]) => {
      const bytes = Buffer.from(original)
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte
      return cut < bytes.length ? bytes.subarray(0, cut) : bytes
    })
}

const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))

test('any bytes give an ELF file or an error', () => {
  const read = (bytes: Buffer) => readElf(bytesSource(bytes))
  fc.assert(
    fc.property(mutated(valid), (bytes) => survives(read, bytes)),
    { numRuns: 5000 },
  )
  const ident = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1])
  fc.assert(
    fc.property(random, (bytes) => survives(read, Buffer.concat([ident, bytes]))),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(random, (bytes) => survives(read, bytes)),
    { numRuns: 200 },
  )
})

test('any bytes give an ld.so.cache or an error', () => {
  fc.assert(
    fc.property(mutated(caches), (bytes) => survives(readLdCache, bytes)),
    { numRuns: 5000 },
  )
  fc.assert(
    fc.property(random, (bytes) => survives(readLdCache, bytes)),
    { numRuns: 200 },
  )
})
