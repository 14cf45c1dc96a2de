import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { timeCommand } from '../../script/benchmarks/timed.ts'
import { checkImage } from '../../script/benchmarks/upstream/check.ts'
import { mkfs, mkfsManifest } from '../../script/benchmarks/upstream/mkfs.ts'
import { ops } from '../../script/benchmarks/upstream/ops.ts'
import { rofs, rofsManifest } from '../../script/benchmarks/upstream/rofs.ts'
import type { Content } from '../../script/benchmarks/upstream/tool.ts'
import { namedTools } from '../../script/benchmarks/upstream/tools.ts'
import { textContent } from '../../src/image/content.ts'
import { planTfs } from '../../src/image/formats/tfs/writer.ts'
import { layoutBytes } from '../../src/image/layout.ts'
import { Tree } from '../../src/image/tree.ts'
import { registerKernel } from '../../src/kernel/store.ts'

function temporary(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

function content(t: TestContext): Content {
  const folder = temporary(t)
  fs.mkdirSync(path.join(folder, 'a/b'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'a/b/50% "x"'), 'x')
  fs.symlinkSync('b', path.join(folder, 'a/link'))
  return { folder, program: { executable: '/usr/bin/node', argv: ['node', 'index.js'] } }
}

test('a manifest for mkfs has all files and links, and what to run', (t) => {
  const made = content(t)
  const children = `("a":(children:("b":(children:("50% \\"x\\"":(contents:(host:"${made.folder}/a/b/50% \\"x\\"")))) "link":(linktarget:"b"))))`
  const rest = 'program:"/usr/bin/node" arguments:["node" "index.js"]'
  assert.equal(mkfsManifest(made), `(children:${children} ${rest})\n`)
  const { command, image } = mkfs.prepare('/mkfs', made, temporary(t))
  assert.deepEqual([command.command, command.args], ['/mkfs', [image]])
  assert.equal(fs.readFileSync(command.input!, 'utf8'), mkfsManifest(made))
})

test("a manifest for OSv's generator has all files, links and folders, without formats of Python", (t) => {
  const made = content(t)
  const lines = rofsManifest(made.folder).trimEnd().split('\n').sort()
  assert.deepEqual(lines, [
    `/a/b/50% "x": ${made.folder}/a/b/50%% "x"`,
    `/a/b: ${made.folder}/a/b`,
    '/a/link: ->b',
    `/a: ${made.folder}/a`,
    '[manifest]',
  ])
  const { command, image } = rofs.prepare('/gen.py', made, temporary(t))
  assert.deepEqual(command.args.slice(0, 3), ['/gen.py', '-o', image])
})

test("ops finds the store's kernel as its newest release in a home of its own, and no network", async (t) => {
  const home = temporary(t)
  const before = process.env['UFR_HOME']
  process.env['UFR_HOME'] = home
  t.after(() => {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
  })
  const from = (name: string) => {
    const file = path.join(home, name)
    fs.writeFileSync(file, name)
    return file
  }
  const kernel = { role: 'kernel', path: 'kernel.img', from: from('kernel') }
  const made = content(t)
  const provenance = { how: 'import', from: '/somewhere' } as const
  await registerKernel({ name: 'nanos', version: '1', files: [kernel], provenance })
  assert.throws(() => ops.prepare('/ops', made, temporary(t)), /without its boot loader/)
  const boot = { role: 'boot', path: 'boot.img', from: from('boot') }
  await registerKernel({ name: 'nanos', version: '2', files: [kernel, boot], provenance })
  const folder = temporary(t)
  const { command, image } = ops.prepare('/ops', made, folder)
  const read = (name: string) => fs.readFileSync(path.join(folder, '.ops', name), 'utf8')
  const version = read('latest.txt')
  assert.deepEqual([read(`${version}/kernel.img`), read(`${version}/boot.img`)], ['kernel', 'boot'])
  assert.equal(image, path.join(folder, '.ops/images/bench'))
  const { HOME, OPS_HOME, HTTPS_PROXY } = command.env!
  assert.deepEqual([HOME, OPS_HOME, HTTPS_PROXY], [folder, folder, 'http://127.0.0.1:1'])
  const config = JSON.parse(fs.readFileSync(path.join(folder, 'config.json'), 'utf8'))
  assert.deepEqual([config.Program, config.Args, config.Dirs], ['/usr/bin/node', ['index.js'], ['a']])
})

test('only tools that the environment names are compared with, each with its own kernel', () => {
  const env = { UFR_BENCH_OPS: '/ops', UFR_BENCH_ROFS: '/gen.py', UFR_BENCH_MKFS: '' }
  assert.deepEqual(namedTools('nanos', env), [{ tool: ops, file: '/ops' }])
  assert.deepEqual(namedTools('osv', env), [{ tool: rofs, file: '/gen.py' }])
  assert.deepEqual(namedTools('linux', env), [])
})

test('an image that lacks a file or has another one is no comparison', (t) => {
  const file = path.join(temporary(t), 'image')
  const tree = new Tree().file('a/b', textContent('x')).file('c', textContent('y'))
  fs.writeFileSync(file, layoutBytes(planTfs(tree, { uuid: new Uint8Array(16) })))
  checkImage(file, tree)
  checkImage(file, new Tree().file('a/b', textContent('x')))
  assert.throws(() => checkImage(file, new Tree().file('a/b', textContent('z'))), /without a\/b/)
  assert.throws(() => checkImage(file, new Tree().file('d', textContent('x'))), /without d/)
})

test('a command is timed by the shell that starts it, with its input and folder', async (t) => {
  const folder = temporary(t)
  fs.writeFileSync(path.join(folder, 'in'), 'text')
  const { signal } = new AbortController()
  const env = { ...process.env, NAME: 'out' }
  const command = { command: 'sh', args: ['-c', 'sleep 0.05; echo noise; cat >"$NAME"'], cwd: folder, env }
  const milliseconds = await timeCommand({ ...command, input: path.join(folder, 'in') }, signal)
  assert.ok(milliseconds >= 50 && milliseconds < 60_000, String(milliseconds))
  assert.equal(fs.readFileSync(path.join(folder, 'out'), 'utf8'), 'text')
  await assert.rejects(timeCommand({ command: 'sh', args: ['-c', 'echo why >&2; exit 3'] }, signal), /why/)
})
