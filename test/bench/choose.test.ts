import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { chooseFunctions, chooseKernels, chooseVmms, wordsOf } from '../../src/bench/choose.ts'
import type { Peer } from '../../src/bench/peers/peer.ts'
import { choosePeers } from '../../src/bench/peers/peers.ts'
import { cpusOf, pin } from '../../src/bench/pin.ts'
import { oneAccel, type UsableVmm } from '../../src/bench/vmms.ts'

const root = path.join(import.meta.dirname, '../..')
const refused = (code: string, message: RegExp) => ({ code, message })

test('functions are folders, examples, or the languages of those', () => {
  const folders = (list?: string) => chooseFunctions(list).map(({ folder }) => path.relative(root, folder))
  assert.deepEqual(folders('node,web-node'), ['examples/hello-node', 'examples/web-node'])
  assert.deepEqual(folders(path.join(root, 'examples/web-c')), ['examples/web-c'])
  const all = chooseFunctions(undefined)
  assert.ok(all.length >= 7 && all.every(({ named, source }) => !named && source.startsWith('hello-')))
  assert.throws(() => chooseFunctions('nodd'), refused('UFR-USAGE', /"nodd"; did you mean "node"\?/))
})

test('kernels have versions, and lists no holes and nothing twice', () => {
  assert.deepEqual(chooseKernels('nanos,linux@6.1.1-2'), [
    { name: 'nanos' },
    { name: 'linux', version: '6.1.1-2' },
  ])
  assert.throws(() => chooseKernels('nano'), refused('UFR-USAGE', /did you mean "nanos"/))
  assert.deepEqual(chooseVmms('qemu'), ['qemu'])
  assert.throws(() => chooseVmms('xen'), refused('UFR-USAGE', /no VMM "xen"/))
  for (const list of ['', 'a,', ',a', 'a,,b'])
    assert.throws(() => wordsOf('--x', list), refused('UFR-USAGE', /empty/))
  assert.throws(() => wordsOf('--x', 'a,b,a'), refused('UFR-USAGE', /has a twice/))
})

const usable = (name: 'qemu' | 'firecracker', accel: 'kvm' | 'tcg') =>
  ({ vmm: { name }, version: '1', accel, reason: 'so' }) as UsableVmm

test('emulated and real milliseconds are never in one table', () => {
  assert.deepEqual(oneAccel([usable('qemu', 'kvm'), usable('firecracker', 'kvm')]), {
    accel: 'kvm',
    reason: 'so',
  })
  const mixed = [usable('qemu', 'tcg'), usable('firecracker', 'kvm')]
  assert.throws(() => oneAccel(mixed), refused('UFR-USAGE', /emulated on qemu and by KVM on firecracker/))
})

test('peers are those on the PATH, or those that are named and have to be there', () => {
  const peer = (key: string, command: string) => ({ key, command, name: key }) as Peer
  const known = [peer('here', 'sh'), peer('gone', 'ufr-no-such-program')]
  const keys = (list?: string) => choosePeers(list, known).map(({ key }) => key)
  assert.deepEqual([keys(), keys('all'), keys('here')], [[], ['here'], ['here']])
  assert.throws(() => keys('gone'), refused('UFR-COMMAND', /ufr-no-such-program, which the peer gone needs/))
  assert.throws(() => keys('her'), refused('UFR-USAGE', /did you mean "here"/))
})

test('CPUs are as taskset has them, and only those that may be used', () => {
  assert.deepEqual(cpusOf('0-2,8,1'), [0, 1, 2, 8])
  for (const list of ['', 'a', '3-1', '1-', '-1', '0-99999', '1,,2'])
    assert.throws(() => cpusOf(list), refused('UFR-USAGE', /is no list of CPUs/), list)
  assert.throws(() => pin('8191'), refused('UFR-USAGE', /may not use CPU 8191/))
  assert.deepEqual([pin('off').cpus, pin('off').reason], [null, 'as asked for'])
})

test('a process that is pinned is so as a whole, and no more afterwards', () => {
  const allowed = () => /^Cpus_allowed_list:\s*(\S+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))![1]!
  const before = allowed()
  const first = String(cpusOf(before)[0])
  const { cpus, undo } = pin(first)
  try {
    assert.deepEqual([cpus, allowed()], [first, first])
  } finally {
    undo()
  }
  assert.equal(allowed(), before)
})
