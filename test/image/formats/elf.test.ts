import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import {
  architectureOf,
  type ElfFile,
  isElf,
  isX86_64,
  machineName,
  readElf,
} from '../../../src/image/formats/elf/elf.ts'
import { bytesSource, fileSource } from '../../../src/image/source.ts'
import { type TinyElf, tinyElf } from './tiny-elf.ts'

const read = (want: TinyElf): ElfFile => readElf(bytesSource(tinyElf(want)))
const format = (message: RegExp) => ({ code: 'UFR-FORMAT', message })

const full: TinyElf = {
  interpreter: '/lib64/ld-linux-x86-64.so.2',
  needed: ['libb.so.1', 'liba.so', 'libc.so.6'],
  soname: 'me.so.2',
  rpath: '/opt/lib',
  runpath: '$ORIGIN/../lib',
  flags1: 0x08000001,
  entry: 0x1234,
}

test('says everything that loading needs', () => {
  const elf = read(full)
  assert.deepEqual(elf.needed, ['libb.so.1', 'liba.so', 'libc.so.6'])
  assert.equal(elf.class, 64)
  assert.equal(elf.machine, 62)
  assert.equal(elf.type, 3)
  assert.equal(elf.entry, 0x1234n)
  assert.equal(elf.interpreter, '/lib64/ld-linux-x86-64.so.2')
  assert.equal(elf.soname, 'me.so.2')
  assert.equal(elf.rpath, '/opt/lib')
  assert.equal(elf.runpath, '$ORIGIN/../lib')
  assert.equal(elf.flags1, 0x08000001)
  assert.equal(elf.pie, true)
  assert.equal(elf.static, false)
  assert.equal(elf.libc, 'glibc')
  assert.deepEqual(
    elf.programHeaders.map((h) => h.type),
    [1, 3, 2],
  )
})

test('reads 32-bit and big-endian files alike', () => {
  for (const other of [{ class: 32 }, { bigEndian: true }, { class: 32, bigEndian: true }] as TinyElf[]) {
    const elf = read({ ...full, ...other, machine: 8 })
    assert.deepEqual(elf.needed, full.needed)
    assert.equal(elf.interpreter, full.interpreter)
    assert.equal(elf.runpath, full.runpath)
    assert.equal(elf.entry, 0x1234n)
    assert.equal(isX86_64(elf), false)
  }
})

test('tells static programs, PIE and libraries apart', () => {
  const plain = read({ type: 2 })
  assert.deepEqual([plain.static, plain.pie, plain.interpreter], [true, false, undefined])
  const staticPie = read({ flags1: 0x08000000 })
  assert.deepEqual([staticPie.static, staticPie.pie], [true, true])
  const library = read({ needed: ['libc.so.6'], soname: 'libx.so' })
  assert.deepEqual([library.static, library.pie], [false, false])
})

test("guesses the libc by the interpreter's name", () => {
  const libc = (interpreter: string) => read({ interpreter }).libc
  assert.equal(libc('/lib/ld-musl-x86_64.so.1'), 'musl')
  assert.equal(libc('/nix/store/x-glibc-2.40/lib/ld-linux-x86-64.so.2'), 'glibc')
  assert.equal(libc('/lib64/ld64.so.1'), 'glibc')
  assert.equal(libc('/system/bin/linker64'), undefined)
})

test('names machines and architectures', () => {
  assert.equal(machineName(62), 'x86-64')
  assert.equal(machineName(183), 'aarch64')
  assert.equal(machineName(9999), 'machine 9999')
  assert.equal(architectureOf(read({})), 'x86-64')
  assert.equal(architectureOf(read({ machine: 183 })), 'aarch64')
  assert.equal(architectureOf(read({ machine: 3, class: 32 })), 'i386')
  assert.equal(architectureOf(read({ class: 32 })), 'x86-64 in 32-bit mode (x32)')
  assert.equal(architectureOf(read({ machine: 8, class: 32, bigEndian: true })), 'mips (32-bit, big-endian)')
  assert.equal(isElf(tinyElf()), true)
  assert.equal(isElf(Buffer.from('\x7fEL')), false)
})

test('refuses what is not ELF', () => {
  for (const text of ['', '\x7fEL', '#!/bin/sh\n', 'MZ\x90\0']) {
    assert.throws(() => readElf(bytesSource(Buffer.from(text, 'latin1'))), format(/not an ELF file/))
  }
})

test('refuses a file cut off anywhere', () => {
  const bytes = tinyElf(full)
  for (let size = 0; size < bytes.length - 16; size++) {
    assert.throws(
      () => readElf(bytesSource(bytes.subarray(0, size))),
      { code: 'UFR-FORMAT' },
      `${size} bytes`,
    )
  }
})

test('keeps its limits', () => {
  const changed = (want: TinyElf, change: (bytes: Buffer) => void) => {
    const bytes = tinyElf(want)
    change(bytes)
    return () => readElf(bytesSource(bytes))
  }
  // e_phnum, e_phentsize, e_phoff; then fields of the second program header.
  assert.throws(
    changed(full, (b) => b.writeUInt16LE(0xffff, 56)),
    format(/65535 program headers/),
  )
  assert.throws(
    changed(full, (b) => b.writeUInt16LE(57, 54)),
    format(/unknown size/),
  )
  assert.throws(
    changed(full, (b) => b.writeBigUInt64LE(1n << 60n, 32)),
    format(/offset or size/),
  )
  assert.throws(
    changed(full, (b) => b.writeBigUInt64LE(5000n, 64 + 56 + 32)),
    format(/interpreter's name of 5000/),
  )
  assert.throws(
    changed(full, (b) => b.writeBigUInt64LE(4n, 64 + 56 + 32)),
    format(/has no end/),
  )
  assert.throws(
    changed(full, (b) => b.writeBigUInt64LE(1n << 40n, 64 + 2 * 56 + 32)),
    format(/dynamic section of/),
  )
  const many = Array.from({ length: 1025 }, (_, i) => `l${i}`)
  assert.throws(() => read({ needed: many }), format(/1025 needed/))
  assert.throws(() => read({ needed: ['x'.repeat(5000)] }), format(/no end within 4096/))
  assert.throws(
    changed({ needed: ['liba.so'] }, (b) => {
      const dynamicAt = Number(b.readBigUInt64LE(64 + 56 + 8))
      b.writeBigUInt64LE(1000n, dynamicAt + 8)
    }),
    format(/outside the string table/),
  )
  assert.throws(
    changed({ needed: ['liba.so'] }, (b) => {
      const dynamicAt = Number(b.readBigUInt64LE(64 + 56 + 8))
      b.writeBigUInt64LE(0x6fff0000n, dynamicAt + 16)
    }),
    format(/no string table/),
  )
})

test('agrees with readelf about a real program', (t) => {
  const readelf = spawnSync('readelf', ['-dW', process.execPath], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (readelf.error) return t.skip('readelf is not installed')
  using source = fileSource(process.execPath)
  const names = [...readelf.stdout.matchAll(/\(NEEDED\).*\[(.*)\]/g)].map((m) => m[1])
  assert.deepEqual(readElf(source).needed, names)
})
