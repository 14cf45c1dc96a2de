import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { bytesContent, contentBytes } from '../../../src/image/content.ts'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { entryStub } from '../../../src/image/formats/elf/entry-stub.ts'
import { entryStubCode, stubFields } from '../../../src/image/formats/elf/entry-stub-code.ts'
import { patchedContent } from '../../../src/image/patched.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { useHome } from '../../kernel/home.ts'
import { tinyProgram } from './tiny-program.ts'

const home = useHome()
const source = fileURLToPath(new URL('../../../src/image/formats/elf/entry-stub.S', import.meta.url))
const mark = '\x1b_\x1b\\'
const has = (...programs: string[]) => {
  const missing = programs.filter((name) => spawnSync(name, ['--version']).error)
  return { skip: missing.length > 0 ? `no ${missing.join(', ')}` : false }
}

function marked(file: Buffer, descriptor = 1): { bytes: Buffer; place: string } | undefined {
  const stub = entryStub(bytesSource(file), descriptor)
  if (!stub) return undefined
  const { patches, size, place } = stub
  return { bytes: contentBytes(patchedContent(bytesContent(file), patches, size)), place }
}

function run(bytes: Buffer, args: string[] = [], shell?: string) {
  const file = home.beside('program')
  fs.writeFileSync(file, bytes, { mode: 0o755 })
  const options = { timeout: 10_000, encoding: 'latin1' } as const
  return shell ? spawnSync('sh', ['-c', shell, file], options) : spawnSync(file, args, options)
}

function compiled(text: string, flags: string[], name = 'main.c'): Buffer {
  const [from, to] = [home.beside(name), home.beside('compiled')]
  fs.writeFileSync(from, text)
  execFileSync('gcc', ['-O1', '-o', to, from, ...flags], { timeout: 60_000 })
  return fs.readFileSync(to)
}

test('the machine code is that of entry-stub.S', has('as', 'objcopy', 'nm'), () => {
  const [object, binary] = [home.beside('stub.o'), home.beside('stub.bin')]
  execFileSync('as', ['--64', '-o', object, source])
  execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary])
  const again = 'assemble entry-stub.S, and put its code into entry-stub-code.ts'
  assert.deepEqual(fs.readFileSync(binary), entryStubCode, again)
  const symbols = execFileSync('nm', [object], { encoding: 'utf8' })
  for (const [name, at] of Object.entries(stubFields)) {
    const found = new RegExp(`^0*([0-9a-f]*) t ${name}$`, 'm').exec(symbols)?.[1]
    assert.equal(Number.parseInt(found || '0', 16), at, `${name}: ${again}`)
  }
})

test('the mark comes first and once, and the program ends as it did', () => {
  for (const [program, place] of [
    [tinyProgram({ spare: 200 }), 'padding'],
    [tinyProgram({ spare: 200, note: false, sections: false }), 'padding'],
    [tinyProgram({ spare: 8 }), 'segment'],
    [tinyProgram(), 'segment'],
  ] as const) {
    assert.deepEqual([run(program).status, run(program).stdout], [0, ''])
    const found = marked(program)
    assert.equal(found?.place, place)
    const { status, signal, stdout } = run(found.bytes)
    assert.deepEqual([status, signal, stdout], [0, null, mark])
  }
})

test('a file whose end may be looked for stays as it is, and so does one without room', () => {
  assert.equal(marked(tinyProgram({ tail: Buffer.alloc(4000, 'zip') })), undefined)
  assert.equal(marked(tinyProgram({ sections: false })), undefined)
  assert.equal(marked(tinyProgram({ note: false })), undefined)
  // What follows the code is no padding where it is not zero.
  const used = tinyProgram({ spare: 200, note: false })
  used[64 + 3 * 56 + 60] = 1
  assert.equal(marked(used), undefined)
})

test('what is no program for x86-64 stays as it is', () => {
  for (const [at, value] of [
    [18, 40],
    [16, 1],
    [16, 4],
    [24, 0],
  ] as const) {
    const bytes = tinyProgram({ spare: 200 })
    bytes[at] = value
    if (at === 24) bytes.fill(0, 24, 32)
    assert.equal(marked(bytes), undefined)
  }
  assert.throws(() => marked(Buffer.from('#!/bin/sh\n')), { name: 'UfrError', code: 'UFR-FORMAT' })
})

test('segments stay in the order of their addresses, and the others as they were', () => {
  const before = readElf(bytesSource(tinyProgram()))
  const { programHeaders, entry } = readElf(bytesSource(marked(tinyProgram())!.bytes))
  const loads = programHeaders.filter(({ type }) => type === 1)
  assert.deepEqual(loads.slice(0, 2), before.programHeaders.slice(1))
  assert.equal(loads[2]!.address, entry)
  assert.deepEqual(
    loads.map(({ address }) => address),
    loads.map(({ address }) => address).sort((a, b) => (a < b ? -1 : 1)),
  )
})

const registers = `
.intel_syntax noprefix
.globl _start
_start:
${['rax', 'rbx', 'rcx', 'rdx', 'rsi', 'rdi', 'rbp', 'r8', 'r9', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15']
  .map((name) => `    test ${name}, ${name}\n    jnz 1f`)
  .join('\n')}
    cmp qword ptr [rsp], 1
    jne 1f
    xor edi, edi
    jmp 2f
1:  mov edi, 1
2:  mov eax, 231
    syscall
`

test('registers and stack are as the kernel left them', has('gcc'), () => {
  const program = compiled(registers, ['-nostdlib', '-static'], 'main.s')
  assert.equal(run(program).status, 0)
  const { status, stdout } = run(marked(program)!.bytes)
  assert.deepEqual([status, stdout], [0, mark])
})

const asks = `
#include <fcntl.h>
#include <stdio.h>
#include <sys/auxv.h>
extern void _start(void);
int main(int argc, char **argv, char **env) {
  int n = 0;
  while (env[n]) n++;
  printf("%d %d %d %d\\n", argc, n > 0, getauxval(AT_ENTRY) == (unsigned long)_start, fcntl(200, F_GETFD));
  return 3;
}`

test('C programs, linked in any way, are told where they begin', has('gcc'), () => {
  for (const flags of [['-static'], ['-static-pie'], ['-static', '-Wl,-z,noseparate-code'], []]) {
    const program = compiled(asks, flags)
    const { status, stdout } = run(marked(program)!.bytes, ['a', 'b'])
    assert.deepEqual([status, stdout], [3, `${mark}3 1 1 -1\n`], flags.join(' '))
  }
})

test(
  'a descriptor of its own is written to and closed; standard output has nothing of it',
  has('gcc'),
  () => {
    const program = marked(compiled(asks, ['-static']), 200)!.bytes
    const [to, file] = [home.beside('marks'), home.beside('program')]
    const shell = `exec bash -c '"$0" 200>${to}' "$0"`
    if (spawnSync('bash', ['--version']).error) return
    const { status, stdout } = run(program, [], shell)
    assert.deepEqual([status, stdout], [3, '1 1 1 -1\n'])
    assert.equal(fs.readFileSync(to, 'latin1'), mark)
    // Where it is not there, as for what the program itself starts, nothing happens at all.
    assert.equal(spawnSync(file, { encoding: 'latin1' }).stdout, '1 1 1 -1\n')
  },
)

const linker = '/lib64/ld-linux-x86-64.so.2'

test('a dynamic linker knows whether it is the program itself', {
  skip: fs.existsSync(linker) ? has('gcc').skip : 'no glibc',
}, () => {
  const [program, own] = [home.beside('dynamic'), home.beside('ld.so')]
  fs.writeFileSync(own, marked(fs.readFileSync(linker))!.bytes, { mode: 0o755 })
  fs.writeFileSync(program, compiled(asks, []), { mode: 0o755 })
  const started = spawnSync(own, [program, 'a'], { encoding: 'latin1' })
  assert.deepEqual([started.status, started.stdout.replace(/ \d -1\n$/, '')], [3, `${mark}2 1`])
  fs.writeFileSync(program, compiled(asks, [`-Wl,--dynamic-linker=${own}`]), { mode: 0o755 })
  const { status, stdout } = spawnSync(program, ['a'], { encoding: 'latin1' })
  assert.deepEqual([status, stdout], [3, `${mark}2 1 1 -1\n`])
})

test('any bytes give a stub that keeps within the file, none, or an error', () => {
  const programs = [tinyProgram({ spare: 200 }), tinyProgram(), tinyProgram({ spare: 40, type: 3 })]
  const byte = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }))
  const change = fc.tuple(fc.nat(260), byte)
  const changed = fc
    .tuple(fc.constantFrom(...programs), fc.array(change, { maxLength: 8 }), fc.nat(1500))
    .map(([original, changes, cut]) => {
      const bytes = Buffer.from(original)
      for (const [at, value] of changes) bytes[at % bytes.length] = value
      return cut < bytes.length ? bytes.subarray(0, cut) : bytes
    })
  const random = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.oneof({ weight: 9, arbitrary: changed }, { weight: 1, arbitrary: random }), (bytes) => {
      try {
        const stub = entryStub(bytesSource(bytes), 1)
        if (!stub) return
        let at = 0
        for (const patch of stub.patches) {
          assert.ok(patch.offset >= at)
          at = patch.offset + patch.bytes.length
        }
        assert.ok(at <= stub.size && stub.size - bytes.length < 4096 + entryStubCode.length)
        const again = contentBytes(patchedContent(bytesContent(bytes), stub.patches, stub.size))
        assert.equal(again.length, stub.size)
        readElf(bytesSource(again))
      } catch (error) {
        if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
      }
    }),
    { numRuns: 5000 },
  )
})
