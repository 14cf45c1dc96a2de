import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { type ElfNote, isPvhNote, readNotes } from '../../../src/image/formats/elf/elf-notes.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { type FakeNote, noteElf } from './note-elf.ts'

const read = (bytes: Uint8Array): ElfNote[][] => {
  const source = bytesSource(bytes)
  return readNotes(source, readElf(source))
}

const xen: FakeNote = { name: 'Xen', type: 18, value: Buffer.from([0, 0, 0x10, 0]) }
const others: FakeNote[] = [
  { name: 'GNU', type: 3, value: Buffer.from('twelve bytes') },
  { name: 'odd', type: 18, value: Buffer.from('seven..') },
  { name: 'Xen', type: 17, value: Buffer.alloc(0) },
]

test('notes are found in every segment, with the place of their type', () => {
  const bytes = noteElf([[...others, xen], [], others])
  const segments = read(bytes)
  assert.deepEqual(
    segments.map((notes) => notes.map(({ name, type }) => `${name} ${type}`)),
    [['GNU 3', 'odd 18', 'Xen 17', 'Xen 18'], [], ['GNU 3', 'odd 18', 'Xen 17']],
  )
  for (const { type, typeOffset } of segments.flat()) assert.equal(bytes.readUInt32LE(typeOffset), type)
  assert.deepEqual(segments.flat().map(isPvhNote), [false, false, false, true, false, false, false])
})

test('a last note without its padding is whole', () => {
  const bytes = noteElf([[{ name: 'Xen', type: 18, value: Buffer.from('ab') }]], { padLast: false })
  assert.equal(read(bytes)[0]?.length, 1)
})

test('notes that reach out of their segment, and segments out of the file, are errors', () => {
  const bytes = noteElf([[xen]])
  const at = read(bytes)[0]![0]!.typeOffset
  for (const [offset, value] of [
    [at - 8, 5000],
    [at - 4, 0xffff_ffff],
    [at - 4, 5],
  ] as const) {
    const broken = Buffer.from(bytes)
    broken.writeUInt32LE(value, offset)
    assert.throws(() => read(broken), { code: 'UFR-FORMAT' })
  }
  assert.throws(() => read(bytes.subarray(0, -1)), { code: 'UFR-FORMAT' })
})

test('any bytes give notes or an error, soon', () => {
  const valid = noteElf([[...others, xen], others])
  const change = fc.record({ at: fc.nat(valid.length - 1), value: fc.nat(255) })
  fc.assert(
    fc.property(fc.array(change, { maxLength: 8 }), fc.nat(valid.length), (changes, length) => {
      const bytes = Buffer.from(valid)
      for (const { at, value } of changes) bytes[at] = value
      try {
        for (const { typeOffset } of read(bytes.subarray(0, length)).flat())
          assert.ok(typeOffset <= length - 4)
      } catch (error) {
        assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
      }
    }),
    { numRuns: 2000 },
  )
})
