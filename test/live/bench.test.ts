import assert from 'node:assert/strict'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { document } from '../cli/schemas.ts'
import { folderOf, lacking, qemuProcesses, startUfr, ufr } from './ufr.ts'

const skip = lacking('linux')
const boot = [
  'bench',
  'boot',
  '--functions',
  'node',
  '--unikernels',
  'linux',
  '--vmms',
  'qemu',
  '--no-control',
]

test('a cold start is measured phase by phase, beside one by hand', { skip }, async (t) => {
  const out = path.join(folderOf(t, {}), 'results')
  const args = [...boot, '--peers', 'qemu', '--runs', '2', '--out', out, '--json']
  const { status, stdout, stderr } = await ufr(t, args)
  assert.equal(status, 0, stderr)
  const report = document('bench boot', stdout)
  assert.equal(report.partial, false)
  assert.deepEqual(
    report.cells.map(({ arm }: { arm: string }) => arm),
    ['ufr', 'qemu by hand'],
  )
  const [own, byHand] = report.cells
  assert.deepEqual(
    own.runs.map(({ discarded, error }: { discarded: boolean; error: unknown }) => [discarded, error]),
    [
      [true, null],
      [false, null],
    ],
  )
  for (const step of ['start', 'kernel', 'entry', 'ready', 'work', 'total'])
    assert.ok(own.statistics[step].median > 0, step)
  assert.ok(byHand.statistics.total.median > 0)
  assert.equal(byHand.statistics.start, null)
  assert.deepEqual(fs.readdirSync(out).sort(), ['report.csv', 'report.json', 'report.md', 'report.svg'])
  assert.deepEqual(JSON.parse(fs.readFileSync(path.join(out, 'report.json'), 'utf8')), report)
})

test('an interruption keeps what was measured, marked partial, and leaves nothing running', {
  skip,
}, async (t) => {
  const out = folderOf(t, {})
  const child = startUfr(t, [...boot, '--runs', '9', '--out', out])
  let told = ''
  child.stdout?.resume()
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    told += chunk
    if (told.includes('round 1 of 9: hello-node') && !child.killed) child.kill('SIGINT')
  })
  const [status] = (await once(child, 'close')) as [number | null]
  assert.equal(status, 130, told)
  assert.deepEqual(qemuProcesses(child.pid), [])
  const report = document('bench boot', fs.readFileSync(path.join(out, 'report.json'), 'utf8'))
  assert.deepEqual([report.partial, report.cells[0].runs.length], [true, 1])
  assert.match(fs.readFileSync(path.join(out, 'report.md'), 'utf8'), /^\*\*Partial/m)
})

test('a run shows its phases as a bar and writes its trace', { skip }, async (t) => {
  const trace = path.join(folderOf(t, {}), 'trace.json')
  const args = ['run', 'examples/hello-node', '--unikernel', 'linux', '--vmm', 'qemu', '--trace', trace]
  const { status, stderr } = await ufr(t, args)
  assert.equal(status, 0, stderr)
  assert.match(stderr, /^█+▓+▒+░+▞+\n█ VMM \d.* {2}▒ to the program \d.*\(ms\)$/m)
  const { traceEvents } = JSON.parse(fs.readFileSync(trace, 'utf8'))
  const names = traceEvents
    .filter(({ ph }: { ph: string }) => ph === 'X')
    .map(({ name }: { name: string }) => name)
  assert.deepEqual(names.slice(0, 5), [
    'ufr run',
    'prepare and build the image',
    'choose the VMM, make the link',
    'cold start',
    'VMM',
  ])
})
