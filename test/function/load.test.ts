import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { bootstrapDetector, type Detected, type Detector, nativeDetector } from '../../src/function/detect.ts'
import { defaultName, loadFunction } from '../../src/function/load.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { elfHeader, makeFolder } from './make.ts'

/** Stands for the one of Node.js: what it says for any folder with an index.mjs. */
function nodeLike(
  found: Detected = { runtime: 'nodejs', shape: 'handler', handler: 'index.handler' },
): Detector[] {
  const detect = (folder: string) => (fs.existsSync(path.join(folder, 'index.mjs')) ? found : undefined)
  return [bootstrapDetector, { family: 'nodejs', looksFor: 'index.mjs', detect }, nativeDetector]
}

function config(value: unknown): Record<string, string> {
  return { 'ufr.json': JSON.stringify(value) }
}

/** What runs, and as what. */
function kind(spec: FunctionSpec): unknown[] {
  return [spec.runtime, spec.shape, spec.handler ?? spec.command]
}

test('a folder without ufr.json', (t) => {
  const folder = makeFolder(t, { 'index.mjs': '' }, 'Hello, node!')
  assert.deepEqual(loadFunction(folder, {}, nodeLike()), {
    name: 'Hello-node',
    folder,
    runtime: 'nodejs',
    shape: 'handler',
    handler: 'index.handler',
    args: [],
    environment: {},
    memoryMiB: 512,
    cpus: 1,
    timeoutSeconds: 30,
    files: [],
    network: 'none',
  })
})

test('a folder with everything in ufr.json needs no detector', (t) => {
  const folder = makeFolder(t, {
    ...config({
      $schema: 'x',
      name: 'n',
      runtime: 'nodejs24.x',
      shape: 'web',
      command: 'server.mjs',
      args: ['-v'],
      port: 8083,
      environment: { A: 'b' },
      memory: 512,
      cpus: 2,
      timeout: 5,
      files: ['a', { from: 'b', to: 'c' }],
      unikernel: 'nanos',
      vmm: 'qemu',
      network: 'egress',
      snapshot: true,
    }),
  })
  const never: Detector = { family: 'nodejs', looksFor: '', detect: () => assert.fail('asked') }
  assert.deepEqual(loadFunction(folder, {}, [never]), {
    name: 'n',
    folder,
    runtime: 'nodejs24.x',
    shape: 'web',
    command: 'server.mjs',
    args: ['-v'],
    port: 8083,
    environment: { A: 'b' },
    memoryMiB: 512,
    cpus: 2,
    timeoutSeconds: 5,
    files: [{ from: 'a' }, { from: 'b', to: 'c' }],
    unikernel: 'nanos',
    vmm: 'qemu',
    network: 'egress',
    snapshot: true,
  })
})

test('overrides come before ufr.json', (t) => {
  const folder = makeFolder(t, { 'index.mjs': '', ...config({ memory: 64, timeout: 5, handler: 'index.a' }) })
  const spec = loadFunction(folder, { memoryMiB: 128, vmm: 'qemu' }, nodeLike())
  assert.equal(spec.memoryMiB, 128)
  assert.equal(spec.timeoutSeconds, 5)
  assert.equal(spec.vmm, 'qemu')
  assert.deepEqual(kind(loadFunction(folder, { command: 'index.mjs' }, nodeLike())), [
    'nodejs',
    'web',
    'index.mjs',
  ])
  const absent = { cpus: undefined } as unknown as Partial<FunctionSpec>
  assert.equal(loadFunction(folder, absent, nodeLike()).cpus, 1)
})

test('what is not said is seen from the files', (t) => {
  const files = { 'index.mjs': '', 'src/app.js': '', hello: elfHeader(), 'run.sh': '#!/bin/sh\n' }
  const seen = (value: object, detectors = nodeLike()) =>
    kind(loadFunction(makeFolder(t, { ...files, ...config(value) }), {}, detectors))
  const web: Detected = { runtime: 'nodejs', shape: 'web', command: 'index.mjs' }
  assert.deepEqual(seen({}), ['nodejs', 'handler', 'index.handler'])
  assert.deepEqual(seen({}, nodeLike(web)), ['nodejs', 'web', 'index.mjs'])
  assert.deepEqual(seen({ runtime: 'nodejs22.x' }), ['nodejs22.x', 'handler', 'index.handler'])
  assert.deepEqual(seen({ runtime: 'native' }), ['native', 'program', 'hello'])
  assert.deepEqual(seen({ runtime: 'native', shape: 'web' }), ['native', 'web', 'hello'])
  assert.deepEqual(seen({ runtime: 'native', port: 80 }), ['native', 'web', 'hello'])
  assert.deepEqual(seen({ handler: 'src/app.go' }), ['nodejs', 'handler', 'src/app.go'])
  assert.deepEqual(seen({ handler: 'src/app.go' }, [nativeDetector]), ['nodejs', 'handler', 'src/app.go'])
  assert.deepEqual(seen({ command: './hello' }), ['native', 'program', './hello'])
  assert.deepEqual(seen({ command: 'run.sh' }), ['native', 'program', 'run.sh'])
  assert.deepEqual(seen({ command: 'hello', shape: 'web' }), ['native', 'web', 'hello'])
  assert.deepEqual(seen({ command: 'src/app.js' }), ['nodejs', 'web', 'src/app.js'])
  assert.deepEqual(seen({ command: 'index.mjs', shape: 'program' }), ['nodejs', 'program', 'index.mjs'])
  assert.deepEqual(seen({ port: 80 }, nodeLike(web)), ['nodejs', 'web', 'index.mjs'])
  assert.deepEqual(seen({ runtime: 'java21', handler: 'Hello::run' }), ['java21', 'handler', 'Hello::run'])
})

test('a bootstrap program is a handler over the Runtime API', (t) => {
  const files = { bootstrap: elfHeader(), 'index.mjs': '' }
  const spec = loadFunction(makeFolder(t, files), {}, nodeLike())
  assert.deepEqual(kind(spec), ['provided.al2023', 'handler', 'bootstrap'])
  const said = { runtime: 'provided.al2023', handler: 'my.fn', command: 'other' }
  const other = loadFunction(makeFolder(t, { ...files, ...config(said) }), {}, nodeLike())
  assert.deepEqual([other.shape, other.handler, other.command], ['handler', 'my.fn', 'other'])
  const bare = loadFunction(makeFolder(t, config({ runtime: 'provided.al2023' })), {}, nodeLike())
  assert.deepEqual(kind(bare), ['provided.al2023', 'handler', 'bootstrap'])
})

test('the one program at the top', (t) => {
  const folder = makeFolder(t, {
    hello: elfHeader(),
    'libx.so.1': elfHeader(3),
    'addon.node': elfHeader(3),
    'x.o': elfHeader(1),
    plugin: elfHeader(3),
    'bin/other': elfHeader(),
    'README.md': 'x',
    empty: '',
  })
  assert.deepEqual(kind(loadFunction(folder, {}, [nativeDetector])), ['native', 'program', 'hello'])
  fs.writeFileSync(path.join(folder, 'world'), elfHeader().subarray(0, 30))
  assert.throws(() => loadFunction(folder, {}, [nativeDetector]), {
    code: 'UFR-DETECT',
    message: /my-function has several programs: hello, world$/,
    fix: /\{ "runtime": "native", "command": "hello" \}/,
  })
  fs.writeFileSync(path.join(folder, 'ufr.json'), '{"command": "hello"}')
  assert.deepEqual(kind(loadFunction(folder, {}, [nativeDetector])), ['native', 'program', 'hello'])
})

test('a folder that nothing recognises', (t) => {
  const folder = makeFolder(t, { 'main.rb': '', bootstrap: '#!/bin/sh\n' })
  assert.throws(() => loadFunction(folder, {}, nodeLike()), {
    code: 'UFR-DETECT',
    message: /has no function that ufr recognises: it has bootstrap, main\.rb$/,
    detail: [
      'looked for: a program bootstrap for the Runtime API; index.mjs; exactly one ELF program',
      'bootstrap is there, but it is no ELF program',
    ],
    fix: /ufr\.json.*"handler": "index\.handler".*ufr init --example hello-node/,
  })
  assert.throws(() => loadFunction(makeFolder(t, {}), {}, nodeLike()), { message: /it is empty$/ })
  assert.throws(() => loadFunction(makeFolder(t, config({ handler: 'gone.x' })), {}, nodeLike()), {
    code: 'UFR-DETECT',
  })
})

test('what does not go together', (t) => {
  const refuse = (value: object, code: string, message: RegExp, fix: RegExp) => {
    const folder = makeFolder(t, { 'index.mjs': '', hello: elfHeader(), ...config(value) })
    assert.throws(() => loadFunction(folder, {}, nodeLike()), { code, message, fix })
  }
  refuse({ handler: 'a.b', command: 'c' }, 'UFR-CONFIG', /handler and command are both there/, /Keep/)
  refuse(
    { handler: 'a.b', port: 80, runtime: 'nodejs' },
    'UFR-CONFIG',
    /port is there, but the function is a handler/,
    /shape/,
  )
  refuse({ args: ['x'] }, 'UFR-CONFIG', /a handler has no arguments/, /command/)
  refuse(
    { runtime: 'nodejs', shape: 'web' },
    'UFR-DETECT',
    /is a web function, .*: command is missing/,
    /"command": /,
  )
  refuse(
    { runtime: 'native', shape: 'handler' },
    'UFR-DETECT',
    /is a handler, .*: handler is missing/,
    /"handler": /,
  )
  const fix = /"command": "node", "args": \["server\.js","-v"\]/
  refuse(
    { runtime: 'nodejs', command: 'node server.js -v' },
    'UFR-CONFIG',
    /no file named "node server\.js -v"/,
    fix,
  )
})

test('a command may have spaces in its name', (t) => {
  const folder = makeFolder(t, { 'my server': elfHeader(), ...config({ command: 'my server' }) })
  assert.deepEqual(kind(loadFunction(folder, {}, [])), ['native', 'program', 'my server'])
})

test('a folder that is none', (t) => {
  const folder = makeFolder(
    t,
    { 'ufr.json': '{}', 'app.mjs': '', hello: elfHeader(), notes: 'x' },
    'hello-node',
  )
  const parent = path.dirname(folder)
  const refuse = (file: string, message: RegExp, fix: RegExp) =>
    assert.throws(() => loadFunction(file, {}, nodeLike()), { code: 'UFR-FOLDER', message, fix })
  refuse(
    path.join(parent, 'helo-node'),
    /helo-node does not exist; did you mean "hello-node"\?$/,
    /ufr run DIR/,
  )
  refuse(path.join(parent, 'x/y'), /nor does the folder it would be in$/, /ufr run DIR/)
  refuse(path.join(folder, 'ufr.json'), /ufr\.json is a file; a function is a folder$/, /hello-node$/)
  refuse(
    path.join(folder, 'app.mjs'),
    /is a file/,
    /hello-node, with .*"runtime":"nodejs","handler":"app\.handler"/,
  )
  refuse(path.join(folder, 'hello'), /is a file/, /hello-node, with .*"runtime":"native","command":"hello"/)
  refuse(path.join(folder, 'notes'), /is a file/, /Give the folder/)
  refuse(path.join(folder, 'notes/x'), /cannot be read|does not exist/, /./)
})

test('defaultName makes a name that is allowed', () => {
  for (const [folder, name] of [
    ['/x/hello-node', 'hello-node'],
    ['/x/a.b c', 'a-b-c'],
    ['/x/.hidden', 'hidden'],
    ['/x/ärger', 'rger'],
    ['/x/你好', 'function'],
    ['/', 'function'],
    [`/x/${'a'.repeat(63)}.b`, 'a'.repeat(63)],
  ] as const) {
    assert.equal(defaultName(folder), name)
  }
})
