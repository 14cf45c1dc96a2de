import assert from 'node:assert/strict'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

const files = {
  'ufr.json': JSON.stringify({
    name: 'compiled',
    runtime: 'nodejs24.x',
    handler: 'index.handler',
    environment: { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' },
  }),
  'index.mjs': [
    `import large from 'large'`,
    `import { small } from 'large/small.mjs'`,
    `import module from 'node:module'`,
    'export const handler = async () => ({ large, small, cache: module.getCompileCacheDir() })',
  ].join('\n'),
  'node_modules/large/package.json': '{ "name": "large", "main": "index.js" }',
  'node_modules/large/index.js': `module.exports = 'large' //${'.'.repeat(512 * 1024)}`,
  'node_modules/large/small.mjs': `export const small = 'small' //${'.'.repeat(16 * 1024)}`,
}

/** What Node.js says of its cache, by the module. */
function taken(console: string): Map<string, string> {
  const told = console.matchAll(/cache for (?:\w+ )?(\S+) was ([\w ]+),/g)
  return new Map([...told].map(([, name = '', how = '']) => [path.posix.basename(name), how]))
}

async function digestOf(t: TestContext, kernel: string): Promise<string> {
  const { status, stdout, stderr } = await ufr(t, [
    'build',
    folderOf(t, files),
    '--unikernel',
    kernel,
    '--json',
  ])
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout).image.digest
}

for (const kernel of kernels) {
  test(`${kernel}: the guest takes the packages of a function as the host has compiled them`, {
    skip: lacking(kernel),
  }, async (t) => {
    const folder = folderOf(t, files)
    const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', kernel, '--accel', 'tcg'])
    assert.equal(status, 0, stderr)
    const { large, small, cache } = JSON.parse(stdout)
    assert.deepEqual([large, small], ['large', 'small'])
    assert.match(cache, /^\/var\/task\/\.ufr\/compiled\/v24\./)
    const modules = taken(stderr)
    const found = ['handler.mjs', 'index.js', 'small.mjs'].map((name) => modules.get(name))
    assert.deepEqual(found, ['accepted', 'accepted', 'accepted'], stderr.slice(-4000))
    // Too small to be worth it, and of the function's own: what a cache lacks is no trouble.
    assert.equal(modules.get('index.mjs'), 'not initialized')
  })
}

test('the same packages are compiled to the same bytes, wherever and whenever', {
  skip: lacking('linux'),
}, async (t) => {
  assert.equal(await digestOf(t, 'linux'), await digestOf(t, 'linux'))
})
