import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { FunctionSpec } from '../../../src/function/spec.ts'
import { bytesContent } from '../../../src/image/content.ts'
import { Tree } from '../../../src/image/tree.ts'
import { observedProgram } from '../../../src/instance/observe/apply.ts'
import { candidatePaths } from '../../../src/instance/observe/candidates.ts'
import { hostFiles } from '../../../src/instance/observe/host-files.ts'
import type { Observation } from '../../../src/instance/observe/record.ts'
import type { Program } from '../../../src/language/program.ts'
import { tinyElf } from '../../image/formats/tiny-elf.ts'
import { sysroot } from '../../image/sysroot.ts'

const linker = '/lib64/ld-linux-x86-64.so.2'

function functionIn(root: string, strings: string[]): { spec: FunctionSpec; program: Program; base: Tree } {
  const folder = path.join(root, 'home/function')
  fs.mkdirSync(folder, { recursive: true })
  const base = new Tree().file(
    linker.slice(1),
    bytesContent(tinyElf({ soname: path.basename(linker) })),
    0o755,
  )
  const task = new Tree().file('hello', bytesContent(tinyElf({ interpreter: linker, strings })), 0o755)
  const spec = {
    ...{ name: 'hello', folder, runtime: 'native', files: [], environment: {} },
    root: { sysroot: root, whole: false },
  } as unknown as FunctionSpec
  const program: Program = {
    base: { key: 'base', title: 'libraries', topLevel: ['lib64'], tree: () => base },
    ...{ task, executable: '/var/task/hello', interpreter: linker, argv: ['hello'], environment: {} },
    ...{ workingDirectory: '/var/task', tellsReady: false },
  }
  return { spec, program, base }
}

const files = {
  'lib64/ld-linux-x86-64.so.2': tinyElf({ soname: 'ld-linux-x86-64.so.2' }),
  'usr/lib/libplug.so.1': { link: 'libplug.so.1.5' },
  'usr/lib/libplug.so.1.5': tinyElf({ needed: ['libmore.so'] }),
  'usr/lib/libmore.so': tinyElf({}),
  'usr/lib/libbroken.so': tinyElf({ needed: ['libgone.so'] }),
  'usr/share/words.txt': 'words',
  'etc/shadow': 'secret',
}

test('a library that is asked for comes with what it needs, and other files only from where packages have theirs', (t) => {
  const root = sysroot(t, files)
  const { spec, program, base } = functionIn(root, [])
  fs.writeFileSync(path.join(spec.folder, 'notes.txt'), 'x')
  const wanted = ['/lib/libplug.so.1', '/usr/lib/libplug.so.1', '/lib64/libplug.so.1', '/usr/share/words.txt']
  const others = [
    '/etc/shadow',
    '/etc/ld.so.cache',
    '/usr/lib/libbroken.so',
    '/var/task/notes.txt',
    '/nowhere',
  ]
  const found = hostFiles([...wanted, ...others], spec, program, base)
  assert.deepEqual(
    found.added.map(({ path: at, from }) => [at, path.relative(root, from)]),
    [
      ['/usr/lib/libplug.so.1', 'usr/lib/libplug.so.1.5'],
      ['/usr/lib/libmore.so', 'usr/lib/libmore.so'],
      ['/usr/share/words.txt', 'usr/share/words.txt'],
    ],
  )
  const refused = found.refused.map(({ path: at }) => at)
  assert.deepEqual(refused, ['/etc/shadow', '/usr/lib/libbroken.so', '/var/task/notes.txt'])
})

test('what a program has the name of is tried, and an image has what was added', (t) => {
  const root = sysroot(t, files)
  const { spec, program, base } = functionIn(root, ['libplug.so.1', '/usr/share/words.txt'])
  const { added } = hostFiles(candidatePaths(spec, program), spec, program, base)
  const names = added.map(({ path: at }) => path.basename(at)).sort()
  assert.deepEqual(names, ['libmore.so', 'libplug.so.1', 'words.txt'])
  const built = observedProgram(program, { added } as Observation)
  assert.notEqual(built.base.key, program.base.key)
  assert.deepEqual(built.base.topLevel.includes('usr'), true)
  const entry = built.base.tree().get('usr/share/words.txt')
  assert.deepEqual(entry?.origin, { reason: 'observed', from: 'asked for by the function' })
})

test('a shrunk image has what was used; a base of its own has to be worth it', (t) => {
  const { program } = functionIn(sysroot(t, files), [])
  const task = new Tree().merge(program.task).file('unused', bytesContent(Buffer.alloc(10)))
  const large = program.base.tree().file('lib/libunused.so', bytesContent(Buffer.alloc(2 << 20)))
  const observation = { added: [], opened: ['/var/task/hello'], looked: [], shrink: true, complete: true }
  const lean = observedProgram({ ...program, task }, observation as unknown as Observation)
  assert.equal(lean.task.has('unused'), false)
  assert.deepEqual(
    [lean.base.tree().has('lib/libunused.so'), lean.base.tree().has(linker.slice(1))],
    [false, true],
  )
  large.file('lib/libunused.so', bytesContent(Buffer.alloc(10)))
  const same = observedProgram({ ...program, task }, observation as unknown as Observation)
  assert.equal(same.base.key, 'base')
})
