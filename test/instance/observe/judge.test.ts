import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textContent } from '../../../src/image/content.ts'
import { Tree } from '../../../src/image/tree.ts'
import { judge } from '../../../src/instance/observe/judge.ts'
import { isSafe, leanTree } from '../../../src/instance/observe/shrink.ts'
import { usageOf } from '../../../src/instance/observe/usage.ts'
import type { SeenPath } from '../../../src/unikernel/linux/observe.ts'

const x = textContent('x')

function open(path: string, more: Partial<SeenPath> = {}): SeenPath {
  return { how: 'open', path, listed: false, ...more }
}

test('paths are followed through links, working directories and open folders', () => {
  const tree = new Tree()
    .file('usr/lib/liba.so.1.2', x)
    .link('lib', 'usr/lib')
    .link('usr/lib/liba.so.1', 'liba.so.1.2')
    .file('var/task/a.txt', x)
    .file('var/task/sub/b.txt', x)
    .file('srv/deep/c.txt', x)
    .file('etc/looked', x)
  const seen: SeenPath[] = [
    open('/lib/liba.so.1'),
    open('a.txt'),
    open('sub', { listed: true }),
    open('b.txt', { folder: 3 }),
    { how: 'cd', path: '/srv', listed: false },
    open('deep/c.txt'),
    { how: 'look', path: '/etc/looked', listed: false },
    { how: 'look', path: '/etc/../etc/not-there', listed: false },
    open('/proc/self/maps'),
    open('/nothing/at/all'),
  ]
  const judged = judge(seen, tree, '/var/task')
  assert.deepEqual(
    [...judged.opened],
    ['/usr/lib/liba.so.1.2', '/var/task/a.txt', '/var/task/sub/b.txt', '/srv/deep/c.txt'],
  )
  assert.deepEqual([...judged.looked], ['/var/task/sub', '/srv', '/etc/looked'])
  assert.deepEqual([...judged.listed], ['/var/task/sub'])
  assert.deepEqual([...judged.absent], ['/etc/not-there', '/nothing/at/all'])
})

test('a tree is left with what is kept, links to it, and folders that were empty before', () => {
  const tree = new Tree()
    .file('bin/keep', x)
    .file('bin/drop', x)
    .file('gone/all/drop', x)
    .directory('tmp', 0o1777)
    .link('kept', 'bin/keep')
    .link('dropped', 'bin/drop')
    .link('proc-link', '/proc/self')
    .link('folder', 'bin')
  const lean = leanTree(tree, (path) => path === 'bin/keep')
  assert.deepEqual(
    lean.sorted().map(([path]) => path),
    ['bin', 'bin/keep', 'folder', 'kept', 'proc-link', 'tmp'],
  )
  const tmp = lean.get('tmp')
  assert.equal(tmp?.kind === 'directory' && tmp.mode, 0o1777)
})

test('loader, certificates and time zones stay, other libraries do not', () => {
  const kept = ['lib64/ld-linux-x86-64.so.2', 'etc/ssl/certs/ca-certificates.crt', 'usr/share/zoneinfo/UTC']
  assert.deepEqual([...kept, 'lib/libnss_dns.so.2'].map(isSafe), [true, true, true, true])
  assert.deepEqual(['usr/lib/libfoo.so', 'usr/lib/python3.11/turtle.py'].map(isSafe), [false, false])
})

test('what ufr needs itself is not carried for nothing', () => {
  const tree = new Tree().file('a/b/c/used', x).file('a/b/c/d/unused', x)
  tree.set('opt/ufr/own', { kind: 'file', mode: 0o644, content: x, origin: { reason: 'ufr' } })
  assert.deepEqual(usageOf(tree, { opened: ['/a/b/c/used'], looked: [] }), {
    used: { files: 1, bytes: 1 },
    unused: { files: 1, bytes: 1 },
    places: [{ place: '/a/b/c', bytes: 1 }],
  })
})
