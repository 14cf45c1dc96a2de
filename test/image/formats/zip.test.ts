import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readZip, zipBytes } from '../../../src/image/formats/zip/reader.ts'
import { writeZip } from '../../../src/image/formats/zip/writer.ts'
import { bytesSource } from '../../../src/image/source.ts'

function readAll(bytes: Uint8Array): [string, Buffer][] {
  const source = bytesSource(bytes)
  return [...readZip(source).values()].map((entry) => [entry.name, zipBytes(source, entry, 1 << 20)])
}

const files: [string, Buffer][] = [
  ['META-INF/MANIFEST.MF', Buffer.from('Main-Class: app.Main\n')],
  ['é/empty', Buffer.alloc(0)],
]

test('what is written is read again, and the same files have the same bytes', () => {
  assert.deepEqual(readAll(writeZip(files)), files)
  assert.deepEqual(writeZip(files), writeZip(files))
})

test('an archive behind something else is found', () => {
  assert.deepEqual(readAll(Buffer.concat([Buffer.from('#!/bin/sh\n'), writeZip(files)])), files)
})

test('a file that is larger than allowed is refused', () => {
  const source = bytesSource(writeZip(files))
  const entry = readZip(source).get('META-INF/MANIFEST.MF')!
  assert.throws(() => zipBytes(source, entry, 3), { code: 'UFR-FORMAT' })
})

test('any bytes are read or refused by name', () => {
  const valid = writeZip(files)
  const changes = fc.array(fc.tuple(fc.nat(valid.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 })
  const mutated = changes.map((list) => {
    const bytes = Buffer.from(valid)
    for (const [at, value] of list) bytes[at] = value
    return bytes
  })
  const cut = fc.nat(valid.length).map((length) => valid.subarray(0, length))
  const any = fc.oneof(mutated, cut, fc.uint8Array({ maxLength: 300 }))
  fc.assert(
    fc.property(any, (bytes) => {
      try {
        readAll(bytes)
      } catch (error) {
        assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
      }
    }),
    { numRuns: 3000 },
  )
})
