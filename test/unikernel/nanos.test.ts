import assert from 'node:assert/strict'
import { test } from 'node:test'
import { textContent } from '../../src/image/content.ts'
import { Tree } from '../../src/image/tree.ts'
import type { Kernel } from '../../src/kernel/store.ts'
import type { Program } from '../../src/language/program.ts'
import { nanos } from '../../src/unikernel/nanos/nanos.ts'
import { rootTree } from '../../src/unikernel/nanos/root.ts'

const unikernel = nanos({} as Kernel)
const exit = (guestStatus?: number) => ({
  code: 1,
  signal: null,
  errors: '',
  ...(guestStatus !== undefined && { guestStatus }),
})
const said = (...lines: string[]) => ({ marks: [], tail: () => lines })

test('lines of the kernel are told from those of programs, with and without time', () => {
  const own = [
    '[0.093633] NET: no network interface found',
    'NET: no network interface found',
    'en1: assigned FE80::1',
  ]
  for (const line of own) assert.deepEqual(unikernel.kernelLine(line), {}, line)
  for (const line of ['en1: assigned 10.0.2.15', '[0.348046] en1: assigned 10.0.2.15']) {
    assert.equal(unikernel.kernelLine(line)?.mark?.name, 'net', line)
  }
  for (const line of ['hello', '[1] started', '[0.3] x', 'I say en1: assigned 10.0.2.15']) {
    assert.equal(unikernel.kernelLine(line), undefined, line)
  }
})

test('exit statuses are as a shell has them', () => {
  assert.equal(unikernel.exitStatus(exit(0), said()), 0)
  assert.equal(unikernel.exitStatus(exit(42), said()), 42)
  assert.equal(unikernel.exitStatus(exit(11), said('*** signal 11 received by tid 2, errno 0, code 1')), 139)
  assert.equal(unikernel.exitStatus(exit(11), said('*** signal 6 received')), 11)
  assert.equal(unikernel.exitStatus(exit(), said()), undefined)
  assert.equal(unikernel.exitStatus(exit(127), said()), 127)
  const failed = 'program startup failed on exec: (result:unable to open program file /usr/bin/node)'
  assert.equal(unikernel.exitStatus(exit(127), said(failed)), undefined)
  assert.equal(unikernel.worthRetrying(said(failed)), true)
  assert.equal(unikernel.worthRetrying(said('anything else')), false)
})

function program(base: Tree, task: Tree): Program {
  return {
    base: { key: 'k', title: 't', topLevel: base.topLevel(), tree: () => base },
    task,
    executable: '/usr/bin/thing',
    argv: ['thing'],
    environment: {},
    workingDirectory: '/var/task',
    tellsReady: false,
  }
}

test('the root leads into the base by links, also where both have a folder', () => {
  const base = new Tree()
    .file('usr/bin/thing', textContent('x'))
    .file('etc/ssl/cert', textContent('x'))
    .file('var/lib/data', textContent('x'))
  const task = new Tree().file('index.mjs', textContent('x'))
  const tree = rootTree(program(base, task), task)
  const target = (path: string) => {
    const entry = tree.get(path)
    return entry?.kind === 'link' ? entry.target : entry?.kind
  }
  assert.equal(target('usr'), '/base/usr')
  assert.equal(target('etc'), '/base/etc')
  assert.equal(target('var/lib'), '/base/var/lib')
  assert.equal(target('var/task/index.mjs'), 'file')
  assert.equal(target('proc/self/exe'), '/usr/bin/thing')
  assert.equal(target('base'), 'directory')
  assert.equal(target('tmp'), 'directory')
})

test('a program without a base has everything in its root', () => {
  const task = new Tree().file('thing', textContent('x'))
  const tree = rootTree(program(new Tree(), task), task)
  assert.equal(tree.has('base'), false)
  assert.equal(tree.get('etc/resolv.conf')?.kind, 'file')
})
