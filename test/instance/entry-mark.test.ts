import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesContent, contentBytes } from '../../src/image/content.ts'
import { readElf } from '../../src/image/formats/elf/elf.ts'
import { bytesSource } from '../../src/image/source.ts'
import { Tree } from '../../src/image/tree.ts'
import { withEntryMark, withoutEntryMark } from '../../src/instance/entry-mark.ts'
import type { Program } from '../../src/language/program.ts'
import { tinyProgram } from '../image/formats/tiny-program.ts'

const linker = tinyProgram({ spare: 200, type: 3 })

function programOf(more: Partial<Program> = {}): Program {
  const files = new Tree().link('lib64', 'usr/lib64').file('usr/lib64/ld.so', bytesContent(linker), 0o755)
  return {
    base: { key: 'k', title: 'a base', topLevel: ['lib64', 'usr'], tree: () => files },
    task: new Tree().file('main', bytesContent(tinyProgram({ spare: 200 })), 0o755),
    executable: '/var/task/main',
    interpreter: '/lib64/ld.so',
    argv: ['main'],
    environment: {},
    workingDirectory: '/var/task',
    tellsReady: false,
    ...more,
  }
}

function entryOf(tree: Tree, path: string): number {
  const entry = tree.get(path)
  assert.equal(entry?.kind, 'file')
  return Number(readElf(bytesSource(contentBytes(entry.content))).entry)
}

test("a dynamic program's linker tells, in a base of its own; the program stays as it is", () => {
  const program = programOf()
  const marked = withEntryMark(program, 1)
  const code = entryOf(program.base.tree(), 'usr/lib64/ld.so')
  assert.ok(entryOf(marked.base.tree(), 'usr/lib64/ld.so') > code)
  assert.equal(entryOf(program.base.tree(), 'usr/lib64/ld.so'), code)
  assert.equal(marked.task, program.task)
  assert.deepEqual([marked.entryMark?.file, marked.entryMark?.descriptor], ['/lib64/ld.so', 1])
  assert.equal(withoutEntryMark(marked), program)
  assert.equal(withoutEntryMark(program), program)
  const keys = [program, marked, withEntryMark(program, 200)].map(({ base }) => base.key)
  assert.equal(new Set(keys).size, 3)
  assert.equal(withEntryMark(program, 1).base.key, marked.base.key)
})

test('a base is not looked into before its files are wanted', () => {
  const tree = () => assert.fail('not yet')
  const program = programOf()
  const marked = withEntryMark({ ...program, base: { ...program.base, tree } }, 1)
  assert.notEqual(marked.base.key, program.base.key)
})

test('a static program tells itself, also by way of a link', () => {
  const task = programOf().task.link('start', 'main')
  for (const executable of ['/var/task/main', '/var/task/start']) {
    const marked = withEntryMark(programOf({ interpreter: undefined, executable, task }), 1)
    assert.ok(entryOf(marked.task, 'main') > entryOf(task, 'main'))
    assert.equal(marked.task.get('start')?.kind, 'link')
    assert.equal(marked.base.key, 'k')
  }
})

test('what cannot be marked stays as it is', () => {
  const base = { key: 'none', title: 'no libraries', topLevel: [], tree: () => new Tree() }
  for (const bytes of [tinyProgram({ note: false }), Buffer.from('no program')]) {
    const program = programOf({
      interpreter: undefined,
      task: new Tree().file('main', bytesContent(bytes)),
      base,
    })
    assert.equal(withEntryMark(program, 1), program)
  }
  assert.equal(
    withEntryMark(programOf({ interpreter: undefined, task: new Tree(), base }), 1).entryMark,
    undefined,
  )
  // Where it is a base that has no such file, its files are as they were.
  const lost = programOf({ interpreter: '/lib/other.so' })
  assert.equal(withEntryMark(lost, 1).base.tree(), lost.base.tree())
})
