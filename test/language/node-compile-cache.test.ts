import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { noProgress } from '../../src/base/progress.ts'
import { contentBytes } from '../../src/image/content.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import type { ModuleSource } from '../../src/kernel/node/compile-modules.ts'
import { withCompileCache } from '../../src/language/node/compile-cache.ts'
import { type Files, folderWith } from './node-guest-process.ts'

const large = `//${'.'.repeat(512 * 1024)}\n`
const small = { 'index.mjs': '', 'package.json': '{}', 'README.md': large }
const bundle = { ...small, 'dist/index.js': large }
const packages = {
  ...small,
  'node_modules/a/index.cjs': large,
  'node_modules/a/tiny.js': '1',
  'node_modules/a/package.json': '{}',
  'node_modules/b/package.json': '{}',
}
const ours: ModuleSource[] = [{ name: '/opt/ufr/handler.mjs', source: { text: 'ours' } }]

interface Outcome {
  /** The names of what was compiled, each time. */
  compiled: string[][]
  paths: string[]
  environment: Record<string, string>
  notes: string[]
}

async function added(
  t: TestContext,
  files: Files,
  {
    version = '24.1.0',
    environment = {},
    failure,
  }: { version?: string; environment?: Record<string, string>; failure?: Error } = {},
): Promise<Outcome> {
  const compiled: string[][] = []
  const notes: string[] = []
  const made = path.join(folderWith(t, { '0000000a': 'cache' }), '0000000a')
  const task = folderTree(folderWith(t, files), [])
  const found = await withCompileCache(
    { task, environment },
    version,
    () => ours,
    async (modules) => {
      compiled.push(modules.map(({ name }) => name))
      if (failure) throw failure
      return { tag: 'v24-x-0', files: [{ name: `0000000${compiled.length}`, file: made, bytes: 5 }] }
    },
    { ...noProgress(), note: (text) => notes.push(text) },
  )
  const paths = found.task.sorted().flatMap(([name, entry]) => {
    if (!name.startsWith('.ufr/') || entry.kind !== 'file') return []
    assert.equal(contentBytes(entry.content).toString(), 'cache')
    assert.deepEqual([entry.mode, entry.origin?.reason], [0o644, 'ufr'])
    return [name]
  })
  return { compiled, paths, environment: found.environment, notes }
}

test('a function that brings packages or a bundle has them compiled, each group by itself', async (t) => {
  const where = { NODE_COMPILE_CACHE: '/var/task/.ufr/compiled' }
  const [first, second] = ['.ufr/compiled/v24-x-0/00000001', '.ufr/compiled/v24-x-0/00000002']
  const top = '/var/task/package.json'
  const inPackages = ['/var/task/node_modules/a/package.json', top, '/var/task/node_modules/a/index.cjs']
  const own = [top, '/var/task/dist/index.js']
  const handler = '/opt/ufr/handler.mjs'
  assert.deepEqual(await added(t, packages, { environment: { A: '1' } }), {
    compiled: [[handler, ...inPackages]],
    paths: [first],
    environment: { A: '1', ...where },
    notes: [],
  })
  assert.deepEqual((await added(t, bundle)).compiled, [[handler, ...own]])
  const both = await added(t, { ...bundle, ...packages })
  assert.deepEqual(
    [both.compiled, both.paths],
    [
      [[handler, ...inPackages], own],
      [first, second],
    ],
  )
})

test('a function goes without where that would not pay, cannot be, or is not wanted', async (t) => {
  const without = async (files: Files, options: Parameters<typeof added>[2] = {}) => {
    const { compiled, paths, environment } = await added(t, files, options)
    assert.deepEqual([compiled, paths, environment], [[], [], options.environment ?? {}])
  }
  await without(small)
  await without(packages, { version: '20.19.0' })
  await without(packages, { environment: { NODE_COMPILE_CACHE: '/tmp/mine' } })
  await without(packages, { environment: { NODE_DISABLE_COMPILE_CACHE: '1' } })
  process.env['UFR_NODE_COMPILE_CACHE'] = 'off'
  t.after(() => delete process.env['UFR_NODE_COMPILE_CACHE'])
  await without(packages)
})

test('where modules cannot be compiled, the function goes without, and a note says so', async (t) => {
  const failure = new UfrError('UFR-COMMAND', 'node failed')
  const { paths, environment, notes } = await added(t, packages, { failure })
  assert.deepEqual([paths, environment], [[], {}])
  assert.match(notes.join(), /starts slower: node failed/)
  await assert.rejects(added(t, packages, { failure: new UfrError('UFR-DATA', 'full') }), {
    code: 'UFR-DATA',
  })
})
