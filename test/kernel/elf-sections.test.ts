import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { checkKernelElf, readSections } from '../../src/image/formats/elf/elf-sections.ts'
import { bytesSource } from '../../src/image/source.ts'
import { elfFixture } from './elf-fixture.ts'

function check(bytes: Uint8Array): void {
  checkKernelElf(bytesSource(bytes), 'kernel.img')
}

function complaint(bytes: Uint8Array): string {
  try {
    check(bytes)
  } catch (error) {
    assert.ok(error instanceof UfrError)
    assert.equal(error.code, 'UFR-KERNEL-FILE')
    return error.message
  }
  return 'none'
}

test('sections are read by name, where they are', () => {
  const file = elfFixture({ sections: { '.text': 'abc', '.modinfo': 'name=x' } })
  const sections = readSections(bytesSource(file))
  assert.deepEqual(
    sections.map((each) => each.name),
    ['', '.text', '.modinfo', '.shstrtab'],
  )
  const info = sections[2]
  assert.equal(file.toString('latin1', info?.offset, (info?.offset ?? 0) + (info?.size ?? 0)), 'name=x')
})

test('a whole kernel passes, every truncated one is named with both sizes', () => {
  const file = elfFixture()
  check(file)
  for (let size = 64; size < file.length; size++) {
    assert.equal(
      complaint(file.subarray(0, size)),
      `kernel.img is truncated: it has ${size} bytes of ${file.length}`,
    )
  }
  assert.match(complaint(file.subarray(0, 63)), /it has only 63 bytes/)
  assert.match(complaint(Buffer.alloc(0)), /it has only 0 bytes/)
})

test('other files and other machines are named', () => {
  assert.match(complaint(Buffer.alloc(1000)), /not an ELF file/)
  assert.match(complaint(elfFixture({ machine: 183 })), /not for 64-bit x86/)
  const nothing = elfFixture({ payload: '' })
  assert.match(complaint(nothing), /nothing to load/)
})

test('any bytes give an answer', () => {
  const file = elfFixture({ sections: { '.modinfo': 'depends=a,b' } })
  const mutated = fc
    .array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 })
    .map((changes) => {
      const bytes = Buffer.from(file)
      for (const [at, value] of changes) bytes[at] = value
      return bytes
    })
  fc.assert(
    fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      complaint(bytes)
      try {
        readSections(bytesSource(bytes))
      } catch (error) {
        assert.ok(error instanceof UfrError)
      }
    }),
    { numRuns: 3000 },
  )
})
