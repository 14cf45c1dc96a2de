import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { tinyElf } from '../image/formats/tiny-elf.ts'
import { filesBelow } from '../kernel/home.ts'
import { writeFiles } from '../unikernel/nanos-folders.ts'
import { command, runProgram, ufr } from './command.ts'
import { homeWithKernel, writeProgram } from './home.ts'

interface Bad {
  what: string
  files: Record<string, string | Uint8Array>
  links?: Record<string, string>
  status: number
  says: RegExp
  fix: RegExp
}

const handler = 'export const handler = () => 1'
const pythonHandler = 'def lambda_handler(event, context): ...'
const native = (command: string) => JSON.stringify({ runtime: 'native', command })

const bad: Bad[] = [
  {
    what: 'a folder with nothing in it',
    files: {},
    status: 2,
    says: /^UFR-DETECT: .* has no function that ufr recognises: it is empty\n/,
    fix: /Say in ufr\.json what it is/,
  },
  {
    what: 'no ufr.json, and nothing that shows what it is',
    files: { 'readme.txt': 'x' },
    status: 2,
    says: /^UFR-DETECT: .*: it has readme\.txt\n/,
    fix: /ufr init --example hello-node/,
  },
  {
    what: 'a ufr.json that is no JSON',
    files: { 'ufr.json': '{\n  "name": "x"\n  "memory": 5\n}', 'index.mjs': handler },
    status: 2,
    says: /^UFR-CONFIG: .*ufr\.json:2:14: a comma or } is missing here\n/,
    fix: /docs\/ufr-json\.md/,
  },
  {
    what: 'a ufr.json with an unknown key',
    files: { 'ufr.json': '{ "memmory": 512 }', 'index.mjs': handler },
    status: 2,
    says: /^UFR-CONFIG: .*ufr\.json:1:3: unknown key "memmory"; did you mean "memory"\?\n/,
    fix: /docs\/ufr-json\.md/,
  },
  {
    what: 'a ufr.json with a value that is none',
    files: { 'ufr.json': '{ "memory": "512" }', 'index.mjs': handler },
    status: 2,
    says: /^UFR-CONFIG: .* memory must be an integer from 16 to 1048576, not "512" \(write 512 without/,
    fix: /memory: Memory of the guest/,
  },
  {
    what: 'a handler whose module is not there',
    files: { 'ufr.json': '{ "handler": "app.handler" }', 'index.mjs': handler },
    status: 4,
    says: /^UFR-HANDLER: The handler app\.handler of .* does not exist/,
    fix: /Did you mean "handler": "index\.handler" in ufr\.json\?/,
  },
  {
    what: 'a program that is not there',
    files: { 'ufr.json': native('prog') },
    status: 4,
    says: /^UFR-PROGRAM: There is no program prog: .*prog does not exist\n/,
    fix: /correct `command` in ufr\.json/,
  },
  {
    what: 'a program for another processor',
    files: { 'ufr.json': native('prog'), prog: tinyElf({ type: 2, machine: 183 }) },
    status: 4,
    says: /^UFR-ARCHITECTURE: prog is for aarch64, the guest runs x86-64\n/,
    fix: /Build it for x86-64 Linux/,
  },
  {
    what: 'a program of 32 bits',
    files: { 'ufr.json': native('prog'), prog: tinyElf({ type: 2, class: 32, machine: 3 }) },
    status: 4,
    says: /^UFR-ARCHITECTURE: prog is for i386, /,
    fix: /Build it for x86-64 Linux/,
  },
  {
    what: 'a program that ends too soon',
    files: { 'ufr.json': native('prog'), prog: tinyElf({ type: 2 }).subarray(0, 100) },
    status: 4,
    says: /^UFR-PROGRAM: /,
    fix: /./,
  },
  {
    what: 'a script whose interpreter is missing',
    files: { 'ufr.json': native('run'), run: '#!/usr/bin/no-such-interpreter -x\n' },
    status: 4,
    says: /^UFR-INTERPRETER: The script run needs the interpreter \/usr\/bin\/no-such-interpreter, /,
    fix: /Install \/usr\/bin\/no-such-interpreter/,
  },
  {
    what: 'a script with Windows line ends',
    files: { 'ufr.json': native('run'), run: '#!/bin/sh\r\necho\r\n' },
    status: 4,
    says: /^UFR-INTERPRETER: The script run has Windows line ends/,
    fix: /sed -i/,
  },
  {
    what: 'links that lead in a circle',
    files: { 'index.mjs': handler },
    links: { one: 'two', two: 'one' },
    status: 4,
    says: /^UFR-TREE-LOOP: one is a link that leads in a circle: one → two → one\n/,
    fix: /Remove one of the links named/,
  },
  {
    what: 'a link to a folder that has the function in it',
    files: { 'index.mjs': handler },
    links: { 'deep/up': '../..' },
    status: 4,
    says: /^UFR-TREE-LOOP: deep\/up leads to .*, which contains the function's own folder\n/,
    fix: /Remove one of the links named/,
  },
  {
    what: 'a link to nothing',
    files: { 'index.mjs': handler },
    links: { gone: '/nonexistent/file' },
    status: 4,
    says: /^UFR-TREE: gone is a link to \/nonexistent\/file, which is not there\n/,
    fix: /Remove the link/,
  },
  {
    what: 'a runtime that cannot be had',
    files: { 'ufr.json': '{ "runtime": "python3.9", "handler": "app.handler" }', 'app.py': '' },
    status: 3,
    says: /^UFR-RUNTIME: There is no Python 3\.9 to be had\n/,
    fix: /python3\.13 or python3\.11/,
  },
  {
    what: 'a Python handler in a module that is not there',
    files: {
      'ufr.json': '{ "runtime": "python3.13", "handler": "app.handle" }',
      'api.py': 'def handle(event, context): ...',
    },
    status: 4,
    says: /^UFR-HANDLER: The handler app\.handle of \S+ does not exist: there is no file app\.py\n/,
    fix: /Did you mean "handler": "api\.handle" in ufr\.json\?/,
  },
  {
    what: 'a wheel for another platform',
    files: { 'lambda_function.py': pythonHandler, 'numpy/_core.cpython-312-aarch64-linux-gnu.so': 'x' },
    status: 4,
    says: /^UFR-WHEEL: numpy\/_core\S+ is for Python 3\.12; the function runs on Python 3\.13 on x86-64 Linux/,
    fix: /requirements\.txt.*pip install --target \. .*manylinux2014_x86_64 numpy/,
  },
  {
    what: 'a requirement that would have to be built',
    files: { 'lambda_function.py': pythonHandler, 'requirements.txt': 'six\n-e ./own\n' },
    status: 4,
    says: /^UFR-REQUIREMENTS: \S+requirements\.txt:2: \.\/own would have to be built/,
    fix: /pip wheel/,
  },
  {
    what: 'a snapshot, which cannot be had yet',
    files: { 'ufr.json': '{ "snapshot": true }', 'index.mjs': handler },
    status: 2,
    says: /^UFR-NOT-YET: functions cannot be started from a snapshot yet\n/,
    fix: /Leave "snapshot" out/,
  },
]

test('a bad function is told what is wrong with it before anything boots, and nothing is left behind', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const before = filesBelow(home)
  for (const [i, { what, files, links = {}, status, says, fix }] of bad.entries()) {
    const code = path.join(folder, `function-${i}`)
    fs.mkdirSync(code)
    writeFiles(code, files)
    for (const name of ['prog', 'run']) if (name in files) fs.chmodSync(path.join(code, name), 0o755)
    for (const [link, target] of Object.entries(links)) {
      fs.mkdirSync(path.dirname(path.join(code, link)), { recursive: true })
      fs.symlinkSync(target, path.join(code, link))
    }
    const there = filesBelow(code)
    const result = await ufr(['build', code, '--unikernel', 'nanos'], { home })
    assert.deepEqual([result.status, result.stdout], [status, ''], `${what}: ${result.stderr}`)
    assert.match(result.stderr, says, what)
    assert.match(result.stderr.split('\n').at(-2)!, fix, what)
    assert.deepEqual(filesBelow(code), there, what)
    assert.deepEqual(filesBelow(home), before, what)
  }
})

test('a folder that is not there, is a file, or was removed under the feet of the command', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')
  for (const [given, says] of [
    [path.join(folder, 'nothing'), /^UFR-FOLDER: .*nothing does not exist\n/],
    [file, /^UFR-FOLDER: .*file is a file; a function is a folder\n/],
  ] as const) {
    const { status, stdout, stderr } = await ufr(['build', given], { home })
    assert.deepEqual([status, stdout], [2, ''])
    assert.match(stderr, says)
  }
  const script = 'mkdir "$0" && cd "$0" && rmdir "$0" && exec "$@"'
  const gone = await runProgram(['bash', '-c', script, path.join(folder, 'gone'), ...command, 'build'], {
    env: { UFR_HOME: home },
  })
  assert.equal(gone.status, 2, gone.stderr)
  assert.match(
    gone.stderr,
    /^UFR-FOLDER: the folder that this was started in does not exist any more\n {2}Go to/m,
  )
})

test('a function that changes between two builds is built anew, and one that is gone is still in the store', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const code = writeProgram(path.join(folder, 'code'), { data: 'one' })
  const first = await ufr(['build', code], { home })
  fs.writeFileSync(path.join(code, 'data'), 'two')
  const second = await ufr(['build', code], { home })
  fs.rmSync(code, { recursive: true })
  assert.notEqual(first.stdout, second.stdout)
  for (const [{ stdout }, data] of [
    [first, 'one'],
    [second, 'two'],
  ] as const) {
    const { stdout: read } = await ufr(['image', 'cat', stdout.trim(), 'root/var/task/data'], { home })
    assert.equal(read, data)
  }
})
