import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesContent, textContent } from '../../../src/image/content.ts'
import { neededByChains } from '../../../src/image/explain/needs.ts'
import { Tree } from '../../../src/image/tree.ts'
import { type TinyElf, tinyElf } from '../formats/tiny-elf.ts'

const program = (want: TinyElf) => tinyElf({ interpreter: '/lib64/ld-linux-x86-64.so.2', ...want })
const library = (want: TinyElf = {}) => tinyElf(want)

test('each library is told with the shortest chain that leads to it from the program', () => {
  const tree = new Tree()
    .file('usr/bin/hello', bytesContent(program({ needed: ['liba.so.1', 'libb.so'] })), 0o755)
    .file('lib64/ld-linux-x86-64.so.2', bytesContent(library({ soname: 'ld-linux-x86-64.so.2' })), 0o755)
    .file('lib/liba.so.1', bytesContent(library({ soname: 'liba.so.1', needed: ['libc.so.6'] })))
    .file('lib/libb-2.so', bytesContent(library({ needed: ['libc.so.6', 'libd.so'] })))
    .link('lib/libb.so', 'libb-2.so')
    .file('lib/libc.so.6', bytesContent(library({ soname: 'libc.so.6' })))
    .file('lib/libd.so', bytesContent(library()))
    .file('lib/libalone.so', bytesContent(library({ needed: ['libonly.so'] })))
    .file('lib/libonly.so', bytesContent(library()))
    .file('lib/broken.so', textContent('\x7fELF, but no more'.padEnd(100)))
  assert.deepEqual(Object.fromEntries(neededByChains(tree, ['/usr/bin/hello'])), {
    '/lib64/ld-linux-x86-64.so.2': ['/usr/bin/hello'],
    '/lib/liba.so.1': ['/usr/bin/hello'],
    '/lib/libb-2.so': ['/usr/bin/hello'],
    '/lib/libc.so.6': ['/usr/bin/hello', '/lib/liba.so.1'],
    '/lib/libd.so': ['/usr/bin/hello', '/lib/libb-2.so'],
    '/lib/libonly.so': ['/lib/libalone.so'],
  })
})

test('libraries that need each other in a circle end', () => {
  const tree = new Tree()
    .file('a.so', bytesContent(library({ needed: ['b.so'] })))
    .file('b.so', bytesContent(library({ needed: ['a.so'] })))
  assert.deepEqual([...neededByChains(tree).keys()], ['/b.so'])
})
