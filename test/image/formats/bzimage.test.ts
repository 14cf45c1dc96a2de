import assert from 'node:assert/strict'
import { test } from 'node:test'
import zlib from 'node:zlib'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { kernelElf, kernelRelease, kernelVersion } from '../../../src/image/formats/bzimage.ts'
import { legacyFrame, withSize } from './lz4-packer.ts'
import { mutated, pattern } from './trees.ts'

const banner = 'Linux version 6.1.0-9-test (someone@somewhere) #1 SMP\n\0'
const elf = Buffer.concat([
  Buffer.from('\x7fELF\x02\x01\x01', 'latin1'),
  Buffer.alloc(5000, 'text'),
  Buffer.from(`Linux version %s (%s)\0${banner}`),
  pattern(3000),
])
const version = '6.1.0-9-test (someone@somewhere) #1 SMP'

/** A bzImage with four sectors of setup, its version after the header, and a payload some way into the rest. */
function bzImage(payload: Uint8Array, changes: Record<number, number> = {}, text = version): Buffer {
  const setup = Buffer.alloc(5 * 512)
  setup.writeUInt8(4, 0x1f1)
  setup.writeUInt16LE(0xaa55, 0x1fe)
  setup.write('HdrS', 0x202)
  setup.writeUInt16LE(0x20f, 0x206)
  setup.writeUInt16LE(0x400, 0x20e)
  setup.write(text, 0x600)
  setup.writeUInt32LE(700, 0x248)
  setup.writeUInt32LE(payload.length, 0x24c)
  for (const [at, value] of Object.entries(changes)) setup.writeUInt8(value, Number(at))
  return Buffer.concat([setup, Buffer.alloc(700, 0x90), payload, Buffer.alloc(100)])
}

const size = (bytes: Uint8Array) => withSize(new Uint8Array(), bytes.length)
const lz4 = withSize(legacyFrame([elf]), elf.length)
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })

test('the ELF file comes out of a kernel packed with LZ4, gzip or zstd, or not at all', () => {
  const payloads = [lz4, zlib.gzipSync(elf), Buffer.concat([zlib.zstdCompressSync(elf), size(elf)]), elf]
  for (const payload of payloads) assert.ok(elf.equals(kernelElf(bzImage(payload))))
})

test('an ELF file is given back as it is', () => {
  assert.equal(kernelElf(elf), elf)
})

test('no setup sectors stand for four', () => {
  assert.ok(elf.equals(kernelElf(bzImage(lz4, { 497: 0 }))))
})

test('other packings are refused by name, with what to do', () => {
  const payloads: [string, string][] = [
    ['fd377a585a000004', 'xz'],
    ['5d00000004ffffff', 'LZMA'],
    ['425a683931415926', 'bzip2'],
    ['894c5a4f000d0a1a', 'LZO'],
  ]
  for (const [start, name] of payloads) {
    const image = bzImage(Buffer.concat([Buffer.from(start, 'hex'), Buffer.alloc(100)]))
    assert.throws(
      () => kernelElf(image),
      (error: unknown) =>
        error instanceof UfrError &&
        error.message.includes(`packed with ${name},`) &&
        /vmlinux/.test(error.fix),
    )
  }
  assert.throws(() => kernelElf(bzImage(Buffer.alloc(100, 1))), refused(/no known compression/))
})

test('the release and the version are told, of an ELF file too', () => {
  for (const image of [bzImage(lz4), elf]) {
    assert.equal(kernelVersion(image), version)
    assert.equal(kernelRelease(image), '6.1.0-9-test')
  }
  assert.throws(() => kernelRelease(bzImage(lz4, {}, '../../etc x')), refused(/release/))
  assert.throws(() => kernelVersion(bzImage(lz4, { 526: 0, 527: 0 })), refused(/version/))
  assert.throws(() => kernelVersion(bzImage(lz4, { 527: 0xff })), refused(/version/))
  assert.throws(() => kernelVersion(elf.subarray(0, 5000)), refused(/version/))
})

test('files that are no kernel, too old or damaged are told apart', () => {
  assert.throws(() => kernelElf(Buffer.from('MZ')), refused(/boot sector/))
  assert.throws(() => kernelElf(Buffer.alloc(10_000)), refused(/boot sector/))
  assert.throws(() => kernelElf(bzImage(lz4, { 514: 0 })), refused(/setup header/))
  assert.throws(() => kernelElf(bzImage(lz4, { 518: 7 })), refused(/2\.7, too old/))
  assert.throws(() => kernelElf(bzImage(lz4, { 591: 0x10 })), refused(/payload would be at/))
  assert.throws(() => kernelElf(bzImage(lz4).subarray(0, 4000)), refused(/payload would be at/))
  assert.throws(() => kernelElf(bzImage(zlib.gzipSync(elf).subarray(0, 100))), refused(/cannot be unpacked/))
  assert.throws(() => kernelElf(bzImage(zlib.gzipSync(pattern(100)))), refused(/not an ELF file/))
})

test('a damaged kernel gives an error or bytes', () => {
  const images = [
    bzImage(lz4),
    bzImage(zlib.gzipSync(elf)),
    bzImage(Buffer.concat([zlib.zstdCompressSync(elf), size(elf)])),
  ]
  const endsWell = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
    }
  }
  for (const image of images) {
    fc.assert(
      fc.property(mutated(image.subarray(0x1f0), 0x60), (bytes) => {
        const changed = Buffer.concat([image.subarray(0, 0x1f0), bytes])
        endsWell(() => kernelElf(changed))
        endsWell(() => kernelRelease(changed))
      }),
      { numRuns: 500 },
    )
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
      endsWell(() => kernelElf(bytes))
      endsWell(() => kernelElf(bzImage(bytes)))
    }),
    { numRuns: 500 },
  )
})
