import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { opensServer } from '../../src/function/javascript.ts'
import { detectNode, type NodeFunction } from '../../src/language/node/detect.ts'
import { exportsName, localImports } from '../../src/language/node/source.ts'
import { type Files, folderWith } from './node-guest-process.ts'

const server = "require('http').createServer(() => {}).listen(8080)"
const handler = 'exports.handler = async () => 1'

const folders: Record<string, { files: Files; found: NodeFunction | undefined }> = {
  nothing: { files: { 'README.md': 'x' }, found: undefined },
  'a handler in index.mjs': {
    files: { 'index.mjs': 'export const handler = async () => {}' },
    found: { shape: 'handler', handler: 'index.handler' },
  },
  'a handler in src/app.js': {
    files: { 'src/app.js': handler },
    found: { shape: 'handler', handler: 'src/app.handler' },
  },
  'a handler goes before a server': {
    files: { 'server.js': server, 'app.cjs': handler },
    found: { shape: 'handler', handler: 'app.handler' },
  },
  'a server under any name, if it is the only file': {
    files: { 'hi.js': server },
    found: { shape: 'web', command: 'hi.js' },
  },
  'one of two files of names that say nothing': { files: { 'a.js': server, 'b.js': '' }, found: undefined },
  'scripts.start goes before main': {
    files: {
      'package.json': '{"main":"index.js","scripts":{"start":"node ./bin/www"}}',
      'bin/www': server,
      'index.js': 'x',
    },
    found: { shape: 'web', command: 'bin/www' },
  },
  'main, without its ending': {
    files: { 'package.json': '{"main":"./lib"}', 'lib/index.js': server },
    found: { shape: 'web', command: 'lib/index.js' },
  },
  'a start script that is more than node and a file does not count': {
    files: { 'package.json': '{"scripts":{"start":"node build.js && node server.js"}}', 'server.js': server },
    found: { shape: 'web', command: 'server.js' },
  },
  'a server in a file that the entry imports': {
    files: {
      'index.mjs': "import { start } from './lib/server.mjs'\nstart()",
      'lib/server.mjs': `export ${server}`,
    },
    found: { shape: 'web', command: 'index.mjs' },
  },
  'a server in a file that the entry requires, endings left out, in a circle': {
    files: {
      'index.js': "require('./lib')",
      'lib/index.js': "require('../index'); require('./http')",
      'lib/http.js': server,
    },
    found: { shape: 'web', command: 'index.js' },
  },
  'a web framework among the dependencies': {
    files: { 'package.json': '{"dependencies":{"hono":"1"}}', 'index.mjs': "import './made-up.mjs'" },
    found: { shape: 'web', command: 'index.mjs' },
  },
  'a program': {
    files: { 'index.js': "console.log('hi')" },
    found: { shape: 'program', command: 'index.js' },
  },
  'what comments say does not count': {
    files: { 'index.js': `// ${handler}\n/*\n${handler}\n*/\n  // ${server}\nconsole.log(1)` },
    found: { shape: 'program', command: 'index.js' },
  },
  'a package.json that is no JSON': {
    files: { 'package.json': '{', 'index.js': server },
    found: { shape: 'web', command: 'index.js' },
  },
  'a package.json that is no object': {
    files: { 'package.json': 'null', 'index.js': server },
    found: { shape: 'web', command: 'index.js' },
  },
  'a main that leads out': { files: { 'package.json': '{"main":"../../../etc/passwd"}' }, found: undefined },
}

for (const [name, { files, found }] of Object.entries(folders)) {
  test(`detected: ${name}`, (t) => {
    assert.deepEqual(detectNode(folderWith(t, files)), found)
  })
}

test('links that lead out of the folder, folders with the name of files, and pipes are passed over', (t) => {
  const outside = folderWith(t, { 'index.js': handler })
  const folder = folderWith(t, { 'app.js/x': '' })
  fs.symlinkSync(path.join(outside, 'index.js'), path.join(folder, 'index.js'))
  fs.symlinkSync('main.js', path.join(folder, 'main.js'))
  spawnSync('mkfifo', [path.join(folder, 'server.js')])
  assert.equal(detectNode(folder), undefined)
})

test('the examples are detected as what their ufr.json says', () => {
  const examples = path.join(import.meta.dirname, '../../examples')
  assert.deepEqual(detectNode(path.join(examples, 'hello-node')), {
    shape: 'handler',
    handler: 'index.handler',
  })
  assert.deepEqual(detectNode(path.join(examples, 'web-node')), { shape: 'web', command: 'server.js' })
})

test('the ways to export a name', () => {
  const yes = [
    'export const handler = 1',
    'export let handler',
    'export async function handler() {}',
    'export function* handler() {}',
    'export function handler() {}',
    'export{a as handler,b}',
    'export { handler }',
    'exports.handler=a',
    'module.exports.handler = a',
    'module.exports = { handler }',
    'module.exports = {\n  other: 1,\n  handler: async () => {},\n}',
    // esbuild and TypeScript
    '0 && (module.exports = {\n  handler\n});',
    'exports.handler = void 0;',
    '"use strict";exports.handler=async e=>e;',
  ]
  const no = [
    'const handler = 1',
    'export const handlers = 1',
    'export { handler as run }',
    'exports.handlers = 1',
    'if (exports.handler === 1) {}',
    'export default handler',
    '',
  ]
  assert.deepEqual(
    yes.filter((text) => !exportsName(text, 'handler')),
    [],
  )
  assert.deepEqual(
    no.filter((text) => exportsName(text, 'handler')),
    [],
  )
  assert.ok(exportsName('exports.$x = 1', '$x'))
})

test('any text is looked through in time', () => {
  const parts = [
    '/*',
    '//',
    '\n',
    ' ',
    'export ',
    'export {',
    'function ',
    'import ',
    'module.exports = {',
    'from',
    '(',
    "'./",
  ]
  for (const part of parts) {
    const text = part.repeat(400_000 / part.length)
    const before = performance.now()
    exportsName(text, 'handler')
    opensServer(text)
    localImports(text)
    const took = performance.now() - before
    assert.ok(took < 2000, `${JSON.stringify(part)} took ${took} ms`)
  }
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constantFrom(...parts), fc.string())), (texts) => {
      const text = texts.join('')
      exportsName(text, 'handler')
      return Array.isArray(localImports(text)) && typeof opensServer(text) === 'boolean'
    }),
    { numRuns: 300 },
  )
})
