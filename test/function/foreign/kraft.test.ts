import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { readKraft } from '../../../src/function/foreign/kraft/read.ts'
import { readYaml, type YamlValue } from '../../../src/function/foreign/kraft/yaml.ts'
import { load, refused, rootOf } from './load.ts'

function plain(value: YamlValue): unknown {
  if (value.kind === 'text') return value.text
  if (value.kind === 'list') return value.items.map(plain)
  return Object.fromEntries([...value.entries].map(([key, { value: one }]) => [key, plain(one)]))
}

const yaml = (text: string) => plain(readYaml({ file: 'Kraftfile', text }))

test('maps, lists, texts and blocks', () => {
  const text = `---
a: b # c
'q k': "x\\ty: #"
list:
- 1
- k: v
  w: [a, 'b c', {d: e}]
-
  - deep
nested:
  more:

    x: http://a:80/b
multi: [
  "a", # one
  b,
]
lines: |
  one
   two
empty:
`
  assert.deepEqual(yaml(text), {
    a: 'b',
    'q k': 'x\ty: #',
    list: ['1', { k: 'v', w: ['a', 'b c', { d: 'e' }] }, ['deep']],
    nested: { more: { x: 'http://a:80/b' } },
    multi: ['a', 'b'],
    lines: 'one\n two\n',
    empty: '',
  })
})

const file = `spec: v0.6
name: web
runtime: base:latest
labels:
  cloud.unikraft.v1.instances/scale_to_zero.policy: "on"
rootfs: ./rootfs
cmd: ["/bin/server", "--port", "80"]
env:
  A: "1"
`

test('a Kraftfile with a rootfs is taken as it is', async (t) => {
  const foreign = await load(t, { Kraftfile: file, 'rootfs/bin/server': 'x', 'rootfs/etc/a': '' })
  const { spec, config } = foreign
  assert.deepEqual(
    [spec.name, spec.runtime, spec.command, spec.args],
    ['web', 'native', '/bin/server', ['--port', '80']],
  )
  assert.deepEqual([spec.root?.whole, spec.workingDirectory, spec.environment], [true, '/', { A: '1' }])
  assert.deepEqual(rootOf(foreign), ['bin/server', 'etc/a'])
  assert.deepEqual(config.files, [{ from: 'rootfs', to: '/' }])
  assert.match(spec.notes!.join(), /runtime left out/)
})

test("a runtime of ufr's stands for a program that the rootfs lacks", async (t) => {
  const text = 'runtime: node:21\nrootfs: rootfs\ncmd: ["/usr/bin/node", "/s.js"]\n'
  const { spec } = await load(t, { Kraftfile: text, 'rootfs/s.js': 'x.listen(80)' })
  assert.deepEqual(
    [spec.runtime, spec.shape, spec.args, spec.root?.whole],
    ['nodejs', 'web', ['/s.js'], false],
  )
})

const wrong: [text: string, says: RegExp][] = [
  ['name: a\ncmmd: x', /^Kraftfile:2:1: unknown key "cmmd"; did you mean "cmd"/],
  ['rootfs: ./Dockerfile\ncmd: /a', /^Kraftfile:1:9: rootfs is \.\/Dockerfile, and ufr runs no Dockerfile/],
  ['rootfs: ./gone\ncmd: /a', /^Kraftfile:1:9: rootfs: there is no gone/],
  ['volumes: [a]', /^Kraftfile:1:1: volumes cannot be had here/],
  ['spec: v1.0', /Kraftfiles of the version v1\.0/],
  ['unikraft: stable', /builds a kernel with the program in it/],
  ['a: &x 1', /:1:7: anchors and aliases are not taken/],
  ['a: *x', /:1:4: anchors and aliases are not taken/],
  ['a: !!str x', /:1:10: tags are not taken/],
  ['name: a\n---\nname: b', /:2:1: a second document/],
  ['? [a]\n: b', /:1:3: a key has to be a text/],
  [`#${' '.repeat(70_000)}`, /:1:1: larger than 64 KiB/],
  [`name: ${'['.repeat(60_000)}`, /:1:1: nested more than 40 deep/],
  [`name: ${'['.repeat(100)}${']'.repeat(100)}`, /:1:47: nested more than 40 deep/],
  ['name: a\nname: b', /:2:1: Map keys must be unique/],
  ['cmd: [a, b', /:1:11: Flow sequence .* end with a ]/],
  ['\tname: a', /:1:1: Tabs are not allowed as indentation/],
  ['env: {"a b": 1}\ncmd: /x', /"a b" is no name of a variable/],
]
for (const [text, says] of wrong) {
  test(`wrong: ${JSON.stringify(text.slice(0, 60))}`, async (t) => {
    const error = await refused(t, { Kraftfile: text })
    assert.equal(error.code, 'UFR-INPUT')
    assert.match(error.text, says)
  })
}

test('any text gives a Kraftfile or an error that names the place', () => {
  const piece = fc.constantFrom(
    file,
    ...wrong.map(([text]) => text),
    '- ',
    ': ',
    '\n',
    '  ',
    '[',
    '}',
    '"',
    '|',
    '#',
    'a',
  )
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
  )
  fc.assert(
    fc.property(text, (given) => {
      try {
        readKraft({ file: 'Kraftfile', text: given })
      } catch (error) {
        assert.ok(error instanceof UfrError, String((error as Error).stack))
        assert.match(error.message, /^Kraftfile:\d+:\d+: /)
      }
    }),
    { numRuns: 1500 },
  )
})
