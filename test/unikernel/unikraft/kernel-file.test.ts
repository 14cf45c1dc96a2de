import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { readKernel, recogniseKernel } from '../../../src/unikernel/unikraft/kernel-file.ts'
import { raisedKernel } from '../../../src/unikernel/unikraft/raise.ts'
import { mutated } from '../../image/formats/trees.ts'
import { useHome } from '../../kernel/home.ts'
import { firecrackerKernel, qemuKernel } from './tiny-kernel.ts'

const home = useHome()
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-KERNEL-FILE', message })
const of = (bytes: Buffer) => recogniseKernel(bytes, 'it')

test('a kernel is recognised by its header, and its version by what it says', () => {
  assert.deepEqual(of(qemuKernel()), { protocol: 'multiboot', version: '0.17.0' })
  assert.deepEqual(of(firecrackerKernel()), { protocol: 'linux', version: '0.17.0' })
  const silent = Buffer.concat([
    Buffer.from([0xb0, 0xb0, 0x07, 0xb0]),
    Buffer.from('initrd0\x002.10.17.0~x\0'),
  ])
  assert.deepEqual(of(qemuKernel({ words: silent })), { protocol: 'multiboot', version: undefined })
})

test('what is none is refused with what is wrong with it', () => {
  assert.throws(() => of(Buffer.from('#!/bin/sh')), refused(/not an ELF file/))
  assert.throws(() => of(Buffer.alloc(0)), refused(/not an ELF file/))
  assert.throws(() => of(qemuKernel({ multiboot: false })), refused(/no multiboot header/))
  assert.throws(() => of(qemuKernel({ machine: 40 })), refused(/another processor/))
  assert.throws(() => of(firecrackerKernel({ machine: 183 })), refused(/no 64-bit x86/))
  assert.throws(
    () => of(qemuKernel({ words: Buffer.from('initrd0\0') })),
    refused(/nothing in it is of Unikraft/),
  )
  const rootless = Buffer.concat([Buffer.from([0xb0, 0xb0, 0x07, 0xb0]), Buffer.from('Unikraft')])
  assert.throws(() => of(firecrackerKernel({ words: rootless })), refused(/without a root from an initrd/))
  const whole = qemuKernel()
  assert.throws(() => of(whole.subarray(0, 520)), refused(/truncated: it has 520 bytes of \d+/))
  assert.throws(() => readKernel(home.beside('nothing')), refused(/no such file/))
  assert.throws(() => readKernel(home.folder()), refused(/no such file/))
  fs.writeFileSync(home.beside('large'), '')
  fs.truncateSync(home.beside('large'), 65 << 20)
  assert.throws(() => readKernel(home.beside('large')), refused(/68157440 bytes/))
})

test('any bytes are recognised or refused', () => {
  for (const valid of [qemuKernel(), firecrackerKernel()]) {
    fc.assert(
      fc.property(mutated(valid, 256), (bytes) => {
        try {
          const { protocol } = of(Buffer.from(bytes))
          // Whatever is taken can be raised.
          if (protocol === 'multiboot') raisedKernel(Buffer.from(bytes), 0x6c00000)
        } catch (error) {
          assert.ok(error instanceof UfrError && error.code === 'UFR-KERNEL-FILE', String(error))
        }
      }),
      { numRuns: 1000 },
    )
  }
})

test('a raised kernel differs only in the memory that its highest segment takes', () => {
  const kernel = qemuKernel()
  const raised = raisedKernel(kernel, 0x6bb59c8)
  const [first, highest, last] = readElf(bytesSource(raised)).programHeaders
  assert.equal(highest!.physicalAddress + highest!.memorySize, 0x6bb6000n)
  const [before, , after] = readElf(bytesSource(kernel)).programHeaders
  assert.deepEqual([first, last], [before, after])
  assert.equal(raised.filter((byte, at) => byte !== kernel[at]).length <= 4, true)
  assert.deepEqual(raisedKernel(kernel, 0x1a0000), kernel)
})
