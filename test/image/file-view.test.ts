import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { hostView, mountView, resolveFile, resolvePath, treeView } from '../../src/image/closure/file-view.ts'
import { bytesContent, type Content } from '../../src/image/content.ts'
import { Tree } from '../../src/image/tree.ts'
import { sysroot, temporaryFolder } from './sysroot.ts'

test('follows links inside a tree', () => {
  const tree = new Tree()
    .file('real/deep/file', bytesContent(Buffer.from('x')))
    .link('a', 'real')
    .link('b', '/a/deep/')
    .link('real/up', '../b/../deep/./file')
    .link('out', '../../../../a/deep/file')
    .link('gone', 'nothing')
    .link('through', 'real/deep/file/more')
  const view = treeView(tree)
  const real = (name: string) => resolvePath(view, name)?.path
  for (const name of ['/real/deep/file', '/a/deep/file', '/b/file', '/real/up', '/out', '//b//./file']) {
    assert.equal(real(name), '/real/deep/file', name)
  }
  assert.equal(real('/b'), '/real/deep')
  assert.equal(real('/'), '/')
  for (const name of ['/gone', '/through', '/real/deep/file/..', '/nothing'])
    assert.equal(real(name), undefined)
  assert.deepEqual(resolvePath(view, '/b/file')?.through, ['/a/deep/file', '/real/deep/file'])
  assert.equal(resolveFile(view, '/b'), undefined)
})

test('whatever links there are, an end is found and it lies inside', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd')
  const target = fc
    .array(fc.oneof(name, fc.constantFrom('..', '.', '')), { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('/'))
  const links = fc.array(fc.tuple(fc.array(name, { minLength: 1, maxLength: 2 }), target), { maxLength: 12 })
  const run = fc.property(links, target, (all, wanted) => {
    const tree = new Tree().file('a/a', bytesContent(Buffer.from('x')))
    for (const [parts, to] of all) {
      try {
        tree.link(parts.join('/'), to)
      } catch (error) {
        assert.ok(error instanceof UfrError)
      }
    }
    const found = resolvePath(treeView(tree), `/${wanted}`)
    if (found === undefined || found.path === '/') return
    assert.equal(tree.get(found.path.slice(1))?.kind, found.entry.kind)
    assert.notEqual(found.entry.kind as string, 'link')
  })
  fc.assert(run, { numRuns: 3000 })
})

test('links that multiply components end too', () => {
  const tree = new Tree()
  for (let i = 0; i < 30; i++) tree.link(`l${i}`, Array.from({ length: 60 }, () => `../l${i + 1}`).join('/'))
  assert.equal(resolvePath(treeView(tree), '/l0'), undefined)
  assert.equal(resolvePath(treeView(new Tree().link('a', '/a')), '/a'), undefined)
  assert.equal(resolvePath(treeView(new Tree().link('a', './'.repeat(5000))), '/a'), undefined)
})

test('a view of the host stays in its root', (t) => {
  const outside = temporaryFolder(t)
  fs.writeFileSync(path.join(outside, 'secret'), 'x')
  const root = sysroot(t, {
    absolute: { link: path.join(outside, 'secret') },
    relative: { link: `${'../'.repeat(20)}${outside.slice(1)}/secret` },
    file: 'inside',
  })
  const view = hostView(root)
  assert.equal(resolvePath(view, '/absolute'), undefined)
  assert.equal(resolvePath(view, '/relative'), undefined)
  assert.equal(resolvePath(view, `/../../..${outside}/secret`), undefined)
  assert.equal(resolvePath(view, '/fi\0le'), undefined)
  assert.equal(resolvePath(view, `/${'x'.repeat(300)}`), undefined)
  assert.equal(resolveFile(view, '/../file')?.entry.hostPath, path.join(root, 'file'))
})

test('a mount hides what is below it, and makes the folders above it', (t) => {
  const root = sysroot(t, { 'var/task/old': 'x', 'var/other': 'x' })
  const tree = new Tree().file('new', bytesContent(Buffer.from('y')))
  const view = mountView(hostView(root), '/var/task', treeView(tree))
  assert.ok(resolveFile(view, '/var/task/new'))
  assert.equal(resolvePath(view, '/var/task/old'), undefined)
  assert.ok(resolveFile(view, '/var/other'))
  const empty = mountView(hostView(temporaryFolder(t)), '/var/task', treeView(tree))
  assert.ok(resolveFile(empty, '/var/task/../task/new'))
})

test('a file of a tree can be read anywhere, whatever its chunks', () => {
  const bytes = Buffer.from(Array.from({ length: 100 }, (_, i) => i))
  const content: Content = {
    size: 100,
    *chunks() {
      // One buffer for all chunks, as contents of files have it.
      const shared = Buffer.alloc(7)
      for (let at = 0; at < 100; at += 7) {
        const length = bytes.copy(shared, 0, at, at + 7)
        yield shared.subarray(0, length)
      }
    },
  }
  const entry = treeView(new Tree().file('f', content)).entry('/f')
  assert.ok(entry?.kind === 'file')
  using source = entry.open()
  const read = fc.property(fc.nat(110), fc.nat(110), (offset, length) => {
    if (offset + length > 100) assert.throws(() => source.read(offset, length), { code: 'UFR-FORMAT' })
    else assert.deepEqual(Buffer.from(source.read(offset, length)), bytes.subarray(offset, offset + length))
  })
  fc.assert(read, { numRuns: 1000 })
})
