// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OSv's own variables look like that.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readCommand } from '../../../src/function/foreign/osv/command.ts'
import { readManifest } from '../../../src/function/foreign/osv/manifest.ts'
import { readModule } from '../../../src/function/foreign/osv/python.ts'
import { load, refused, rootOf } from './load.ts'

const nodeApp = {
  'modules.py': `from osv.modules import api
api.require('node-from-host')
default = api.run('--cwd=/app/ --env=A=%d /libnode.so ./server.js' % 5)
`,
  'usr.manifest': '[manifest]\n# a comment\n/app/**: ${MODULE_DIR}/ROOTFS/app/**\n/same: ->/app/server.js\n',
  'ROOTFS/app/server.js': 'require("http").createServer().listen(80)',
}

const moduleOf = (text: string) => readModule({ file: 'module.py', text })
const command = (text: string) => readCommand({ file: 'module.py', text: '' }, 0, text, 2)

test('a module with modules.py, usr.manifest and ROOTFS is taken as it is', async (t) => {
  const foreign = await load(t, nodeApp)
  const { spec, config } = foreign
  assert.deepEqual([spec.runtime, spec.command, spec.args], ['nodejs', 'node', ['./server.js']])
  assert.deepEqual([spec.shape, spec.workingDirectory, spec.environment], ['web', '/app', { A: '5' }])
  assert.deepEqual(rootOf(foreign), ['app/server.js', 'same -> /app/server.js'])
  assert.deepEqual(config.files, [{ from: 'ROOTFS/app', to: '/app' }])
  assert.match(foreign.lost.join(), /the link \/same/)
})

test('a folder of modules with its config.json: the one of default, else the only one', async (t) => {
  const own = Object.fromEntries(Object.entries(nodeApp).map(([name, text]) => [`bm/${name}`, text]))
  const config = (names: string[]) =>
    JSON.stringify({ modules: { repositories: ['${OSV_BASE}/apps', '.'] }, default: names })
  const { spec } = await load(t, { ...own, 'config.json': config(['cloud-init']) })
  assert.equal(spec.name, 'bm')
  assert.match(spec.notes!.join(), /cloud-init of "default" left out/)
  const two = { ...own, 'x/module.py': '', 'x/usr.manifest': '' }
  assert.equal((await load(t, { ...two, 'config.json': config(['bm']) })).spec.name, 'bm')
  const error = await refused(t, { ...two, 'config.json': config([]) })
  assert.match(error.text, /^config\.json:1:1: there are several modules.*: bm, x$/)
})

test('what a module declares is read: texts, lists, format, join, run_java, FileMap', () => {
  const { runs, required, files, links } = moduleOf(`# c
from osv.modules.api import *
from osv.modules.filemap import FileMap
_cp = ['/a.jar', "/b" ".jar"]
require('java'); x = 'm{}{n}'.format(1, n='k')
native = run(cmdline='/usr/bin/java -cp ' + ':'.join(_cp) + \\
  ' ' + x)
default = run_java(classpath = _cp, args = ['Main', x,], jvm_args='-Xmx1G -ea')
usr_files = FileMap()
usr_files.add('/h').to('/g').include('**').exclude('*.o')
usr_files.link('/l').to('t')
`)
  assert.deepEqual(
    required.map(({ name }) => name),
    ['java'],
  )
  assert.equal(runs.get('native')?.line, '/usr/bin/java -cp /a.jar:/b.jar m1k')
  const { args, classpath, jvmArgs } = runs.get('default')!
  assert.deepEqual(
    [args, classpath, jvmArgs],
    [
      ['Main', 'm1k'],
      ['/a.jar', '/b.jar'],
      ['-Xmx1G', '-ea'],
    ],
  )
  assert.deepEqual([files[0]?.host, files[0]?.guest, files[0]?.filters.length], ['/h', '/g', 2])
  assert.deepEqual([links[0]?.guest, links[0]?.to], ['/l', 't'])
})

const computing: [text: string, says: RegExp][] = [
  ['from osv.modules import api\nimport os\n', /^module\.py:2:1: this module imports os, so it computes/],
  ['import os\nif os.x:\n  y = 1\n', /:1:1: this module imports os/],
  ['import subprocess as s', /:1:1: this module imports subprocess/],
  ['from os import path', /this module imports os/],
  ['if True:\n  x = 1', /:1:1: `if` is code/],
  ['x = open("/etc/passwd")', /:1:5: open\(…\) would have to be run/],
  ['x = "a"["b"]', /\[ does here would have to be computed/],
  ['x = f"{y}"', /:1:5: a text of this form/],
  ['default = api.run("/a" % y)', /nothing says what y is/],
  ['x = "a', /:1:5: the text that begins here has no closing quote/],
  ['x = (1', /:1:5: what begins here is never closed/],
  ['  x = 1', /:1:1: this line is indented/],
]
for (const [text, says] of computing) {
  test(`refused by its line: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => moduleOf(text),
      (error: UfrError) => error.code === 'UFR-INPUT' && says.test(error.message),
    )
  })
}

test('command lines are read as the kernel does', () => {
  assert.deepEqual(command(`--env=A=b --env "C=d e" --cwd=/x --verbose /p "a 'b" c\\ d $OSV_CPUS !`), {
    environment: { A: 'b', C: 'd e' },
    workingDirectory: '/x',
    program: '/p',
    args: ["a 'b", 'c d', '2'],
    left: ['--verbose'],
  })
  for (const bad of ['/a & /b', '/a; /b', '', '--env=A=b', '/a "b', '/a $HOME']) {
    assert.throws(() => command(bad), { code: 'UFR-INPUT' }, bad)
  }
})

test('modules that are nowhere, files that are not there and programs of no file are named by line', async (t) => {
  const bad = (module: string, manifest: string) =>
    refused(t, { 'module.py': module, 'usr.manifest': manifest })
  const run = "default = api.run('/hello')\n"
  assert.match(
    (await bad(`\napi.require('zfs')\n${run}`, '')).text,
    /^module\.py:2:5: the module "zfs" cannot be had/,
  )
  assert.match((await bad(run, '/hello: ${MODULE_DIR}/helo')).text, /^usr\.manifest:1:1: there is no helo/)
  assert.match((await bad(run, '\n/hello')).text, /^usr\.manifest:2:1: this line has no/)
  assert.match((await bad(run, '/a: ${HOME}/x')).text, /usr\.manifest:1:1: nothing says what \$\{HOME\} is/)
  assert.match(
    (await bad(run, '/helo: module.py')).text,
    /no file of the module's is at \/hello.*did you mean \/helo/,
  )
  assert.match((await bad('x = 1', '')).text, /this module runs nothing/)
})

test('any text gives a module, a manifest, a command line, or an error that names the place', () => {
  const seeds = [nodeApp['modules.py'], nodeApp['usr.manifest'], ...computing.map(([text]) => text)]
  const piece = fc.constantFrom(
    ...seeds,
    '(',
    ')',
    "'",
    '"""',
    '%',
    '.',
    ',',
    'api.run',
    '\\',
    '\n',
    ' = ',
    '[',
    '{0}',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      const file = { file: 'f', text: given }
      for (const read of [
        () => readModule(file),
        () => readManifest(file),
        () => readCommand(file, 0, given, 1),
      ]) {
        try {
          read()
        } catch (error) {
          assert.ok(error instanceof UfrError, String((error as Error).stack))
          assert.match(error.message, /^f:\d+:\d+: /)
        }
      }
    }),
    { numRuns: 1500 },
  )
})
