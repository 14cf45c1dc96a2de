import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { type Runner, runCommand } from '../../src/base/process.ts'
import { compileModules, type ModuleSource } from '../../src/kernel/node/compile-modules.ts'

let home = ''
let folder = ''
let runs = 0

beforeEach(() => {
  home = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-compiled-'))
  folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-modules-')))
  process.env['UFR_HOME'] = home
  runs = 0
})

afterEach(() => {
  delete process.env['UFR_HOME']
  for (const each of [home, folder]) fs.rmSync(each, { recursive: true, force: true })
})

/** This Node.js in place of the runtime's: the words before are for its dynamic linker. */
const run: Runner = (_command, args, options) => {
  runs++
  return runCommand(process.execPath, args.slice(args.indexOf('--random-seed=1')), options)
}

const files: Record<string, string> = {
  'index.mjs': `import './node_modules/a/plain.js'; import './node_modules/m/index.js'; import 'c'; import './own.js'`,
  'own.js': 'export const own = 1',
  'node_modules/a/package.json': '{}',
  'node_modules/a/plain.js': '#!/usr/bin/env node\nexports.a = require("./b.cjs")',
  'node_modules/a/b.cjs': '\ufeffmodule.exports = 1',
  'node_modules/m/package.json': '{"type":"module"}',
  'node_modules/m/index.js': 'globalThis.m = 1',
  'node_modules/c/package.json': '{"type":"commonjs","main":"lib/x.js"}',
  'node_modules/c/lib/x.js': 'exports.c = () => { return function lazy() { return 1 } }',
  'node_modules/wrong/index.js': 'this is no JavaScript (',
  'node_modules/wrong/package.json': '{ nor is this JSON',
}

function sources(at = folder): ModuleSource[] {
  return Object.entries(files).map(([name, text]) => {
    const file = path.join(at, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, text)
    return { name: path.join(folder, name), source: { file } }
  })
}

const runtime = { root: '/nowhere', key: 'runtime' }

/** What Node.js says of its cache while it runs index.mjs, as a guest would: but as another user, who has another tag. */
function modulesTaken(compiled: Awaited<ReturnType<typeof compileModules>>): Record<string, string> {
  const cache = path.join(home, 'cache')
  const tag = compiled.tag.replace(/\d+$/, String(process.getuid?.()))
  fs.mkdirSync(path.join(cache, tag), { recursive: true })
  for (const { name, file } of compiled.files) fs.copyFileSync(file, path.join(cache, tag, name))
  const code = `import(${JSON.stringify(pathToFileURL(path.join(folder, 'index.mjs')))}).then(() => {
    require('node:fs').writeSync(2, 'm is ' + globalThis.m) })`
  const script = ['-c', '"$0" -e "$1" 2>&1', process.execPath, code]
  const env = { ...process.env, NODE_COMPILE_CACHE: cache, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' }
  const text = execFileSync('sh', script, { env, encoding: 'utf8' })
  assert.match(text, /m is 1/)
  const told = text.matchAll(/cache for (?:\w+ )?([^[\s]\S*) was ([\w ]+),/g)
  return Object.fromEntries([...told].map(([, name = '', how = '']) => [path.basename(name), how]))
}

test('Node.js takes what was compiled, of every kind of module, and nothing of them has run', async () => {
  const evil = path.join(folder, 'evil')
  files['node_modules/a/evil.js'] =
    `require('fs').writeFileSync(${JSON.stringify(evil)}, ''); process.exit(3)`
  files['node_modules/m/evil.js'] = `import fs from 'fs'; fs.writeFileSync(${JSON.stringify(evil)}, '')`
  const compiled = await compileModules(runtime, sources(), run)
  assert.ok(!fs.existsSync(evil))
  assert.match(compiled.tag, /^v\d+\.\d+\.\d+-x64-[0-9a-f]{8}-0$/)
  const taken = modulesTaken(compiled)
  const accepted = {
    'index.mjs': 'accepted',
    'own.js': 'accepted',
    'plain.js': 'accepted',
    'b.cjs': 'accepted',
  }
  assert.deepEqual(taken, { ...accepted, 'index.js': 'accepted', 'x.js': 'accepted' })
})

test('the same modules make the same bytes, wherever they are built; and they are made once', async () => {
  const bytes = (compiled: Awaited<ReturnType<typeof compileModules>>) =>
    compiled.files.map(({ name, file }) => [name, fs.readFileSync(file).toString('hex')])
  const first = sources()
  const once = bytes(await compileModules(runtime, first, run))
  assert.deepEqual(bytes(await compileModules(runtime, first, run)), once)
  assert.equal(runs, 1)
  fs.utimesSync(path.join(folder, 'own.js'), 1, 1)
  assert.deepEqual(bytes(await compileModules(runtime, first, run)), once)
  const elsewhere = path.join(home, 'elsewhere')
  assert.deepEqual(bytes(await compileModules(runtime, sources(elsewhere), run)), once)
  assert.equal(runs, 3)
  const other = first.with(0, { name: first[0]!.name, source: { text: 'export {}' } })
  assert.notDeepEqual(bytes(await compileModules(runtime, other, run)), once)
})

test('a Node.js that makes no cache is an error, and leaves nothing behind', async () => {
  const left = () => fs.readdirSync(path.join(home, 'compiled/node'))
  const nothing: Runner = () => runCommand('true', [])
  await assert.rejects(compileModules(runtime, sources(), nothing), { code: 'UFR-COMMAND' })
  const without: Runner = (command, args, options) =>
    run(
      command,
      args.filter((word) => word !== '--expose-internals'),
      options,
    )
  await assert.rejects(compileModules(runtime, sources(), without), { code: 'UFR-COMMAND' })
  const odd: Runner = async (_command, args) => {
    for (const name of ['v1-a-0', 'v2-a-0']) fs.mkdirSync(path.join(args.at(-1)!, name))
    return runCommand('true', [])
  }
  await assert.rejects(compileModules(runtime, sources(), odd), { code: 'UFR-COMMAND' })
  assert.deepEqual(left(), [])
})

test('what a crash of the host has left half written is made anew', async () => {
  const modules = sources()
  const { files } = await compileModules(runtime, modules, run)
  const index = path.join(path.dirname(files[0]!.file), '../index.json')
  fs.writeFileSync(index, '')
  assert.equal((await compileModules(runtime, modules, run)).files.length, files.length)
  assert.notEqual(fs.readFileSync(index, 'utf8'), '')
})

test('what nobody has used for a month goes when something new is made', async () => {
  const store = path.join(home, 'compiled/node')
  const old = path.join(store, 'a'.repeat(64))
  fs.mkdirSync(old, { recursive: true })
  fs.utimesSync(old, 1, 1)
  await compileModules(runtime, sources(), run)
  assert.equal(fs.readdirSync(store).length, 1)
  assert.ok(!fs.existsSync(old))
})
