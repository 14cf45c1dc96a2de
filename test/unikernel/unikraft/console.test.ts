import assert from 'node:assert/strict'
import { test } from 'node:test'
import { guestConsole } from '../../../src/instance/console.ts'
import type { Kernel } from '../../../src/kernel/store.ts'
import { unikraft } from '../../../src/unikernel/unikraft/unikraft.ts'

const unikernel = unikraft({} as Kernel)
const exit = { code: 0, signal: null, errors: '' }

/** What a user sees of a console, what is the kernel's, and how the program ended. */
function sorted(...chunks: string[]) {
  let program = ''
  let kernel = ''
  const console = guestConsole({
    kernelLine: unikernel.kernelLine,
    carriageReturns: unikernel.carriageReturns,
    program: (bytes) => {
      program += bytes
    },
    kernel: (bytes) => {
      kernel += bytes
    },
  })
  for (const chunk of chunks) console.push(Buffer.from(chunk))
  console.end()
  const names = console.marks.map(({ name }) => name)
  return { program, kernel, names, status: unikernel.exitStatus(exit, console) }
}

const lines = (...all: string[]) => all.map((line) => `${line}\r\n`).join('')
const boot = lines(
  '\0\x001: Set IPv4 address 10.0.2.15 mask 255.255.255.0 gw 10.0.2.2',
  'en1: Added',
  'en1: Interface is up',
  'Powered by Unikraft Calypso (0.17.0~eaf6fda1)',
)
const start = lines('ufr: the program starts')

test("all before the program is the kernel's, and the network is up by then", () => {
  const { program, kernel, names } = sorted(
    boot,
    start,
    lines('hello', 'en1: Added', '', '[0.1] x', '[ 1.5] ERR'),
  )
  assert.equal(program, 'hello\nen1: Added\n\n[0.1] x\n[ 1.5] ERR\n')
  assert.match(kernel, /Powered by.*\nufr: the program starts\n$/)
  assert.deepEqual(names, ['net'])
})

test("what the kernel says while a program runs is its own, also behind a program's unfinished line", () => {
  const warning = '[    0.127823] WARN: [libposix_mmap] <mmap.c @  145> No support for it'
  const { program, kernel } = sorted(boot, start, lines('one', warning, `half a li${warning}`, 'two'))
  assert.equal(program, 'one\nhalf a litwo\n')
  assert.equal(kernel.endsWith(`${warning}\n${warning}\n`), true)
})

test('a program may write carriage returns of its own', () => {
  assert.equal(sorted(start, 'a\r\r\nb\rc\r\n').program, 'a\r\nb\rc\n')
})

test('the first program tells how the function ended', () => {
  for (const [told, status] of [
    ['000', 0],
    ['003', 3],
    ['044', 44],
    ['134', 134],
    ['255', 255],
  ] as const) {
    const { program, ...rest } = sorted(boot, start, `text\x1b_ufr;exit;${told}\x1b\\`)
    assert.deepEqual([program, rest.status, rest.names], ['text', status, ['net', 'exit']])
  }
  assert.equal(sorted(boot, start, lines('no end')).status, undefined)
})

const fault = (what: string, rip: string) =>
  lines(
    `[    0.158712] CRIT: [libukvmem] <pagefault.c @   43> ${what}`,
    `[    0.159919] CRIT: [libkvmplat] <trace.c @   41> RIP: ${rip} CS: 0008`,
    '[    0.163839] CRIT: [libkvmplat] <trace.c @   86> base is 0x10 Unhandled Trap 13 (general protection), error code=0x0',
    '[    0.163840] CRIT: [libkvmplat] <trace.c @   41> RIP: 000000000010ffb7 CS: 0008',
    '[    0.165434] CRIT: [libkvmplat] <traps.c @   90> Crashing',
  )

test('a program that dies of a fault is told from a kernel that does', () => {
  const page = 'Cannot handle write page fault at 0x0 (ec: 0x2): Bad address (14).'
  const memory = 'Cannot handle write page fault at 0x1007d2d000 (ec: 0x2): Cannot allocate memory (12).'
  const trap = (number: number, name: string) => `Unhandled Trap ${number} (${name}), error code=0x0`
  const of = (what: string, rip = '00000010000d0828') => sorted(boot, start, fault(what, rip)).status
  assert.equal(of(page), 139)
  assert.equal(of(page, '0000000000401234'), 139)
  assert.equal(of(memory), 137)
  assert.equal(of(trap(0, 'divide error')), 136)
  assert.equal(of(trap(6, 'invalid opcode')), 132)
  assert.equal(of(trap(13, 'general protection')), 139)
  for (const what of [page, memory, trap(6, 'invalid opcode')])
    assert.equal(of(what, '0000000000119a7a'), undefined)
  assert.equal(sorted(boot, start, lines(page)).status, undefined)
})
