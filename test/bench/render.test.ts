import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { markCosts } from '../../src/bench/mark-cost.ts'
import { barOf, keyOf } from '../../src/bench/render/bar.ts'
import { chartLines } from '../../src/bench/render/chart.ts'
import { csvReport } from '../../src/bench/render/csv.ts'
import { markdownReport } from '../../src/bench/render/markdown.ts'
import { svgReport } from '../../src/bench/render/svg.ts'
import type { Phases } from '../../src/instance/phases.ts'
import { cell, report } from './reports.ts'

const reason = { code: 'UFR-NOT-YET', message: 'the JVM does not run on it' }
const hopeless = cell([], { function: 'hello-kotlin', runs: [], reason, image: null, entryOf: null })

test('the tables have the columns of the original ones, every run, and the average of those that count', () => {
  const text = markdownReport(report([cell([100, 110, 120])]))
  assert.match(
    text,
    /\| VMM_MAIN > START VCPU \| START VCPU > EXEC ENTRY POINT \| EXEC ENTRY POINT > READY \|/,
  )
  assert.match(text, /^## nanos 0\.1\.54 on qemu, EMULATED$/m)
  assert.match(text, /^\| hello \| 5\.00 \| 35\.0 \| 60\.0 \| 10\.0 \| 110\.0 \| {2}\|$/m)
  assert.match(text, /^\| 1 \(not counted\) \|.* 9999 \|$/m)
  assert.match(text, /^\| 4 \|.* 120\.0 \|$/m)
  assert.match(text, /^\| \*\*Average \(ms\)\*\* \|.*\*\*110\.0\*\* \|$/m)
  assert.match(text, /EMULATED \(tcg\): milliseconds say nothing/)
})

test('a cell that fails now and then, and one that cannot run, say so in their rows', () => {
  const text = markdownReport(report([cell([100, 'failed']), hopeless]))
  assert.match(text, /^\| hello \|.* 100\.0 \| 1 of 3 \|$/m)
  assert.match(text, /^- hello: 1 of 3 runs failed: UFR-GUEST-DIED: the guest ended$/m)
  assert.match(text, /^\| hello-kotlin \| not available \|.*\| not run \|$/m)
  assert.match(text, /^- hello-kotlin: UFR-NOT-YET: the JVM does not run on it$/m)
})

test('an interrupted report and what was left out are told', () => {
  const text = markdownReport(report([], { partial: true, leftOut: [{ what: 'hello-go', reason }] }))
  assert.match(text, /^\*\*Partial/m)
  assert.match(text, /^- hello-go: UFR-NOT-YET: /m)
})

test('the cost of the mark is judged by the interval of the shift', () => {
  const plain = (answers: number[]) => cell(answers, { arm: 'without mark', entryOf: null })
  const cost = (marked: number[], without: number[]) => markCosts([cell(marked), plain(without)])[0]?.within
  const plainly = [100, 101, 102, 103, 104]
  const plus = (by: number) => plainly.map((ms) => ms + by)
  assert.equal(cost(plainly, plus(8)), 'yes')
  assert.equal(cost(plus(50), plainly), 'no')
  assert.equal(cost([100, 150, 90, 130, 99], [100, 101, 140, 80, 104]), 'unclear')
  // A machine that is slow for both now and then.
  assert.equal(cost([100, 500, 102, 900, 104], [101, 502, 103, 903, 105]), 'yes')
  assert.equal(cost([100], [100]), 'unclear')
  assert.deepEqual(markCosts([cell([100])]), [])
  assert.match(markdownReport(report([cell([100]), plain([100])])), /^## What the entry mark costs$/m)
})

test('CSV has a line a run, with what a program needs to read it', () => {
  const lines = csvReport(report([cell([100.5], { function: 'a,"b"' }), hopeless])).split('\r\n')
  assert.match(lines[0]!, /^function,runtime,.*,round,discarded,vmm_ms,.*,response_ms,error$/)
  assert.match(
    lines[2]!,
    /^"a,""b""",nodejs24\.x,nanos,0\.1\.54,qemu,tcg,ufr,2,false,0,5,20,40,90\.5,100\.5,$/,
  )
  assert.match(lines[3]!, /^hello-kotlin,.*,UFR-NOT-YET$/)
  assert.equal(lines.length, 5)
  assert.match(csvReport(report([cell([1], { function: '=cmd()' })])), /^'=cmd\(\)/m)
})

test('the picture has a bar for each cell and follows light and dark', () => {
  const svg = svgReport(report([cell([100, 140], { function: '<b>&' }), hopeless]))
  assert.equal(svg.match(/<rect [^>]*><title>/g)?.length, 5)
  assert.equal(svg.match(/<circle class="run"/g)?.length, 2)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.match(svg, />&lt;b&gt;&amp;</)
  assert.match(svg, /UFR-NOT-YET: the JVM/)
  assert.ok(!/NaN|undefined|Infinity/.test(svg))
})

test('whatever a function is called and a guest says, reports stay what they are', () => {
  const name = fc.string({ unit: 'binary', maxLength: 12 })
  fc.assert(
    fc.property(name, name, (function_, message) => {
      const bad = cell([], { function: function_, runs: [], reason: { code: 'UFR-X', message } })
      const whole = report([cell([7], { function: function_ }), bad])
      const rows = markdownReport(whole).split('\n')
      assert.equal(rows.filter((line) => line.startsWith('#')).length, 4)
      const cells = rows.filter((line) => line.startsWith('|')).map((line) => line.split(/(?<!\\)\|/).length)
      assert.deepEqual([...new Set(cells)].sort(), [11, 8, 9])
      const svg = svgReport(whole)
      assert.ok(!/[\0-\x08\x0b-\x1f\ud800-\udfff]/u.test(svg))
      assert.equal(
        svg.split('<').length,
        svgReport(report([cell([7]), { ...bad, function: 'x' }])).split('<').length,
      )
    }),
    { numRuns: 100 },
  )
})

const phases: Phases = { vmm: 0, vcpu: 10, kernel: 20, entry: 40, ready: 80, response: 100 }
const plain = { width: 50, colour: false }

test('a bar is as wide as it is told, with each phase by its share', () => {
  assert.equal(
    barOf(phases, plain),
    `${'█'.repeat(5)}${'▓'.repeat(5)}${'▒'.repeat(10)}${'░'.repeat(20)}${'▞'.repeat(10)}`,
  )
  assert.equal(barOf(phases, plain, 200).length, 25)
  assert.equal(barOf({ ...phases, entry: null, kernel: null }, plain).length, 50)
  assert.equal(
    barOf({ vmm: 0, vcpu: null, kernel: null, entry: null, ready: null, response: null }, plain),
    '',
  )
  assert.match(keyOf(phases, plain), /^█ VMM 10\.0 {2}▓ to the kernel 10\.0 .*▞ work 20\.0 {2}\(ms\)$/)
  assert.match(barOf(phases, { width: 50, colour: true }), /\x1b\[34m█/)
  assert.ok(!barOf(phases, plain).includes('\x1b'))
})

test('the chart has a line a cell, none wider than the terminal, and nothing that a terminal obeys', () => {
  const cells = [cell([100, 200], { function: '\x1b[2J' }), cell([50]), hopeless, cell(['failed'])]
  const lines = chartLines(cells, { width: 100, colour: false })
  assert.equal(lines.length, 4)
  for (const line of lines) assert.ok(line.length <= 101 && !/[\0-\x1f]/.test(line), line)
  assert.match(lines[0]!, /150\.0 ms of 2$/)
  assert.match(lines[2]!, /UFR-NOT-YET$/)
})
