import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bootFile } from '../../../src/vmm/firecracker/kernel.ts'
import type { BootProtocol } from '../../../src/vmm/machine.ts'
import { type FakeNote, noteElf } from '../../image/formats/note-elf.ts'
import { setFor } from './lab.ts'

const pvh: FakeNote = { name: 'Xen', type: 18, value: Buffer.from([0, 0, 0x10, 0]) }
const other: FakeNote = { name: 'GNU', type: 3, value: Buffer.from('id..') }

function kernels(t: TestContext) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-kernel-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  setFor(t, { UFR_HOME: path.join(folder, 'home') })
  let made = 0
  return (content: Uint8Array | string, ...protocols: BootProtocol[]) => {
    const file = path.join(folder, `kernel${made++}`)
    fs.writeFileSync(file, content)
    return { file, digest: `digest-of-${path.basename(file)}`, protocols }
  }
}

test('a kernel is taken as it is where Firecracker does by itself what suits it', (t) => {
  const kernel = kernels(t)
  for (const each of [
    kernel(noteElf([[other, pvh]]), 'pvh', 'linux'),
    kernel(noteElf([[other]]), 'linux', 'pvh'),
    kernel(noteElf([]), 'pvh', 'linux'),
    kernel(noteElf([[pvh]]), 'multiboot', 'pvh'),
    // Firecracker forgets a note in an earlier segment.
    kernel(noteElf([[pvh], [other]]), 'pvh', 'linux'),
  ]) {
    assert.equal(bootFile(each), each.file)
  }
  assert.equal(fs.existsSync(process.env['UFR_HOME']!), false)
})

test('a kernel that prefers Linux’s protocol gets a copy without a note for PVH, once', (t) => {
  const bytes = noteElf([[pvh, other], [pvh]])
  const kernel = kernels(t)(bytes, 'linux', 'pvh')
  const copy = bootFile(kernel)
  assert.equal(path.relative(process.env['UFR_HOME']!, copy), 'cache/no-pvh/digest-of-kernel0.elf')
  const made = fs.readFileSync(copy)
  const differing = [...bytes.keys()].filter((at) => bytes[at] !== made[at])
  // The types alone: 18 became something else, in both notes.
  assert.deepEqual([made.length, differing.length], [bytes.length, 2 * 4])
  assert.equal(bytes.readUInt32LE(differing[0]!), 18)
  assert.equal(bootFile({ ...kernel, file: copy, protocols: ['linux'] }), copy)
  const { mtimeNs, ino } = fs.statSync(copy, { bigint: true })
  assert.equal(bootFile(kernel), copy)
  const again = fs.statSync(copy, { bigint: true })
  assert.deepEqual([again.mtimeNs, again.ino], [mtimeNs, ino])
  assert.deepEqual(fs.readFileSync(kernel.file), bytes)
})

test('what Firecracker cannot start is refused by name', (t) => {
  const kernel = kernels(t)
  const low = Buffer.from(noteElf([]))
  low.writeBigUInt64LE(0x1000n, 24)
  const arm = Buffer.from(noteElf([]))
  arm.writeUInt16LE(183, 18)
  for (const [each, message] of [
    [kernel(noteElf([]), 'pvh'), /boots by pvh only, and it has no note for PVH$/],
    [kernel(noteElf([[pvh]]), 'multiboot'), /boots by multiboot only$/],
    [kernel('no kernel', 'linux'), /not an ELF file/],
    [kernel(noteElf([[pvh]]).subarray(0, 100), 'linux'), /truncated or corrupt/],
    [kernel(arm, 'linux'), /not for 64-bit x86 processors/],
    [kernel(low, 'linux'), /below 1 MiB/],
  ] as const) {
    assert.throws(() => bootFile(each), { code: 'UFR-VMM-KERNEL', message })
  }
})
