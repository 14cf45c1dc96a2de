import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { cell, report } from '../bench/reports.ts'
import { filesBelow } from '../kernel/home.ts'
import { scratch, ufr } from './command.ts'
import { homeWithKernel } from './home.ts'
import { document, errorDocument } from './schemas.ts'

interface Refusal {
  args: string[]
  says: RegExp
  /** Default: 2. */
  status?: number
}

const refusals: Refusal[] = [
  {
    args: ['--runs', '3', '--discard', '3'],
    says: /^UFR-USAGE: of 3 runs none is left after 3 are discarded\n/,
  },
  { args: ['--runs', '1'], says: /^UFR-USAGE: of 1 runs none is left/ },
  { args: ['--runs', '0'], says: /^UFR-USAGE: --runs "0" is no number from 1 to 99999\n/ },
  { args: ['--runs', 'many'], says: /^UFR-USAGE: --runs "many" is no number/ },
  { args: ['--discard', '-1'], says: /^UFR-USAGE: --discard "-1" is no number from 0/ },
  {
    args: ['--functions', 'nodd'],
    says: /^UFR-USAGE: there is neither a folder nor an example "nodd"; did you/,
  },
  { args: ['--functions', 'node,node'], says: /^UFR-USAGE: --functions "node,node" has node twice\n/ },
  { args: ['--unikernels', 'bsd'], says: /^UFR-USAGE: there is no kernel "bsd"\n/ },
  { args: ['--unikernels', 'nanos@9'], status: 3, says: /^UFR-KERNEL-MISSING: There is no nanos@9 / },
  { args: ['--unikernels', 'osv'], status: 3, says: /^UFR-KERNEL-MISSING: / },
  { args: ['--vmms', 'xen'], says: /^UFR-USAGE: there is no VMM "xen"\n/ },
  { args: ['--vmms', 'firecracker'], status: 3, says: /^UFR-VMM-MISSING: / },
  { args: ['--peers', 'docker'], says: /^UFR-USAGE: there is no peer "docker"\n/ },
  { args: ['--pin', '8191'], says: /^UFR-USAGE: --pin 8191: this process may not use CPU 8191\n/ },
  { args: ['--pin', 'all'], says: /^UFR-USAGE: "all" is no list of CPUs\n/ },
  { args: ['--event', '{'], says: /^UFR-USAGE: the event from --event is no JSON/ },
  { args: ['--request', 'x'], says: /^UFR-USAGE: --request cannot ask for "x"/ },
  { args: ['--memory', 'much'], says: /^UFR-USAGE: --memory must be an integer/ },
  {
    args: ['--out', '/proc/ufr'],
    status: 3,
    says: /^UFR-DATA: \/proc\/ufr cannot be written: .*\n {2}Name another/,
  },
  { args: ['--out', '/dev/null/x'], status: 3, says: /^UFR-DATA: \/dev\/null\/x cannot be written/ },
]

test('bench boot refuses what cannot be, before it builds anything', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const before = filesBelow(home)
  // Whether the machine has a QEMU is not what this is about.
  const qemu = path.join(folder, 'qemu')
  fs.writeFileSync(qemu, '#!/bin/sh\necho QEMU emulator version 8.2.0\n', { mode: 0o755 })
  const env = { UFR_QEMU: qemu, UFR_ACCEL: 'tcg' }
  for (const { args, says, status = 2 } of refusals) {
    const found = await ufr(['bench', 'boot', ...args], { home, env })
    assert.match(found.stderr, says, args.join(' '))
    assert.deepEqual([found.status, found.stdout], [status, ''], args.join(' '))
  }
  assert.deepEqual(filesBelow(home), before)
})

test('without a kernel there is nothing to measure', async (t) => {
  const { status, stdout } = await ufr(['bench', 'boot', '--json'], { home: path.join(scratch(t), 'home') })
  assert.equal(status, 3)
  assert.equal(errorDocument(stdout).code, 'UFR-KERNEL-MISSING')
})

test('compare is a gate: its exit status says whether the second is slower', async (t) => {
  const folder = scratch(t)
  const written = (name: string, answers: number[], more = {}) => {
    const file = path.join(folder, `${name}.json`)
    fs.writeFileSync(file, JSON.stringify(report([cell(answers)], more)))
    return file
  }
  const before = written('before', [100, 101, 102, 103, 104])
  const slower = written('slower', [120, 121, 122, 123, 124])
  const few = written('few', [100, 200])
  const { machine } = report([])
  const elsewhere = written('elsewhere', [120, 121, 122, 123, 124], { machine: { ...machine, cores: 64 } })
  const newer = written('newer', [120, 121, 122, 123, 124], { schemaVersion: 2 })
  const compare = (...args: string[]) => ufr(['bench', 'compare', ...args])

  const bad = await compare(before, slower)
  assert.equal(bad.status, 1, bad.stderr)
  assert.match(
    bad.stdout,
    /\| hello, nanos 0\.1\.54 on qemu \| 102\.0 \(5\) \| 122\.0 \(5\) \|.*\*\*REGRESSION\*\*/,
  )
  assert.match(bad.stderr, /^1 of 1 are regressions\.\n$/)
  const told = await compare(before, slower, '--json')
  assert.equal(told.status, 1)
  assert.deepEqual(document('bench compare', told.stdout).cells[0].shift, 20)
  for (const args of [
    [slower, before],
    [before, before],
    [before, slower, '--threshold', '25'],
  ])
    assert.equal((await compare(...args)).status, 0, args.join(' '))
  assert.equal((await compare(before, slower, '--phase', 'start')).status, 0)

  const refused = async (says: RegExp, ...args: string[]) => {
    const { status, stderr, stdout } = await compare(...args)
    assert.match(stderr, says)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
  }
  await refused(
    /^UFR-BENCH-REPORT: .* cannot be compared: CPUs: 2 in the first, 64 in the second\n/,
    before,
    elsewhere,
  )
  await refused(/^UFR-BENCH-REPORT: .*newer\.json has the schema 2, not 1\n/, before, newer)
  await refused(
    /^UFR-USAGE: 5 and 2 runs that count can never differ at the level 0\.01\n/,
    before,
    few,
    '--level',
    '0.01',
  )
  await refused(
    /^UFR-BENCH-REPORT: .*gone\.json is no report .*ENOENT/,
    before,
    path.join(folder, 'gone.json'),
  )
  await refused(
    /^UFR-BENCH-REPORT: .* is no report of ufr bench boot: it is no JSON object|kind/,
    before,
    'package.json',
  )
  await refused(/^UFR-USAGE: --runs goes with --ab only/, before, slower, '--runs', '3')
  await refused(/^UFR-USAGE: --threshold "-1" is no number/, before, slower, '--threshold', '-1')
  await refused(/^UFR-USAGE: A and B are both nanos\n/, '--ab', 'nanos', 'nanos')
  await refused(/^UFR-USAGE: 2 runs that count can never differ/, '--ab', 'nanos', 'linux', '--runs', '3')
  await refused(/^UFR-USAGE: nanos is a kernel, and the other is none\n/, '--ab', 'nanos', 'node')

  for (const other of [elsewhere, newer]) {
    const forced = await compare(before, other, '--force')
    assert.equal(forced.status, 1, forced.stderr)
    assert.match(forced.stdout, /- compared by force: /)
  }
})

test('a trace that cannot be written is known before anything is run', async (t) => {
  const folder = scratch(t)
  const run = (...args: string[]) => ufr(['run', 'examples/hello-node', ...args])
  const refused = async (status: number, says: RegExp, ...args: string[]) => {
    const found = await run(...args)
    assert.match(found.stderr, says)
    assert.deepEqual([found.status, found.stdout], [status, ''])
  }
  await refused(
    3,
    /^UFR-DATA: .*trace\.json cannot be written: ENOENT/,
    '--trace',
    path.join(folder, 'x/trace.json'),
  )
  await refused(2, /^UFR-USAGE: .* is no regular file/, '--trace', folder)
  await refused(2, /^UFR-USAGE: --trace-format .* --trace is missing\n/, '--trace-format', 'otlp')
  await refused(2, /^UFR-USAGE: .*--trace-format/, '--trace', path.join(folder, 't'), '--trace-format', 'svg')
  assert.deepEqual(fs.readdirSync(folder), [])
})
