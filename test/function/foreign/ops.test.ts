import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { findForeign } from '../../../src/function/foreign/foreign.ts'
import { opsKeys, runKeys, tellingKeys } from '../../../src/function/foreign/ops/keys.ts'
import { readOps } from '../../../src/function/foreign/ops/read.ts'
import { makeFolder } from '../make.ts'
import { kinds, load, refused, rootOf } from './load.ts'

/** As a manual has it, in a folder node_v11.5.0 of Nanos's tests. */
const nodeFile = `{
    "Args": [
        "hello.js"
    ],
    "RunConfig": {
        "Ports": [
            "12345"
        ]
    },
    "Program": "/usr/bin/node",
    "Files": [
        "hello.js"
    ]
}
`
/** The same, in ruby_2.5.1. */
const rubyFile = `{
    "Args": ["myapp.rb", "-o", "0.0.0.0"],
    "Dirs": [".ruby"],
    "ENV": {
        "GEM_HOME": ".ruby"
    },
    "RunConfig": {
        "Ports": ["4567"]
    },
    "Boot": "../../../output/test/e2e/boot.img",
    "Kernel": "../../../output/test/e2e/kernel.img"
}
`

test("the manual's file for Node.js is taken as it is", async (t) => {
  const foreign = await load(t, { 'config.json': nodeFile, 'hello.js': 'x' })
  const { spec, config, lost } = foreign
  assert.equal(spec.name, 'my-app')
  assert.equal(spec.runtime, 'nodejs')
  assert.equal(spec.shape, 'web')
  assert.equal(spec.port, 12345)
  assert.deepEqual([spec.command, spec.args, spec.workingDirectory], ['node', ['hello.js'], '/'])
  assert.deepEqual(rootOf(foreign), ['hello.js'])
  assert.deepEqual([spec.notes, lost], [[], []])
  assert.deepEqual(config, {
    name: 'my-app',
    runtime: 'nodejs',
    shape: 'web',
    command: 'node',
    args: ['hello.js'],
    port: 12345,
    workingDirectory: '/',
    files: [{ from: 'hello.js', to: '/hello.js' }],
  })
})

test("the manual's file for Ruby is taken with an interpreter from the command line", async (t) => {
  const files = {
    'config.json': rubyFile,
    'myapp.rb': 'x',
    '.ruby/gems/a.rb': 'y',
    'bin/ruby': '#!/bin/sh\n',
  }
  const foreign = await load(t, files, { command: 'bin/ruby' })
  const { spec } = foreign
  assert.deepEqual([spec.runtime, spec.command, spec.port], ['native', '/bin/ruby', 4567])
  assert.deepEqual(spec.args, ['myapp.rb', '-o', '0.0.0.0'])
  assert.deepEqual(spec.environment, { GEM_HOME: '.ruby' })
  assert.deepEqual(rootOf(foreign), ['.ruby/gems/a.rb', 'bin/ruby', 'myapp.rb'])
  assert.equal(spec.notes?.length, 1)
  assert.match(spec.notes![0]!, /config\.json: Boot, Kernel left out: .*ufr kernel import nanos/)
})

test('and without one, its error says what ops would have done and how to name it', async (t) => {
  const error = await refused(t, { 'config.json': rubyFile, 'myapp.rb': 'x', '.ruby/a': '' })
  assert.equal(error.code, 'UFR-INPUT')
  assert.match(error.text, /^config\.json:1:1: .*there is no Program, so ops would have loaded a package/)
  assert.match(error.fix, /myapp\.rb is for ruby: .*--command ruby/)
})

test('files, folders and patterns go where ops puts them', async (t) => {
  const config = {
    program: './build/app',
    Files: ['a.txt', './b/c.txt'],
    Dirs: ['static'],
    MapDirs: { 'certs/*': '/etc/ssl', 'data/*.csv': '/data', conf: '/etc/app' },
    Args: ['b.txt'],
  }
  const foreign = await load(t, {
    'config.json': JSON.stringify(config),
    'build/app': 'x',
    'a.txt': '',
    'b.txt': '',
    'b/c.txt': '',
    'static/s/t.css': '',
    'certs/x/y.pem': '',
    'certs/z.pem': '',
    'data/1.csv': '',
    'data/more/2.csv': '',
    'data/3.txt': '',
    'conf/app.ini': '',
  })
  assert.deepEqual(rootOf(foreign), [
    'a.txt',
    'b/c.txt',
    'b.txt',
    'build/app',
    'data/1.csv',
    'data/more/2.csv',
    'etc/app/app.ini',
    'etc/ssl/x/y.pem',
    'etc/ssl/z.pem',
    'static/s/t.css',
  ])
  assert.deepEqual(
    [foreign.spec.runtime, foreign.spec.command, foreign.spec.shape],
    ['native', '/build/app', 'program'],
  )
  assert.equal(foreign.lost.length, 1)
  assert.match(foreign.lost[0]!, /data are taken: name them in files/)
})

test('memory, processors and the working directory are taken', async (t) => {
  const config = {
    Program: 'app',
    RunConfig: { Memory: '2G', CPUs: 2, Ports: [80, '8080-8090'] },
    ManifestPassthrough: { cwd: '/srv/app' },
  }
  const { spec, config: own } = await load(t, { 'config.json': JSON.stringify(config), app: 'x' })
  assert.deepEqual([spec.memoryMiB, spec.cpus, spec.port, spec.workingDirectory], [2048, 2, 80, '/srv/app'])
  assert.deepEqual([own.memory, own.cpus], [2048, 2])
  assert.match(spec.notes!.join('\n'), /RunConfig\.Ports left out: all but 80/)
  for (const [text, mebibytes] of [
    ['512m', 512],
    ['128', 128],
    [256, 256],
    ['1GB', 1024],
  ] as const) {
    const file = JSON.stringify({ RunConfig: { Memory: text } })
    assert.equal(readOps({ file: 'c', text: file }).memoryMiB, mebibytes)
  }
})

test('flags come before the file, and a server without ports is known by its script', async (t) => {
  const config = JSON.stringify({
    Program: 'node',
    Args: ['--no-warnings', 'a.js'],
    RunConfig: { Memory: '64m' },
  })
  const files = { 'config.json': config, 'a.js': 'require("http").createServer().listen(80)' }
  assert.equal((await load(t, files)).spec.shape, 'web')
  const { spec } = await load(t, files, { memoryMiB: 100, port: 81, unikernel: 'osv' })
  assert.deepEqual([spec.memoryMiB, spec.port, spec.unikernel], [100, 81, 'osv'])
  assert.equal((await load(t, { ...files, 'a.js': '1' })).spec.shape, 'program')
})

test('a config.json may be another, and a file that is given itself need not have that name', async (t) => {
  const folder = makeFolder(t, {
    'config.json': '{ "database": { "host": "x" }, "files": [] }',
    'my.json': '{ "Program": "node" }',
    'other/config.json': '[1]',
    'broken/config.json': '{\n  "Program": "node",\n  "Args: []\n}',
    'list/ufr.json': '{}',
    'list/config.json': '{ "Program": 5 }',
  })
  const recognised = (input: string) => findForeign(path.join(folder, input), kinds)
  assert.deepEqual(recognised(''), {})
  assert.deepEqual(recognised('other'), {})
  assert.ok(recognised('my.json').found)
  assert.ok(recognised('broken').found)
  const { found, shadowed } = recognised('list')
  assert.deepEqual([found, shadowed?.title], [undefined, `An ops configuration (${folder}/list/config.json)`])
})

const wrong: [config: string, says: RegExp, fix?: RegExp][] = [
  [
    '{\n "Program": "node",\n "Arg": []\n}',
    /^config\.json:3:2: unknown key "Arg"; did you mean "Args"\?$/,
    /Write "Args"/,
  ],
  ['{\n "Program": "x",\n "MapsDirs": {}\n}', /:3:2: unknown key "MapsDirs"; did you mean "MapDirs"\?$/],
  [
    '{"Program": "x", "RunConfig": {"Memroy": "1"}}',
    /:1:32: unknown key "Memroy" in RunConfig; did you mean "Memory"\?$/,
  ],
  [
    '{"Program": "x", "RunConfig": {"Klibs": []}}',
    /unknown key "Klibs" in RunConfig; Klibs belongs beside RunConfig$/,
  ],
  ['{"Program": "x", "Mkfs": "a"}', /unknown key "Mkfs"/],
  ['{"Program": "x", "Env": {}, "ENV": {}}', /ENV is the same key as Env, which is there already$/],
  ['{"Program": "x"\n "Args": []}', /:1:16: a comma or \} is missing here$/],
  ['{"Program": 5}', /Program must be a text in double quotes, not 5$/],
  ['{"Program": "x", "Args": "a"}', /Args must be a list, not "a"$/],
  ['{"Program": "x", "Args": ["a", 1]}', /:1:32: Args\[1\] must be a text in double quotes, not 1$/],
  ['{"Program": "x", "Env": {"A": 1}}', /Env\.A must be a text in double quotes, not 1$/],
  [
    '{"Program": "x", "RunConfig": {"Ports": ["http"]}}',
    /RunConfig\.Ports\[0\] must be a port from 1 to 65535/,
  ],
  ['{"Program": "x", "RunConfig": {"Memory": "much"}}', /RunConfig\.Memory must be a size such as "512m"/],
  ['{"Program": "x", "RunConfig": {"CPUs": 100}}', /RunConfig\.CPUs must be from 1 to 64, not 100$/],
  ['{"Program": "x", "Mounts": {"a": "/b"}}', /Mounts cannot be had here: volumes/, /Remove Mounts/],
  ['{"Program": "x", "RunConfig": {"UDPPorts": ["53"]}}', /RunConfig\.UDPPorts cannot be had here: no UDP/],
  ['{"Program": "x", "Klibs": ["ntp", "firewall"]}', /:1:35: the klib "firewall" cannot be had here/],
  [
    '{"Program": "x", "ManifestPassthrough": {"firewall": {}}}',
    /ManifestPassthrough\.firewall cannot be had here: it guards/,
  ],
  [
    '{"Program": "node", "Files": ["helo.js"]}',
    /Files\[0\]: there is no file "helo\.js" in \.; did you mean "hello\.js"\?$/,
  ],
  ['{"Program": "node", "Dirs": ["hello.js"]}', /Dirs\[0\] is a file: /, /Write it into Files/],
  ['{"Program": "node", "Files": ["dir"]}', /Files\[0\] is a folder: /, /Write it into Dirs/],
  ['{"Program": "node", "MapDirs": {"gone/*": "/x"}}', /:1:43: MapDirs: there is no folder gone$/],
  [
    '{"Program": "no-such-program"}',
    /:1:13: there is no program no-such-program, neither in \. nor on this host$/,
  ],
  ['{"Args": ["a"]}', /nothing says which program runs/, /--command \/usr\/bin\/PROGRAM/],
]

for (const [config, says, fix] of wrong) {
  test(`wrong: ${config.replaceAll('\n', ' ')}`, async (t) => {
    const error = await refused(t, { 'config.json': config, 'hello.js': '', 'dir/x': '' })
    assert.equal(error.code, 'UFR-INPUT')
    assert.match(error.text, says)
    if (fix) assert.match(error.fix, fix)
  })
}

test('a program of --command that is not there is named', async (t) => {
  const files = { 'config.json': '{"Args": ["a"]}' }
  const error = await refused(t, files, { command: 'no-such-program' })
  assert.equal(error.code, 'UFR-USAGE')
  assert.match(error.message, /^--command: there is no program no-such-program/)
})

test('what is refused is let pass where it says nothing, and every key has a sentence', () => {
  for (const [keys, wrap] of [
    [opsKeys, (one: object) => one],
    [runKeys, (one: object) => ({ RunConfig: one })],
  ] as const) {
    for (const [name, { kind, says }] of Object.entries(keys)) {
      assert.ok(says.length > 5, name)
      const empty = { text: '', texts: [], map: {}, whole: 0, flag: false, any: {}, ports: [], folder: '' }[
        kind
      ]
      readOps({ file: 'config.json', text: JSON.stringify(wrap({ [name]: empty })) })
      readOps({ file: 'config.json', text: JSON.stringify(wrap({ [name]: null })) })
    }
  }
  for (const name of tellingKeys) assert.ok(Object.hasOwn(opsKeys, name), name)
})

test("links in a folder stay links, broken ones and none of the host's come along", async (t) => {
  const folder = makeFolder(t, {
    'config.json': '{"Program": "node", "Dirs": ["d"]}',
    'd/a': 'x',
    outside: 'secret',
  })
  fs.symlinkSync('a', path.join(folder, 'd/same'))
  fs.symlinkSync('gone', path.join(folder, 'd/broken'))
  fs.symlinkSync('../outside', path.join(folder, 'd/out'))
  const { found } = findForeign(folder, kinds)
  const foreign = await found!.load({}, { step() {}, amount() {}, note() {}, done() {} })
  assert.deepEqual(rootOf(foreign), ['d/a', 'd/out', 'd/same -> a'])
})

const seeds = [nodeFile, rubyFile, ...wrong.map(([config]) => config)]
const mutated = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.tuple(fc.nat(), fc.string({ maxLength: 4 })), { maxLength: 4 }),
  )
  .map(([text, changes]) =>
    changes.reduce((now, [at, put]) => {
      const i = at % (now.length + 1)
      return now.slice(0, i) + put + now.slice(i + put.length)
    }, text),
  )

test('any text gives a configuration or an error that names the place', () => {
  fc.assert(
    fc.property(fc.oneof(mutated, fc.string(), fc.json()), (text) => {
      try {
        readOps({ file: 'config.json', text })
      } catch (error) {
        assert.ok(error instanceof UfrError, String((error as Error).stack))
        assert.match(error.message, /^config\.json:\d+:\d+: /)
      }
    }),
    { numRuns: 1500 },
  )
})
