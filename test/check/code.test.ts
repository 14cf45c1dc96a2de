import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { newInstruction, readInstruction } from '../../src/check/code/instruction.ts'
import { entryValue, scanCode, type Value } from '../../src/check/code/scan.ts'
import { type CodeSummary, summarize } from '../../src/check/code/summary.ts'
import { tinyElf } from '../image/formats/tiny-elf.ts'
import { codeAddress, codeElf, systemCall } from './code-elf.ts'

test('instructions are as long as they are', () => {
  const known: [hex: string, length: number][] = [
    ['0f05', 2], // syscall
    ['b801000000', 5], // mov $1,%eax
    ['48b80102030405060708', 10], // movabs
    ['66b80100', 4], // mov $1,%ax
    ['48c7c03b000000', 7], // mov $59,%rax
    ['f30f1efa', 4], // endbr64
    ['ff2500000000', 6], // jmp *0(%rip)
    ['8b8424e0000000', 7], // mov 0xe0(%rsp),%eax
    ['8b0425f0ffffff', 7], // mov 0xfffffffffffffff0,%eax
    ['f6c301', 3], // test $1,%bl
    ['f7d8', 2], // neg %eax
    ['660f3a0fc108', 6], // palignr
    ['c5f877', 3], // vzeroupper
    ['c4e37d39c101', 6], // vextracti128
    ['62f17c4811442404', 8], // vmovups %zmm0,0x100(%rsp)
    ['c8100000', 4], // enter
    ['e8fcffffff', 5], // call
    ['0f84fcffffff', 6], // je
    ['06', 0], // none in 64-bit mode
    ['b801', 0], // cut off
  ]
  const one = newInstruction()
  for (const [hex, length] of known) {
    const bytes = Buffer.from(hex, 'hex')
    assert.equal(readInstruction(bytes, 0, bytes.length, one).length, length, hex)
  }
})

function callsOf(code: number[], starts: number[] = []): Value[] {
  const found: Value[] = []
  const events = { syscall: (_: number, n: Value) => found.push(n), call() {}, slot() {}, address() {} }
  scanCode({ address: codeAddress, bytes: Uint8Array.from(code) }, starts, events)
  return found
}

test('the number of a system call is what was last put into rax', () => {
  assert.deepEqual(callsOf(systemCall(59)), [59])
  assert.deepEqual(callsOf([0x31, 0xc0, 0x0f, 0x05]), [0])
  // Through another register, as in loops that begin in the middle: mov $202,%r8d; jmp; mov %r8d,%eax; syscall.
  assert.deepEqual(callsOf([0x41, 0xb8, 0xca, 0, 0, 0, 0xeb, 0, 0x44, 0x89, 0xc0, 0x0f, 0x05]), [202])
  // The answer of one call is not the number of the next.
  assert.deepEqual(callsOf([...systemCall(1), 0x0f, 0x05]), [1, -1])
  assert.deepEqual(callsOf([0xb8, 1, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x0f, 0x05]), [-1])
  assert.deepEqual(callsOf([0x89, 0xf8, 0x0f, 0x05], [codeAddress]), [entryValue(7)])
  // The bytes 0f 05 inside of another instruction are no call.
  assert.deepEqual(callsOf([0x48, 0x8d, 0x05, 0x0f, 0x05, 0, 0]), [])
})

function numbersOf({ functions }: CodeSummary): number[] {
  return functions.flatMap(({ calls }) => calls).sort((a, b) => a - b)
}

test('functions are found by calls and by pointers, and system calls in them', () => {
  // 0: call 16; ret    16: mov $39,%eax; syscall; ret    32: pointed to by data
  const code = Buffer.alloc(48, 0x90)
  code.set([0xe8, 11, 0, 0, 0, 0xc3], 0)
  code.set([...systemCall(39), 0xc3], 16)
  code.set([...systemCall(294), 0xc3], 32)
  const summary = summarize(codeElf(code))
  assert.deepEqual(numbersOf(summary), [39, 294])
  assert.equal(summary.functions.length, 2)
  const first = summary.initial[0]!
  assert.deepEqual(summary.functions[first]!.to, [1])
  assert.equal(summary.madeBy, undefined)
})

test('a function that is told the number is looked through', () => {
  // 0: mov $101,%edi; call 32; ret    32: mov %rdi,%rax; syscall; ret
  const code = Buffer.alloc(48, 0xcc)
  code.set([0xbf, 101, 0, 0, 0, 0xe8, 22, 0, 0, 0, 0xc3], 0)
  code.set([0x48, 0x89, 0xf8, 0x0f, 0x05, 0xc3], 32)
  // The space between makes sure that it says little about itself.
  const large = Buffer.concat([code, Buffer.alloc(9000, 0xcc)])
  assert.deepEqual(numbersOf(summarize(codeElf(large))), [101])
})

test('a number on the stack is found, also where it is passed on, as in glibc from 2.41 on', () => {
  // 0: push $34; call 32; ret    32: push 0x18(%rsp); call 64; ret    64: mov 0x8(%rsp),%rax; syscall; ret
  const code = Buffer.alloc(80, 0xcc)
  code.set([0x6a, 34, 0xe8, 25, 0, 0, 0, 0xc3], 0)
  code.set([0xff, 0x74, 0x24, 0x18, 0xe8, 23, 0, 0, 0, 0xc3], 32)
  code.set([0x48, 0x8b, 0x44, 0x24, 8, 0x0f, 0x05, 0xc3], 64)
  const summary = summarize(codeElf(code))
  assert.deepEqual(numbersOf(summary), [34])
  assert.deepEqual(
    summary.functions.map(({ unresolved }) => unresolved),
    [0, 0, 0],
  )
})

test('a number that cannot be seen is told as such', () => {
  const summary = summarize(codeElf(Uint8Array.of(0x8b, 0x03, 0x0f, 0x05, 0xc3)))
  assert.deepEqual(
    summary.functions.map(({ unresolved }) => unresolved),
    [1],
  )
})

test('names, needs and foreign processors are told', () => {
  const library = summarize(tinyElf({ needed: ['libx.so'], soname: 'liby.so' }))
  assert.deepEqual(library.needed, ['libx.so'])
  assert.equal(library.soname, 'liby.so')
  assert.match(summarize(tinyElf({ machine: 183 })).opaque!, /another processor/)
  assert.throws(() => summarize(Buffer.from('#!/bin/sh\n')), { code: 'UFR-FORMAT' })
})

test('any bytes give a summary or UFR-FORMAT, soon', () => {
  const code = Buffer.alloc(600, 0x90)
  code.set([0xe8, 11, 0, 0, 0, ...systemCall(1), 0xc3])
  const whole = codeElf(code, Buffer.alloc(64, 1))
  const seeds = [whole, tinyElf({ needed: ['a', 'b'], soname: 'c', flags1: 1 })]
  const look = (bytes: Uint8Array) => {
    try {
      const summary = summarize(bytes)
      for (const { to } of summary.functions) for (const each of to) assert.ok(summary.functions[each])
    } catch (error) {
      assert.ok(error instanceof UfrError && error.code === 'UFR-FORMAT', String(error))
    }
  }
  const started = performance.now()
  const change = fc.tuple(fc.nat(), fc.nat(255))
  fc.assert(
    fc.property(
      fc.constantFrom(...seeds),
      fc.array(change, { maxLength: 12 }),
      fc.nat(),
      (seed, changes, cut) => {
        const bytes = Buffer.from(seed)
        // Headers most of all.
        for (const [at, value] of changes) bytes[at % Math.min(bytes.length, at % 2 ? 200 : 5000)] = value
        look(cut % 5 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes)
      },
    ),
    { numRuns: 400 },
  )
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => look(codeElf(bytes))),
    { numRuns: 200 },
  )
  assert.ok(performance.now() - started < 20_000)
})
