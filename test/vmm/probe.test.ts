import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readElf } from '../../src/image/formats/elf/elf.ts'
import { bytesSource } from '../../src/image/source.ts'
import { probeGuest } from '../../src/vmm/probe-guest.ts'
import { runProbe } from '../../src/vmm/qemu/accel.ts'
import { locateQemu } from '../../src/vmm/qemu/binary.ts'

test('the probe guest is an ELF file as any other', () => {
  const elf = readElf(bytesSource(probeGuest()))
  assert.equal(elf.entry, BigInt(0x100000 + 64 + 2 * 56 + 24))
})

test('the probe guest does its work and says so, here under emulation', {
  skip: locateQemu() ? false : 'no QEMU',
}, async () => {
  const result = await runProbe(locateQemu()!, 'tcg')
  assert.equal(result.works, true, result.reason)
  assert.ok(result.milliseconds! < 500)
})
