import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readSeen, timesTold } from '../../src/unikernel/linux/observe.ts'

const told = `noise before
ufr-observed yes\r
open dfd=-100 path="/usr/bin/node" flags=0x8020\r
look dfd=-100 path="/etc/a "quoted" name"
open dfd=5 path="sub/x" flags=0x18800
cd path="/var"
open dfd=-100 path="/half of a name
look dfd=-100 path=(fault)
ufr-observed-end
`

test('what the guest told becomes paths, and lines that are not whole are passed over', () => {
  assert.deepEqual(readSeen(told), {
    paths: [
      { how: 'open', path: '/usr/bin/node', listed: false },
      { how: 'look', path: '/etc/a "quoted" name', listed: false },
      { how: 'open', path: 'sub/x', folder: 5, listed: true },
      { how: 'cd', path: '/var', listed: false },
    ],
    traced: true,
    lost: false,
  })
  assert.equal(timesTold(told), 1)
  assert.equal(timesTold(told.slice(0, -5)), 0)
})

test('what was lost and what could not be traced is told', () => {
  assert.equal(readSeen(told.replace('cd path', 'overrun: 12\ncd path'))?.lost, true)
  assert.equal(readSeen('ufr-observed no\nufr-observed-end\n')?.traced, false)
  assert.equal(readSeen('nothing of the kind'), undefined)
})

test('of what was told again and again the last that is whole counts', () => {
  const more = told.replace('cd path', 'look dfd=-100 path="/more"\ncd path')
  const half = more.slice(0, more.indexOf('cd path'))
  assert.equal(readSeen(told + more + half)?.paths.length, 5)
  assert.equal(timesTold(told + more + half), 2)
})

test('any text is read', () => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('open dfd=', 'look dfd=1 path="', 'ufr-observed yes', '"'),
  )
  fc.assert(
    fc.property(fc.array(line), (lines) => {
      readSeen(lines.join('\n'))
    }),
    { numRuns: 300 },
  )
})
