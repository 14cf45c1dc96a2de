import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { flattenLayers, flattenLimits } from '../../../src/image/container/flatten.ts'
import { contentBytes } from '../../../src/image/content.ts'
import { bytesSource } from '../../../src/image/source.ts'
import { pax, type TarEntry, tinyTar } from '../formats/tiny-tar.ts'
import { mutated } from '../formats/trees.ts'

const d = (name: string, mode = 0o755): TarEntry => ({ name: `${name}/`, type: '5', mode })
const f = (name: string, data = 'x', mode = 0o644): TarEntry => ({ name, data, mode })
const l = (name: string, target: string): TarEntry => ({ name, type: '2', target })
const h = (name: string, target: string): TarEntry => ({ name, type: '1', target })

const sources = (layers: TarEntry[][]) => layers.map((entries) => bytesSource(tinyTar(entries)))
const flat = (...layers: TarEntry[][]) => flattenLayers(sources(layers))

/** The result as words: `path=content`, `path->target`, `path/`. */
function words(...layers: TarEntry[][]): string[] {
  return flat(...layers)
    .tree.sorted()
    .map(([path, entry]) => {
      if (entry.kind === 'link') return `${path}->${entry.target}`
      return entry.kind === 'file' ? `${path}=${contentBytes(entry.content)}` : `${path}/`
    })
}

const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-FORMAT', message })

test('later layers lie over earlier ones, later entries over earlier ones', () => {
  assert.deepEqual(
    words([d('a'), f('a/b', '1'), f('c', '1')], [f('a/b', '2'), f('a/d', '3')], [f('c', '4')]),
    ['a/', 'a/b=2', 'a/d=3', 'c=4'],
  )
  assert.deepEqual(words([f('a', '1'), f('a', '2')]), ['a=2'])
  // A directory keeps what is in it and takes a new mode; anything else makes way as a whole.
  const { tree } = flat([d('a'), f('a/b')], [d('a', 0o700)])
  assert.deepEqual([tree.get('a'), tree.has('a/b')], [{ kind: 'directory', mode: 0o700 }, true])
  assert.deepEqual(words([d('a'), f('a/b')], [f('a', 'now a file')]), ['a=now a file'])
  assert.deepEqual(words([f('a')], [d('a'), f('a/b')]), ['a/', 'a/b=x'])
  assert.deepEqual(words([l('a', 'b'), d('b'), f('b/c')], [d('a')]), ['a/', 'b/', 'b/c=x'])
})

test('modes stay, with the bits that are above permissions', () => {
  const { tree } = flat([d('tmp', 0o1777), f('su', '', 0o4755)])
  assert.deepEqual([tree.get('tmp'), tree.get('su')?.kind], [{ kind: 'directory', mode: 0o1777 }, 'file'])
  assert.equal((tree.get('su') as { mode: number }).mode, 0o4755)
})

test('whiteouts hide what lower layers have', () => {
  const lower = [d('a'), f('a/b'), f('a/c'), f('d')]
  assert.deepEqual(words(lower, [f('a/.wh.b', '')]), ['a/', 'a/c=x', 'd=x'])
  assert.deepEqual(words(lower, [f('.wh.a', '')]), ['d=x'])
  assert.deepEqual(words(lower, [f('.wh.nothing', ''), f('no/.wh.where', '')]), [
    'a/',
    'a/b=x',
    'a/c=x',
    'd=x',
  ])
  // And what comes above sees nothing of it.
  assert.deepEqual(words(lower, [f('.wh.a', '')], [f('a/e', 'new')]), ['a/', 'a/e=new', 'd=x'])
})

test('an opaque whiteout hides all of a directory, wherever it stands, and nothing of its own layer', () => {
  const lower = [d('a'), f('a/b'), d('a/s'), f('a/s/t')]
  for (const upper of [
    [d('a'), f('a/.wh..wh..opq', ''), f('a/new', '1')],
    [d('a'), f('a/new', '1'), f('a/.wh..wh..opq', '')],
  ])
    assert.deepEqual(words(lower, upper), ['a/', 'a/new=1'])
  assert.deepEqual(words(lower, [f('a/s/u', '1'), f('a/.wh..wh..opq', '')]), ['a/', 'a/s/', 'a/s/u=1'])
  assert.deepEqual(words(lower, [f('.wh..wh..opq', '')]), [])
})

test('a whiteout does not hide what its own layer has (layer.md)', () => {
  const lower = [d('a'), f('a/old')]
  assert.deepEqual(words(lower, [d('a'), f('a/new', '1'), f('.wh.a', '')]), ['a/', 'a/new=1'])
  assert.deepEqual(words(lower, [f('.wh.a', ''), d('a'), f('a/new', '1')]), ['a/', 'a/new=1'])
  assert.deepEqual(words([f('a', '1')], [f('a', '2'), f('.wh.a', '')]), ['a=2'])
})

test("aufs's own files are left out", () => {
  assert.deepEqual(words([d('.wh..wh.plnk'), f('.wh..wh.aufs', ''), f('a')]), ['a=x'])
})

test('a whiteout of nothing possible is refused', () => {
  for (const name of ['.wh.', '.wh..', '.wh...', 'a/.wh...'])
    assert.throws(() => flat([f(name, '')]), refused(/hides nothing/))
})

test('names begin at the root of the image, and none leads out of it', () => {
  assert.deepEqual(words([f('/etc/passwd', '1'), f('./b', '2'), f('c/../d', '3'), f('/../../e', '4')]), [
    'b=2',
    'd=3',
    'e=4',
    'etc/',
    'etc/passwd=1',
  ])
  for (const name of ['../x', 'a/../../x', './../x', '..']) {
    assert.throws(() => flat([f(name)]), refused(/leads out of the root/))
    assert.throws(() => flat([{ name: `${name}/`, type: '5' }]), refused(/leads out of the root/))
  }
  assert.throws(() => flat([f('../.wh.x', '')]), refused(/leads out of the root/))
  assert.throws(() => flat([f('.', 'x')]), refused(/the root is a file/))
})

test('symbolic links on the way are followed inside the root, the last part never', () => {
  assert.deepEqual(words([d('usr/bin'), l('bin', 'usr/bin')], [f('bin/sh', '1')]), [
    'bin->usr/bin',
    'usr/',
    'usr/bin/',
    'usr/bin/sh=1',
  ])
  // As in a chroot: `..` above the root, and absolute targets, stay in it.
  assert.deepEqual(words([l('out', '../../../etc'), f('out/passwd', '1')]), [
    'etc/',
    'etc/passwd=1',
    'out->../../../etc',
  ])
  assert.deepEqual(words([l('out', '/etc')], [f('out/x', '1')], [f('out/.wh.x', ''), f('out/y', '2')]), [
    'etc/',
    'etc/y=2',
    'out->/etc',
  ])
  assert.deepEqual(words([d('a'), l('b', 'a')], [f('b', 'file now')]), ['a/', 'b=file now'])
  assert.throws(() => flat([l('a', 'b'), l('b', 'a'), f('a/x')]), refused(/no end/))
  assert.throws(() => flat([f('a'), f('a/b')]), refused(/leads through the file/))
})

test('hard links are other names of a file or link, also of a lower layer, and only inside the root', () => {
  assert.deepEqual(words([f('a', '1'), h('b', 'a'), l('l', 'a'), h('m', 'l')]), [
    'a=1',
    'b=1',
    'l->a',
    'm->a',
  ])
  assert.deepEqual(words([d('x'), f('x/a', '1')], [h('b', '/x/a')]), ['b=1', 'x/', 'x/a=1'])
  assert.deepEqual(words([f('a', '1'), h('b', 'a')], [f('.wh.a', '')]), ['b=1'])
  assert.throws(() => flat([h('b', '../../etc/passwd')]), refused(/leads out of the root/))
  assert.throws(() => flat([h('b', '/etc/passwd')]), refused(/which is not there/))
  assert.throws(() => flat([h('b', 'b')]), refused(/which is not there/))
  assert.throws(() => flat([d('a'), h('b', 'a')]), refused(/is a directory/))
  assert.throws(() => flat([l('o', '/'), h('b', 'o/../../etc/shadow')]), refused(/leads out|not there/))
})

test('devices, pipes and sockets are left out and told of', () => {
  const { tree, skipped } = flat([
    { name: 'dev/null', type: '3' },
    { name: 'disk', type: '4' },
    { name: 'pipe', type: '6' },
    f('a'),
  ])
  assert.deepEqual(
    [skipped, tree.has('dev/null'), tree.has('a')],
    [['dev/null', 'disk', 'pipe'], false, true],
  )
})

test('long names come from extended headers, too long ones are refused', () => {
  const long = `${'d'.repeat(200)}/${'e'.repeat(200)}`
  const named = (path: string): TarEntry[] => [{ name: 'x', type: 'x', data: pax({ path }) }, f('short')]
  assert.deepEqual(words(named(long)).at(-1), `${long}=x`)
  assert.throws(() => flat(named('e'.repeat(256))), refused(/255/))
  assert.throws(() => flat(named(`${'e/'.repeat(2100)}e`)), refused(/characters|too deep|too long/))
  assert.throws(() => flat([{ name: Buffer.from([0x61, 0xff]), data: '' }]), refused(/not UTF-8/))
})

test('more than a real image has is refused', () => {
  const limited = (limits: Partial<typeof flattenLimits>, ...layers: TarEntry[][]) =>
    flattenLayers(sources(layers), { ...flattenLimits, ...limits })
  const three = [f('a'), f('b'), f('c')]
  assert.equal(limited({ entries: 3 }, three).tree.size, 3)
  assert.throws(() => limited({ entries: 2 }, three), refused(/more than 2 entries/))
  // Directories that nobody named count, too.
  assert.throws(() => limited({ entries: 3 }, [f('a/b/c/d')]), refused(/entries/))
  assert.throws(() => limited({ pathLength: 5 }, [f('abcdef')]), refused(/too long/))
  assert.throws(() => limited({ bytes: 5 }, [f('a', '123'), h('b', 'a')]), refused(/bytes/))
  const many = [
    d('a'),
    ...Array.from({ length: 50 }, (_, i) => f(`a/${i}`)),
    ...Array(50).fill(f('a/.wh..wh..opq', '')),
  ]
  assert.throws(() => limited({ steps: 1000 }, many), refused(/more work/))
})

test('a truncated archive is refused', () => {
  const bytes = tinyTar([f('a', 'x'.repeat(600))], 0)
  for (const length of [100, 511, 600, 1100])
    assert.throws(
      () => flattenLayers([bytesSource(bytes.subarray(0, length))]),
      refused(/truncated|ends within/),
    )
})

const names = fc.constantFrom(
  'a',
  'b',
  'a/b',
  'a/b/c',
  '../a',
  '/a',
  'a/../b',
  '.wh.a',
  'a/.wh..wh..opq',
  '.wh..wh..opq',
  'b/.wh.c',
  './',
  '.wh.',
  'a/.wh...',
  'é',
)
const entries = fc.array(
  fc.record({
    name: names,
    type: fc.constantFrom('0', '1', '2', '3', '5'),
    target: fc.constantFrom('a', 'b', '../..', '/', '/a/b', 'a/b/c', ''),
    data: fc.constantFrom('', 'x'),
  }),
  { maxLength: 12 },
)

test('any layers give a tree inside the root, or a refusal', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 3 }), (layers) => {
      try {
        for (const [path, entry] of flat(...layers).tree.sorted()) {
          assert.ok(
            !path
              .split('/')
              .some((part) => part === '..' || part === '.' || part === '' || part.startsWith('.wh.')),
          )
          if (path.includes('/')) {
            // What it lies in is a directory.
            const parent = path.slice(0, path.lastIndexOf('/'))
            assert.equal(flat(...layers).tree.get(parent)?.kind, 'directory')
          }
          assert.ok(entry)
        }
      } catch (error) {
        if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
      }
    }),
    { numRuns: 400 },
  )
})

test('any bytes give a tree or a refusal', () => {
  const valid = tinyTar([
    d('a'),
    f('a/b', 'data'),
    l('l', 'a'),
    h('h', 'a/b'),
    f('a/.wh.c', ''),
    f('.wh..wh..opq', ''),
  ])
  fc.assert(
    fc.property(fc.oneof(mutated(valid, 1024), fc.uint8Array({ maxLength: 2048 })), (bytes) => {
      try {
        flattenLayers([bytesSource(valid), bytesSource(bytes)])
      } catch (error) {
        if (!(error instanceof UfrError) || error.code !== 'UFR-FORMAT') throw error
      }
    }),
    { numRuns: 1000 },
  )
})
