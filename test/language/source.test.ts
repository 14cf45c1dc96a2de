import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import type { UfrError } from '../../src/base/errors.ts'
import { findCommand } from '../../src/base/process.ts'
import type { Built } from '../../src/language/source/builder.ts'
import { buildByCargo, executables } from '../../src/language/source/cargo.ts'
import { buildByCc } from '../../src/language/source/cc.ts'
import { apiSourceDetector, sourceDetector } from '../../src/language/source/detect.ts'
import { buildToolOf } from '../../src/language/source/find.ts'
import { buildByGo } from '../../src/language/source/go.ts'
import { buildByMake } from '../../src/language/source/make.ts'

const noCompiler = findCommand('cc') && findCommand('make') ? false : 'no cc or no make'
const limit = { timeout: 60_000 }
const c = (text: string) => `#include <stdio.h>\nint main(void) { puts("${text}"); return 0; }\n`

function folderWith(t: TestContext, files: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-source-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text, text.startsWith('#!') ? { mode: 0o755 } : {})
  }
  return folder
}

/** What a builder is asked for: sources, and a folder that it keeps. */
function request(t: TestContext, files: Record<string, string>, wanted?: string) {
  return { folder: folderWith(t, files), cache: folderWith(t, {}), wanted }
}

const fileOf = (built: string | Built) => (typeof built === 'string' ? built : built.file)
const says = (built: string | Built) => spawnSync(fileOf(built), { encoding: 'utf8' }).stdout

test('the tool for a folder is the one that its files are for', (t) => {
  const tool = (files: Record<string, string>) => buildToolOf(folderWith(t, files))
  assert.equal(tool({ 'Cargo.toml': '', 'go.mod': '', Makefile: '', 'main.c': '' }), 'cargo')
  assert.equal(tool({ 'go.mod': '', Makefile: '', 'main.c': '' }), 'go')
  assert.equal(tool({ Makefile: '', 'src/main.c': '' }), 'make')
  assert.equal(tool({ 'main.cpp': '', 'other.c': '' }), 'cc')
  // A Makefile of something else, sources further down: nothing that we know how to build.
  assert.equal(tool({ Makefile: '', 'index.js': '' }), undefined)
  assert.equal(tool({ 'src/main.c': '' }), undefined)
})

test('sources show whether they ask for events, serve, or just run', (t) => {
  const shape = (files: Record<string, string>) => {
    const folder = folderWith(t, files)
    const found = apiSourceDetector.detect(folder) ?? sourceDetector.detect(folder)
    return found && `${found.runtime} ${found.shape}`
  }
  assert.equal(shape({ 'Cargo.toml': '[dependencies]\nlambda_runtime = "1"\n' }), 'provided.al2023 handler')
  assert.equal(shape({ 'go.mod': 'require github.com/aws/aws-lambda-go v1\n' }), 'provided.al2023 handler')
  assert.equal(shape({ 'main.c': 'getenv("AWS_LAMBDA_RUNTIME_API")' }), 'provided.al2023 handler')
  assert.equal(shape({ 'Cargo.toml': '[dependencies]\naxum = "0.8"\n' }), 'native web')
  assert.equal(shape({ 'go.mod': '', 'main.go': 'http.ListenAndServe(":80", nil)' }), 'native web')
  assert.equal(shape({ 'main.c': 'listen(fd, 1); accept(fd, 0, 0);' }), 'native web')
  assert.equal(shape({ 'main.c': 'int main() {}' }), 'native program')
  assert.equal(shape({ 'readme.md': '' }), undefined)
})

test("a package's name is its program's", (t) => {
  const name = (files: Record<string, string>) => sourceDetector.detect(folderWith(t, files))?.command
  assert.equal(name({ 'Cargo.toml': '[package]\nname = "greeter"\n[lib]\nname = "other"\n' }), 'greeter')
  assert.equal(name({ 'go.mod': 'module example.org/x/greeter\n' }), 'greeter')
  // What is no name of a file is none.
  assert.match(name({ 'Cargo.toml': '[package]\nname = "../x"\n' })!, /^ufr-source-/)
})

test('make works on a copy, and makes what is named, bootstrap, or its only program', {
  ...limit,
  skip: noCompiler,
}, async (t) => {
  const makefile = 'all: bootstrap other\n%: %.c\n\tcc -o $@ $<\n'
  const two = request(t, { Makefile: makefile, 'bootstrap.c': c('main'), 'other.c': c('other') })
  assert.equal(says(await buildByMake(two)), 'main\n')
  assert.equal(says(await buildByMake({ ...two, wanted: 'other' })), 'other\n')
  assert.deepEqual(fs.readdirSync(two.folder).sort(), ['Makefile', 'bootstrap.c', 'other.c'])
  // A changed source is made again.
  fs.writeFileSync(path.join(two.folder, 'bootstrap.c'), c('changed'))
  const later = Date.now() / 1000 + 5
  fs.utimesSync(path.join(two.folder, 'bootstrap.c'), later, later)
  assert.equal(says(await buildByMake(two)), 'changed\n')
  // A removed one is gone there, too.
  fs.writeFileSync(path.join(two.folder, 'Makefile'), 'bootstrap: $(wildcard *.c)\n\tcc -o $@ $^\n')
  fs.rmSync(path.join(two.folder, 'other.c'))
  assert.equal(says(await buildByMake(two)), 'changed\n')
  const one = request(t, { Makefile: 'hello: hello.c\n\tcc -o $@ $<\n', 'hello.c': c('hello') })
  assert.equal(says(await buildByMake(one)), 'hello\n')
})

test('what make makes several of, or none, is said', { ...limit, skip: noCompiler }, async (t) => {
  const makefile = 'all: a b\n%: %.c\n\tcc -o $@ $<\n'
  await assert.rejects(buildByMake(request(t, { Makefile: makefile, 'a.c': c(''), 'b.c': c('') })), {
    code: 'UFR-BUILD',
    message: /^make makes several programs: a, b of /,
  })
  await assert.rejects(buildByMake(request(t, { Makefile: 'all:\n\ttrue\n', 'a.c': '' })), {
    code: 'UFR-BUILD',
    message: /^make makes no program at the top of /,
  })
  const broken = request(t, { Makefile: 'all: a\n', 'a.c': 'int main(void) { x }\n' })
  await assert.rejects(buildByMake(broken), ({ code, message }: UfrError) => {
    assert.equal(code, 'UFR-BUILD')
    assert.ok(message.startsWith(`make cannot build ${broken.folder}: a.c:1:18: error: `), message)
    return true
  })
  await assert.rejects(buildByMake(request(t, { Makefile: 'all: nothing\n', 'a.c': '' })), {
    code: 'UFR-BUILD',
    message: /No rule to make target/,
  })
})

test('C sources at the top are one program, and CFLAGS counts', { ...limit, skip: noCompiler }, async (t) => {
  const files = {
    'main.c': 'int puts(const char *);\nconst char *word(void);\nint main(void) { puts(word()); }\n',
    'word.c': 'const char *word(void) { return WORD; }\n',
  }
  process.env['CFLAGS'] = '-DWORD="given"'
  t.after(() => delete process.env['CFLAGS'])
  assert.equal(says(await buildByCc(request(t, files))), 'given\n')
})

test('of what cargo says that it has made, only programs count', () => {
  const line = (name: string, kind: string, executable: string | null, reason = 'compiler-artifact') =>
    JSON.stringify({ reason, executable, target: { name, kind: [kind] } })
  const messages = [
    line('serde', 'lib', null),
    line('build-script-build', 'custom-build', '/x/build-script'),
    line('hello', 'bin', '/x/hello'),
    'warning: not JSON',
    line('other', 'bin', '/x/other', 'something-else'),
    '',
  ]
  assert.deepEqual([...executables(messages.join('\n'))], [['hello', '/x/hello']])
  assert.throws(() => executables('{"reason":'), SyntaxError)
})

test('of several programs of a Rust package the one that is named is taken', limit, async (t) => {
  const made = (name: string) =>
    JSON.stringify({ reason: 'compiler-artifact', executable: `/x/${name}`, target: { name, kind: ['bin'] } })
  // In cargo's place: what it says is its interface.
  const bin = folderWith(t, { cargo: `#!/bin/sh\ncat <<'END'\n${made('world')}\n${made('hello')}\nEND\n` })
  const PATH = process.env['PATH']
  process.env['PATH'] = `${bin}:${PATH}`
  t.after(() => (process.env['PATH'] = PATH))
  const sources = { 'Cargo.toml': '' }
  assert.equal(await buildByCargo(request(t, sources, 'hello')), '/x/hello')
  await assert.rejects(buildByCargo(request(t, sources)), {
    code: 'UFR-BUILD',
    message: /has several programs: hello, world$/,
    fix: /"command": "hello"/,
  })
  await assert.rejects(buildByCargo(request(t, sources, 'nothing')), { message: /several programs/ })
  fs.writeFileSync(path.join(bin, 'cargo'), '#!/bin/sh\nexit 0\n')
  await assert.rejects(buildByCargo(request(t, sources)), { code: 'UFR-BUILD', message: /has no program/ })
  const words = `error[E0425]: cannot find value \\\`x\\\`\n  --> src/main.rs:1:13\n`
  fs.writeFileSync(
    path.join(bin, 'cargo'),
    `#!/bin/sh\nprintf "   Compiling f v0.1.0\\n${words}" >&2\nexit 101\n`,
  )
  await assert.rejects(buildByCargo(request(t, sources)), {
    code: 'UFR-BUILD',
    message: /: src\/main\.rs:1:13: error\[E0425\]: cannot find value `x`$/,
  })
})

test('of a Go module the package at the top or below cmd is taken', limit, async (t) => {
  // In its place: tells which package it is asked for.
  const bin = folderWith(t, {
    go: '#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\nfor last; do :; done\necho "$last" >"$2"\n',
  })
  const PATH = process.env['PATH']
  process.env['PATH'] = `${bin}:${PATH}`
  t.after(() => (process.env['PATH'] = PATH))
  const main = 'package main\n'
  const built = async (files: Record<string, string>, wanted?: string) =>
    fs.readFileSync(fileOf(await buildByGo(request(t, { 'go.mod': '', ...files }, wanted))), 'utf8').trim()
  assert.equal(await built({ 'main.go': main }), './.')
  assert.equal(await built({ 'lib.go': 'package lib\n', 'cmd/a/main.go': main }), './cmd/a')
  assert.equal(await built({ 'main.go': main, 'cmd/a/main.go': main }, 'a'), './cmd/a')
  const two = { 'cmd/a/main.go': main, 'cmd/b/main.go': main }
  assert.equal(await built(two, 'b'), './cmd/b')
  await assert.rejects(built(two), { code: 'UFR-BUILD', message: /has several programs: a, b$/ })
  await assert.rejects(built({ 'x_test.go': main, 'cmd/readme': '' }), {
    code: 'UFR-BUILD',
    message: /has no program$/,
  })
})
