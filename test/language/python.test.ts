import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { noProgress } from '../../src/base/progress.ts'
import type { FunctionSpec } from '../../src/function/spec.ts'
import { bytesContent } from '../../src/image/content.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import { Tree } from '../../src/image/tree.ts'
import type { Program } from '../../src/language/program.ts'
import { detectPython } from '../../src/language/python/detect.ts'
import { checkExtensions } from '../../src/language/python/extensions.ts'
import { pythonLanguage } from '../../src/language/python/prepare.ts'
import {
  definesName,
  importedModules,
  opensServer,
  webApplication,
} from '../../src/language/python/source.ts'
import { elfFixture } from '../kernel/elf-fixture.ts'
import { type Files, folderWith } from './node-guest-process.ts'

const handler: Files = { 'lambda_function.py': 'def lambda_handler(event, context):\n    return 1\n' }

function specOf(folder: string, said: Partial<FunctionSpec>): FunctionSpec {
  return {
    name: 'hello',
    folder,
    runtime: 'python3.13',
    shape: 'handler',
    args: [],
    environment: {},
    memoryMiB: 512,
    cpus: 1,
    timeoutSeconds: 30,
    files: [],
    network: 'none',
    ...said,
  }
}

interface Prepared extends Program {
  versions: string[]
  /** Names of all modules that were compiled. */
  compiled: string[]
}

async function prepare(
  t: TestContext,
  files: Files,
  said: Partial<FunctionSpec> = {},
  method: 'prepare' | 'interpret' = 'prepare',
): Promise<Prepared> {
  const root = folderWith(t, { 'usr/bin/python3.13': 'python', 'lib64/ld': 'ld' })
  const layer = folderWith(t, { 'lib/python3.13/site-packages/x.py': 'x', 'bin/serve': '#!' })
  const versions: string[] = []
  const compiled: string[] = []
  const language = pythonLanguage({
    folderTree,
    async ensureRuntime({ version }) {
      versions.push(version)
      const program = `usr/bin/python${version}`
      const rest = { language: 'python', folder: root, packages: [], at: '' }
      return { ...rest, version: `${version}.5`, program, key: 'key', root }
    },
    install: async () => ({ key: 'layer', folder: layer }),
    compile: () => async (modules) => {
      compiled.push(...modules.map(({ name }) => name))
      return modules.map(({ text }) =>
        String(Buffer.from(text)) === 'wrong' ? undefined : Buffer.from('pyc'),
      )
    },
  })
  const program = await language[method]!(specOf(folderWith(t, files), said), noProgress())
  return { ...program, versions, compiled }
}

async function failure(t: TestContext, files: Files, said: Partial<FunctionSpec> = {}): Promise<UfrError> {
  const error = await prepare(t, files, said).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('a handler is run by our server, with the environment of AWS', async (t) => {
  const program = await prepare(t, handler, { handler: 'lambda_function.lambda_handler' })
  assert.equal(program.executable, '/usr/bin/python3.13')
  assert.deepEqual(program.argv, ['python3.13', '-B', '-m', 'ufr_handler'])
  assert.equal(program.environment['_HANDLER'], 'lambda_function.lambda_handler')
  assert.equal(program.environment['AWS_EXECUTION_ENV'], 'AWS_Lambda_python3.13')
  assert.equal(program.environment['PYTHONPATH'], undefined)
  assert.deepEqual([program.tellsReady, program.workingDirectory], [true, '/var/task'])
  assert.deepEqual(program.base.topLevel, ['lib64', 'opt', 'usr'])
  const tree = program.base.tree()
  assert.ok(tree.has('usr/lib/python3/dist-packages/ufr_handler.pyc'))
  assert.ok(!tree.has('opt/python'))
})

test('what is required becomes a layer of the base, and another base', async (t) => {
  const files = { ...handler, 'requirements.txt': 'six' }
  const program = await prepare(t, files, { handler: 'lambda_function.lambda_handler' })
  assert.ok(program.base.tree().has('opt/python/lib/python3.13/site-packages/x.py'))
  const plain = await prepare(t, handler, { handler: 'lambda_function.lambda_handler' })
  assert.notEqual(program.base.key, plain.base.key)
  // The module may be in what is installed.
  await prepare(t, { 'requirements.txt': 'x' }, { handler: 'x.handler' })
})

test('web functions and programs: a file, an interpreter with options, a module, a program of a package', async (t) => {
  const files = { 'server.py': 'x', 'app/__main__.py': 'x', 'requirements.txt': 'serve' }
  const run = async (said: Partial<FunctionSpec>) => (await prepare(t, files, said)).argv.slice(2)
  const web = { shape: 'web' as const, port: 8084 }
  assert.deepEqual(await run({ ...web, command: 'server.py', args: ['a'] }), [
    '-m',
    'ufr_run',
    '8084',
    'server.py',
    'a',
  ])
  assert.deepEqual(await run({ shape: 'web', command: './server.py' }), [
    '-m',
    'ufr_run',
    '8080',
    'server.py',
  ])
  assert.deepEqual(await run({ shape: 'program', command: 'app' }), ['-m', 'ufr_run', '-', 'app'])
  assert.deepEqual(await run({ ...web, command: 'serve', args: ['app:app'] }), [
    ...['-m', 'ufr_run', '8084', '/opt/python/bin/serve', 'app:app'],
  ])
  assert.deepEqual(await run({ ...web, command: 'python3', args: ['-O', '-X', 'dev', '-m', 'serve', 'x'] }), [
    ...['-O', '-X', 'dev', '-m', 'ufr_run', '8084', '-m', 'serve', 'x'],
  ])
  assert.deepEqual(await run({ shape: 'program', command: 'python', args: ['-u', 'server.py', '-m'] }), [
    ...['-u', '-m', 'ufr_run', '-', 'server.py', '-m'],
  ])
  const { environment } = await prepare(t, files, {
    ...web,
    command: 'server.py',
    environment: { PYTHONPATH: '/x' },
  })
  assert.equal(environment['PYTHONPATH'], '/x:/var/task:/opt/python/lib/python3.13/site-packages:/opt/python')
  assert.deepEqual([environment['PORT'], environment['AWS_LWA_PORT']], ['8084', '8084'])
})

test('the interpreter itself is run for inputs whose files have places of their own', async (t) => {
  const said = { shape: 'web' as const, port: 80, args: ['-u', '/srv/x.py', 'a'], workingDirectory: '/srv' }
  const program = await prepare(t, {}, said, 'interpret')
  assert.deepEqual(program.argv, ['python3.13', '-B', '-u', '-m', 'ufr_run', '80', '/srv/x.py', 'a'])
  assert.equal(program.workingDirectory, '/srv')
})

test('virtual environments and bytecode of the host stay out', async (t) => {
  const { task } = await prepare(t, {
    ...handler,
    '.venv/pyvenv.cfg': '',
    '.venv/lib/_x.cpython-310-darwin.so': 'x',
    'my env/pyvenv.cfg': '',
    'my env/x.py': 'x',
    '__pycache__/lambda_function.cpython-310.pyc': 'x',
    'a/__pycache__/b.pyc': 'x',
    'a/b.py': 'x',
  })
  assert.deepEqual(
    task.sorted().map(([path]) => path),
    ['a', 'a/b.py', 'lambda_function.py'],
  )
})

test('many modules are compiled for the guest, few are not', async (t) => {
  const large = { ...handler, 'pack/a.py': '#'.repeat(70_000), 'pack/b.py': 'wrong' }
  const { task, compiled } = await prepare(t, large)
  assert.ok(task.has('pack/__pycache__/a.cpython-313.pyc'))
  assert.ok(task.has('__pycache__/lambda_function.cpython-313.pyc'))
  assert.ok(!task.has('pack/__pycache__/b.cpython-313.pyc'))
  assert.ok(compiled.includes('/var/task/pack/a.py'))
  const few = await prepare(t, handler)
  assert.ok(!few.task.has('__pycache__'))
})

const wrongHandlers: [string, Partial<FunctionSpec>, Files, string, RegExp][] = [
  [
    'no module',
    { handler: 'lambda_functions.go' },
    handler,
    'UFR-HANDLER',
    /"lambda_function\.lambda_handler"/,
  ],
  [
    'by AWS folder',
    { handler: 'src/app.handler' },
    { 'src/api.py': 'handler = 1' },
    'UFR-HANDLER',
    /"src\/api\.handler"/,
  ],
  ['no dot', { handler: 'app' }, { 'app.py': '' }, 'UFR-CONFIG', /module|lambda_function\.lambda_handler/],
  ['no file', { shape: 'web', command: 'serve.py' }, { 'server.py': '' }, 'UFR-PROGRAM', /command/],
  [
    'no program',
    { shape: 'web', command: 'gunicorn' },
    { 'server.py': '' },
    'UFR-PROGRAM',
    /requirements\.txt/,
  ],
  ['outside', { shape: 'web', command: '/etc/x.py' }, { 'server.py': '' }, 'UFR-PROGRAM', /into the folder/],
  ['nothing to run', { shape: 'program', command: 'python3', args: ['-u'] }, {}, 'UFR-PROGRAM', /args/],
  ['reserved', { environment: { _HANDLER: 'x' } }, handler, 'UFR-CONFIG', /_HANDLER/],
  ['another version', { runtime: 'python3.8' }, handler, 'UFR-RUNTIME', /python3\.13/],
]

for (const [name, said, files, code, fix] of wrongHandlers) {
  test(`what cannot run is said before anything is fetched: ${name}`, async (t) => {
    const error = await failure(t, files, said)
    assert.equal(error.code, code)
    assert.match(error.fix, fix)
  })
}

const plain = elfFixture({ needed: ['libc.so.6'] })
const musl = elfFixture({ needed: ['libc.musl-x86_64.so.1'] })
const arm = elfFixture({ machine: 183, needed: ['libc.so.6'] })

const extensions: [string, Record<string, Uint8Array>, RegExp | undefined][] = [
  ['one that fits', { 'p/_x.cpython-313-x86_64-linux-gnu.so': plain }, undefined],
  ['the stable interface', { 'p/_x.abi3.so': plain }, undefined],
  ['without a tag', { 'p/_x.so': plain }, undefined],
  ['a text for the linker', { 'p/libx.so': Buffer.from('INPUT(-lx)') }, undefined],
  ['another version', { 'p/_x.cpython-310-x86_64-linux-gnu.so': plain }, /for Python 3\.10;.*3\.13/],
  ['another processor by name', { 'p/_x.cpython-313-aarch64-linux-gnu.so': plain }, /for aarch64/],
  [
    'another processor by content',
    { 'p/_x.cpython-313-x86_64-linux-gnu.so': arm },
    /for (aarch64|AArch64|ARM)/i,
  ],
  ['musl by name', { 'p/_x.cpython-313-x86_64-linux-musl.so': plain }, /for musl/],
  ['musl by content', { 'p/_x.abi3.so': musl }, /for musl/],
  ['macOS', { 'p/_x.cpython-313-darwin.so': plain }, /for macOS/],
  ['macOS by content', { 'p/_x.abi3.so': Buffer.from('cffaedfe0700', 'hex') }, /for macOS/],
  ['Windows', { 'p/_x.cp313-win_amd64.pyd': plain }, /for Windows/],
  ['free-threaded', { 'p/_x.cpython-313t-x86_64-linux-gnu.so': plain }, /free-threaded/],
  ['damaged', { 'p/_x.abi3.so': plain.subarray(0, 40) }, /damaged/],
  [
    'several of which one fits',
    {
      'p/_x.cpython-310-x86_64-linux-gnu.so': plain,
      'p/_x.cpython-313-x86_64-linux-gnu.so': plain,
      'p/_x.pyd': plain,
    },
    undefined,
  ],
]

for (const [name, files, problem] of extensions) {
  test(`modules in machine code are for the guest or named: ${name}`, () => {
    const task = new Tree()
    for (const [path, bytes] of Object.entries(files)) task.file(path, bytesContent(bytes))
    if (!problem) return checkExtensions(task, '3.13')
    assert.throws(
      () => checkExtensions(task, '3.13'),
      (error) =>
        error instanceof UfrError &&
        error.code === 'UFR-WHEEL' &&
        problem.test(error.message) &&
        /requirements\.txt/.test(error.fix),
    )
  })
}

test('any file name and content of such a module is taken or named', () => {
  const part = fc.constantFrom(
    'cpython',
    '-',
    '313',
    'x86_64',
    '.',
    'abi3',
    'cp',
    'darwin',
    'a',
    '.so',
    '.pyd',
    't',
    'linux',
    'gnu',
  )
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 9 }),
      fc.uint8Array({ maxLength: 80 }),
      fc.boolean(),
      (parts, bytes, isElf) => {
        const name = parts.join('')
        if (/^\.+$/.test(name)) return
        const content = isElf ? Buffer.from(plain).fill(bytes, 16, 16 + bytes.length) : bytes
        try {
          checkExtensions(new Tree().file(`p/${name}.so`, bytesContent(content)), '3.13')
        } catch (error) {
          assert.ok(error instanceof UfrError, String(error))
        }
      },
    ),
    { numRuns: 500 },
  )
})

const folders: [string, Files, ReturnType<typeof detectPython>][] = [
  ['nothing', { 'README.md': 'x' }, undefined],
  ['AWS name', handler, { shape: 'handler', handler: 'lambda_function.lambda_handler' }],
  [
    'a handler in app.py',
    { 'app.py': 'async def handler(e, c): ...' },
    { shape: 'handler', handler: 'app.handler' },
  ],
  [
    'in src',
    { 'src/main.py': 'lambda_handler = x' },
    { shape: 'handler', handler: 'src/main.lambda_handler' },
  ],
  ['imported', { 'main.py': 'from x import (a, handler)' }, { shape: 'handler', handler: 'main.handler' }],
  [
    'a server',
    { 'server.py': 'HTTPServer((1, 2)).serve_forever()', 'x.py': '' },
    { shape: 'web', command: 'server.py' },
  ],
  ['flask', { 'app.py': 'app = Flask(__name__)\napp.run(port=1)' }, { shape: 'web', command: 'app.py' }],
  [
    'a server in a module that it imports',
    { 'main.py': 'from lib.web import go', 'lib/web.py': 'import uvicorn\nuvicorn.run(1)' },
    { shape: 'web', command: 'main.py' },
  ],
  ['a program', { 'main.py': 'print(1)' }, { shape: 'program', command: 'main.py' }],
  ['the only file', { 'tool.py': '# app.run()\nprint(1)' }, { shape: 'program', command: 'tool.py' }],
  ['two files of names that say nothing', { 'a.py': '', 'b.py': '' }, undefined],
]

for (const [name, files, found] of folders) {
  test(`a folder is recognised: ${name}`, (t) => {
    assert.deepEqual(detectPython(folderWith(t, files)), found)
  })
}

test('a web application that nothing runs is told with the server that could', (t) => {
  for (const [text, says] of [
    [
      'import fastapi\napi: object = fastapi.FastAPI(title="x")',
      /"command":"uvicorn","args":\["main:api","--host"/,
    ],
    ['app = Flask(__name__)', /"command":"flask","args":\["--app","main:app","run"/],
  ] as const) {
    assert.throws(
      () => detectPython(folderWith(t, { 'main.py': text })),
      (error) => error instanceof UfrError && error.code === 'UFR-DETECT' && says.test(error.fix),
    )
  }
})

test('guesses by text take any text, and no time', () => {
  const piece = fc.constantFrom(
    'def ',
    'handler',
    '(',
    '=',
    ' ',
    '\n',
    'from ',
    'import ',
    '.',
    'x',
    '#',
    ':',
    'class ',
    'app.run(',
  )
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string()), { maxLength: 60 }), (parts) => {
      const text = parts.join('').repeat(20)
      definesName(text, 'handler')
      opensServer(text)
      importedModules(text)
      webApplication(text)
    }),
    { numRuns: 200 },
  )
  const start = Date.now()
  for (const unit of ['from x import ', 'handler:', '#', ' \t', 'def handler ']) {
    const text = unit.repeat(50_000)
    definesName(text, 'handler')
    opensServer(text)
    importedModules(text)
    webApplication(text)
  }
  assert.ok(Date.now() - start < 2000)
})
