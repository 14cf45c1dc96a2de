import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readElf } from '../../../src/image/formats/elf/elf.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { type Start, startProgram } from '../../../src/unikernel/unikraft/start.ts'
import { startCode } from '../../../src/unikernel/unikraft/start-code.ts'
import { useHome } from '../../kernel/home.ts'

const home = useHome()
const source = fileURLToPath(new URL('../../../src/unikernel/unikraft/start.S', import.meta.url))
const has = (...programs: string[]) => {
  const missing = programs.filter((name) => spawnSync(name, ['--version']).error)
  return { skip: missing.length > 0 ? `no ${missing.join(', ')}` : false }
}

test('the machine code is that of start.S', has('as', 'objcopy'), () => {
  const [object, binary] = [home.beside('start.o'), home.beside('start.bin')]
  execFileSync('as', ['--64', '-o', object, source])
  execFileSync('objcopy', ['-O', 'binary', '-j', '.text', object, binary])
  assert.deepEqual(
    fs.readFileSync(binary),
    startCode,
    'assemble start.S, and put its code into start-code.ts',
  )
})

test('it is a program that can be loaded anywhere, its code apart from its data', () => {
  const bytes = startProgram({ program: '/p', folder: '/f', argv: ['a'], environment: {} })
  const { type, entry, programHeaders, interpreter } = readElf(bytesSource(bytes))
  assert.deepEqual([type, entry, interpreter], [3, 176n, undefined])
  assert.deepEqual(
    programHeaders.map(({ flags, offset, address }) => [flags, offset, address]),
    [
      [5, 0, 0n],
      [6, 4096, 4096n],
    ],
  )
  assert.equal(programHeaders[1]!.offset + programHeaders[1]!.fileSize, bytes.length)
})

test('what no program can be given is refused', () => {
  const refused = { name: 'UfrError', code: 'UFR-IMAGE-LIMIT' }
  const start = { program: '/p', folder: '/', argv: ['p'], environment: {} }
  assert.throws(() => startProgram({ ...start, argv: ['p', 'a\0b'] }), refused)
  assert.throws(() => startProgram({ ...start, environment: { A: '\0' } }), refused)
  assert.throws(() => startProgram({ ...start, argv: ['p', 'x'.repeat(3 << 20)] }), refused)
})

/** The first program runs on Linux as it does in the guest, but for the end, which Linux tells by itself. */
function run(start: Partial<Start> & { program: string }) {
  const file = home.beside('start')
  fs.writeFileSync(file, startProgram({ folder: '/', argv: ['it'], environment: {}, ...start }), {
    mode: 0o755,
  })
  const { status, signal, stdout, stderr } = spawnSync(file, ['ignored'], {
    encoding: 'utf8',
    env: { IGNORED: '1' },
  })
  const [first, ...rest] = stdout.split('\n')
  return { status, signal, started: first === 'ufr: the program starts', stdout: rest.join('\n'), stderr }
}

test('a program has its arguments, environment and folder, and no others', () => {
  const script = 'console.log(JSON.stringify([process.argv.slice(1), process.env, process.cwd()]))'
  const argv = [
    'node',
    '-e',
    script,
    '',
    'a b',
    '"\'\\ $x',
    'grüße\n日本',
    '--',
    ...Array.from({ length: 500 }, (_, i) => `${i}`),
  ]
  const environment = {
    PATH: '/mine',
    EMPTY: '',
    TEXT: 'a=b c\n',
    ...Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`V${i}`, 'x'.repeat(100)])),
  }
  const folder = fs.realpathSync(home.folder())
  // The official Node.js is linked to an address, and dynamically.
  const { status, started, stdout } = run({ program: process.execPath, folder, argv, environment })
  assert.deepEqual([status, started], [0, true])
  const told = JSON.parse(stdout)
  assert.deepEqual(told, [argv.slice(3), environment, folder])
})

test('it ends as the program does', () => {
  const shell = fs.realpathSync('/bin/sh')
  const end = (command: string) => run({ program: shell, argv: ['sh', '-c', command] })
  assert.equal(end('exit 7').status, 7)
  assert.equal(end('kill -TERM $$').signal, 'SIGTERM')
  assert.equal(end('echo text; echo error >&2').stderr, 'error\n')
})

test('a program that is not there or cannot be loaded is told, with status 127', () => {
  const file = home.beside('broken')
  fs.writeFileSync(file, Buffer.from('\x7fELF too short'))
  for (const program of ['/nothing/here', '/', file]) {
    const { status, stderr } = run({ program })
    assert.deepEqual([status, stderr], [127, 'ufr: the program cannot be loaded\n'], program)
  }
  assert.equal(run({ program: process.execPath, folder: '/nothing/here' }).status, 127)
})

const c = `
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/auxv.h>
extern char **environ;
static char zeros[3 << 20];
static char set[5000] = "set";
static _Thread_local int own = 42;
static int deep(int n) { volatile char room[1000]; room[0] = n; return n ? deep(n - 1) + room[0] * 0 : 1; }
int main(int argc, char **argv) {
  int clean = 1;
  for (size_t i = 0; i < sizeof zeros; i++) clean &= zeros[i] == 0;
  memset(zeros, 1, sizeof zeros);
  char *heap = malloc(10 << 20);
  memset(heap, 2, 10 << 20);
  printf("%d %s %s %d %d %d %s %ld\\n", argc, argv[1], set, own, clean, deep(5000), environ[0], getauxval(AT_PAGESZ));
  printf("%s\\n", (char *)getauxval(AT_EXECFN));
  return 3;
}`

for (const [name, flags] of Object.entries({
  'static and position-independent': ['-static-pie'],
  'static and linked to an address': ['-static', '-no-pie'],
  'dynamic and position-independent': ['-pie'],
  'dynamic and linked to an address': ['-no-pie'],
  'aligned to 2 MiB': ['-pie', '-Wl,-z,max-page-size=0x200000'],
})) {
  test(`a program that is ${name} starts`, has('gcc'), (t) => {
    const [text, program] = [home.beside('main.c'), path.join(home.folder(), 'main')]
    fs.writeFileSync(text, c)
    if (spawnSync('gcc', ['-O1', ...flags, '-o', program, text]).status !== 0)
      return t.skip('this gcc cannot link so')
    const { status, stdout, stderr } = run({
      program,
      argv: ['main', 'an argument'],
      environment: { A: 'b' },
    })
    assert.deepEqual([stdout, stderr, status], [`2 an argument set 42 1 1 A=b 4096\n${program}\n`, '', 3])
  })
}
