import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import { nodeMajor } from '../../src/kernel/node/major.ts'
import { nodeLanguage } from '../../src/language/node/prepare.ts'
import type { Program } from '../../src/language/program.ts'
import { type Files, folderWith } from './node-guest-process.ts'

const hello: Files = { 'index.mjs': 'export const handler = async () => 1' }

function specOf(folder: string, said: Partial<FunctionSpec>): FunctionSpec {
  const rest = {
    args: [],
    environment: {},
    memoryMiB: 512,
    cpus: 1,
    timeoutSeconds: 30,
    files: [],
    network: 'none',
  } as const
  return {
    name: 'hello',
    folder,
    runtime: 'nodejs24.x',
    shape: 'handler',
    ...rest,
    args: [],
    files: [],
    ...said,
  }
}

/** The functions here bring too little for that. */
const nothingToCompile = () => assert.fail('compiled')

interface Prepared extends Program {
  majors: number[]
}

async function prepare(
  t: TestContext,
  files: Files,
  said: Partial<FunctionSpec>,
  runtime: Files = { 'usr/bin/node': 'node', 'lib64/ld': 'ld' },
): Promise<Prepared> {
  const root = folderWith(t, runtime)
  const majors: number[] = []
  const language = nodeLanguage({
    folderTree,
    compile: nothingToCompile,
    async ensureRuntime(major) {
      majors.push(major)
      return { version: `${major}.1.0`, key: `key of ${Object.values(runtime).join()}`, root }
    },
  })
  return { ...(await language.prepare(specOf(folderWith(t, files), said), noProgress())), majors }
}

async function failure(t: TestContext, files: Files, said: Partial<FunctionSpec>): Promise<UfrError> {
  try {
    await prepare(t, files, said)
  } catch (error) {
    if (error instanceof UfrError) return error
    throw error
  }
  assert.fail('nothing was thrown')
}

test('a handler runs behind our server, with AWS’s variables', async (t) => {
  const environment = { GREETING: 'Hi', TZ: 'Europe/Berlin', AWS_REGION: 'eu-north-1' }
  const program = await prepare(t, hello, { handler: 'index.handler', environment, memoryMiB: 256 })
  assert.equal(program.executable, '/usr/bin/node')
  assert.equal(program.interpreter, '/lib64/ld-linux-x86-64.so.2')
  assert.deepEqual(program.argv, ['node', '/opt/ufr/handler.mjs'])
  assert.equal(program.workingDirectory, '/var/task')
  assert.equal(program.tellsReady, true)
  assert.deepEqual(
    program.task.sorted().map(([name]) => name),
    ['index.mjs'],
  )
  assert.deepEqual(program.environment, {
    PATH: '/usr/local/bin:/usr/bin:/bin:/opt/bin',
    HOME: '/tmp',
    LANG: 'en_US.UTF-8',
    TZ: 'Europe/Berlin',
    _HANDLER: 'index.handler',
    LAMBDA_TASK_ROOT: '/var/task',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_REGION: 'eu-north-1',
    AWS_DEFAULT_REGION: 'eu-north-1',
    AWS_LAMBDA_FUNCTION_NAME: 'hello',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/hello',
    AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]',
    NODE_PATH: '/opt/nodejs/node24/node_modules:/opt/nodejs/node_modules:/var/task',
    UFR_PORT: '8080',
    GREETING: 'Hi',
  })
})

test('the base is the runtime and our files, and its key stands for both', async (t) => {
  const { base, majors } = await prepare(t, hello, { runtime: 'nodejs' })
  assert.deepEqual(majors, [24])
  assert.equal(base.title, 'node 24.1.0')
  assert.deepEqual(base.topLevel, ['lib64', 'opt', 'usr'])
  const tree = base.tree()
  assert.deepEqual(tree.topLevel(), base.topLevel)
  const files = tree.sorted().flatMap(([name, { kind }]) => (kind === 'file' ? [name] : []))
  assert.deepEqual(files, ['lib64/ld', 'opt/ufr/handler.mjs', 'opt/ufr/web.cjs', 'usr/bin/node'])
  assert.match(base.key, /^[0-9a-f]{64}$/)
  const other = await prepare(t, { ...hello, 'more.txt': 'x' }, { shape: 'web', command: 'more.txt' })
  assert.equal(other.base.key, base.key)
  const changed = await prepare(t, hello, {}, { 'usr/bin/node': 'other' })
  assert.notEqual(changed.base.key, base.key)
})

test('runtimes by their identifiers', () => {
  assert.deepEqual(
    ['nodejs', 'nodejs20.x', 'nodejs22', 'node@26', 'node18'].map(nodeMajor),
    [24, 20, 22, 26, 18],
  )
  assert.throws(() => nodeMajor('nodejs16.x'), { code: 'UFR-RUNTIME' })
  for (const wrong of ['python3.13', 'nodejsx', 'node@24.1.0', '']) {
    assert.throws(() => nodeMajor(wrong), { code: 'UFR-USAGE' })
  }
})

const handlers: Record<string, [files: Files, handler: string]> = {
  'each ending': [{ 'a.js': '' }, 'a.x'],
  'CommonJS by its ending': [{ 'a.cjs': '' }, 'a.x'],
  'no ending': [{ a: '' }, 'a.x'],
  nested: [{ 'a.mjs': '' }, 'a.x.y.z'],
  'a subfolder': [{ 'src/lib/a.mjs': '' }, 'src/lib/a.x'],
  'from the top': [{ 'src/a.mjs': '' }, '/var/task/src/a.x'],
  'a package': [{ 'node_modules/p/index.js': '' }, 'p.x'],
  'a package for a subfolder': [{ 'node_modules/p/index.js': '' }, 'src/p.x'],
  'a folder': [{ 'p/index.js': '' }, 'p.x'],
  'a layer, of which nothing is known here': [{}, '/opt/nodejs/wrap.x'],
}

for (const [name, [files, handler]] of Object.entries(handlers)) {
  test(`handlers that are there: ${name}`, async (t) => {
    const program = await prepare(t, files, { handler })
    assert.equal(program.environment['_HANDLER'], handler)
  })
}

test('a handler by way of a link, and by way of `files`', async (t) => {
  const folder = folderWith(t, { 'dist/app.mjs': '' })
  fs.symlinkSync('dist', path.join(folder, 'live'))
  const language = nodeLanguage({
    folderTree,
    compile: nothingToCompile,
    ensureRuntime: async () => ({ version: '1', key: '', root: folder }),
  })
  await language.prepare(specOf(folder, { handler: 'live/app.x' }), noProgress())
  const moved = { handler: 'app.x', files: [{ from: 'dist/**', to: '.' }] }
  await language.prepare(specOf(folder, moved), noProgress())
})

test('a handler that is not there is an error that says what was looked for and what there is', async (t) => {
  const files = {
    'src/app.mjs': 'export const handler = 1',
    'lib/x.js': '',
    'node_modules/p/index.js': 'exports.handler = 1',
  }
  const error = await failure(t, files, { handler: 'index.handler' })
  assert.equal(error.code, 'UFR-HANDLER')
  assert.match(error.message, /index\.handler of hello does not exist/)
  assert.deepEqual(error.detail, [
    'looked for: index.js, index.mjs, index.cjs',
    'JavaScript files there: lib/x.js, src/app.mjs',
  ])
  assert.match(error.fix, /"src\/app\.handler"/)
  const empty = await failure(t, {}, {})
  assert.deepEqual(empty.detail, ['looked for: index.js, index.mjs, index.cjs'])
  const source = await failure(t, { 'index.ts': '' }, {})
  assert.match(source.fix, /Compile index\.ts/)
  const folder = await failure(t, { 'index.mjs/x': '' }, {})
  assert.equal(folder.code, 'UFR-HANDLER')
})

test('a handler of the wrong form is an error', async (t) => {
  for (const handler of [
    'index',
    '.handler',
    'index.',
    'src/.x',
    '../index.handler',
    'a/../index.handler',
    '',
  ]) {
    assert.equal((await failure(t, hello, { handler })).code, 'UFR-CONFIG', handler)
  }
})

test('variables that AWS reserves are refused for handlers, and only for those', async (t) => {
  for (const name of ['_HANDLER', 'AWS_LAMBDA_FUNCTION_NAME', 'LAMBDA_TASK_ROOT', 'UFR_PORT']) {
    const error = await failure(t, hello, { environment: { [name]: 'x' } })
    assert.equal(error.code, 'UFR-CONFIG')
    assert.ok(error.message.includes(name))
  }
  const web = { shape: 'web', command: 'index.mjs', environment: { _HANDLER: 'x' } } as const
  assert.equal((await prepare(t, hello, web)).environment['_HANDLER'], 'x')
  const environment = { AWS_LAMBDA_NODEJS_DISABLE_CALLBACK_WARNING: '1', AWS_ACCESS_KEY_ID: 'x' }
  assert.equal((await prepare(t, hello, { environment })).environment['AWS_ACCESS_KEY_ID'], 'x')
})

test('a web function runs with the preload, and gets its port', async (t) => {
  const files = { 'server.js': 'x' }
  const program = await prepare(t, files, { shape: 'web', command: './server.js', args: ['--x'], port: 3000 })
  const args = ['-r', '/opt/ufr/web.cjs', 'server.js', '--x']
  assert.deepEqual(program.argv, ['node', ...args])
  assert.deepEqual(program.cooperativeArgv, ['node', '--single-threaded-gc', ...args])
  assert.equal(program.tellsReady, true)
  const { PORT, AWS_LWA_PORT, _HANDLER } = program.environment
  assert.deepEqual([PORT, AWS_LWA_PORT, _HANDLER], ['3000', '3000', undefined])
  const said = await prepare(t, files, { shape: 'web', command: 'server.js', environment: { PORT: '9' } })
  assert.deepEqual([said.environment['PORT'], said.environment['AWS_LWA_PORT']], ['9', '8080'])
})

test('a program runs as it is', async (t) => {
  const program = await prepare(t, { 'a.mjs': '' }, { shape: 'program', command: 'a.mjs', args: ['1'] })
  assert.deepEqual(program.argv, ['node', 'a.mjs', '1'])
  assert.equal(program.tellsReady, false)
  assert.equal(program.environment['PORT'], undefined)
})

const commands: Record<string, [command: string | undefined, args: string[], argv: string[]]> = {
  'without its ending': ['lib/app', [], ['lib/app.js']],
  'a folder': ['lib', [], ['lib/index.js']],
  'the folder itself': ['.', [], ['./index.js']],
  'a path in the guest': ['/var/task/lib/app.js', [], ['lib/app.js']],
  'node and a file': [
    'node',
    ['--no-warnings', '-r', './x.js', 'lib/app.js', '-v'],
    ['--no-warnings', '-r', './x.js', 'lib/app.js', '-v'],
  ],
  'what the folder shows': [undefined, [], ['index.js']],
}

for (const [name, [command, args, argv]] of Object.entries(commands)) {
  test(`commands: ${name}`, async (t) => {
    const files = { 'lib/app.js': '', 'lib/index.js': '', 'index.js': '' }
    const said = command === undefined ? {} : { command }
    const program = await prepare(t, files, { shape: 'program', ...said, args })
    assert.deepEqual(program.argv.slice(1), argv)
  })
}

test('commands that no guest can run are errors', async (t) => {
  const wrong: Partial<FunctionSpec>[] = [
    { command: 'missing.js' },
    { command: '../x.js' },
    { command: '/etc/passwd' },
    { command: 'npm', args: ['start'] },
    { command: 'node' },
    { command: 'node', args: ['-r'] },
    {},
  ]
  for (const said of wrong) {
    const error = await failure(t, { 'a.js': '', 'b.js': '' }, { shape: 'web', ...said })
    assert.equal(error.code, 'UFR-PROGRAM', JSON.stringify(said))
  }
  const missing = await failure(t, { 'a.js': '' }, { shape: 'web', command: 'b.js' })
  assert.deepEqual(missing.detail, ['there are: a.js'])
})

test('what is wrong with a function is said before a runtime is fetched', async (t) => {
  const folder = folderWith(t, {})
  const language = nodeLanguage({
    folderTree,
    compile: nothingToCompile,
    ensureRuntime: () => assert.fail('fetched'),
  })
  await assert.rejects(language.prepare(specOf(folder, {}), noProgress()), { code: 'UFR-HANDLER' })
})
