import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { type CompareOptions, compareCells, differencesOf, pairsOf } from '../../src/bench/compare.ts'
import { readReport } from '../../src/bench/read-report.ts'
import { comparisonText } from '../../src/bench/render/comparison.ts'
import { cell, report } from './reports.ts'

const how: CompareOptions = { step: 'total', threshold: 5, level: 0.05 }
const before = [100, 101, 102, 103, 104]
const plus = (by: number) => before.map((ms) => ms + by)

test('a regression is slower by more than the threshold, and surely so', () => {
  const verdict = (second: number[], more = {}) =>
    compareCells('x', cell(before), cell(second), { ...how, ...more }).verdict
  assert.equal(verdict(plus(20)), 'regression')
  assert.equal(verdict(plus(-20)), 'improvement')
  assert.equal(verdict(before), 'same')
  // Sure, but within what is allowed.
  assert.equal(verdict(plus(5), { threshold: 10 }), 'same')
  // Far, but by one run only.
  assert.equal(verdict([90, 130, 131, 100, 132]), 'unclear')
  const found = compareCells('x', cell(before), cell(plus(20)), how)
  assert.deepEqual([found.shift, found.delta, found.first.median, found.second.count], [20, 1, 102, 5])
  assert.match(comparisonText([found], ['a note'], how), /\*\*REGRESSION\*\*.*\n\n- a note/)
})

test('what ran before and no longer does is a regression; what never ran is not compared', () => {
  const dead = cell(['failed', 'failed'])
  assert.equal(compareCells('x', cell(before), dead, how).verdict, 'regression')
  assert.match(compareCells('x', cell(before), dead, how).note!, /UFR-GUEST-DIED/)
  assert.equal(compareCells('x', dead, cell(before), how).verdict, 'not compared')
})

test('too few runs are told', () => {
  const found = compareCells('x', cell([1, 2, 3]), cell([11, 12, 13]), how)
  assert.equal(found.verdict, 'unclear')
  assert.equal(found.note, '3 and 3 runs cannot differ at the level 0.05: that takes 4 of each')
})

test('cells are paired by function, kernel and VMM, versions apart where there are several', () => {
  const [old, now] = [cell(before), cell(before, { kernelVersion: '0.1.55' })]
  const other = cell(before, { function: 'other' })
  const control = cell(before, { arm: 'without mark' })
  const { pairs, lonely } = pairsOf(report([old, control]), report([now, other]))
  assert.deepEqual(
    pairs.map(({ what }) => what),
    ['hello, nanos 0.1.54 > 0.1.55 on qemu'],
  )
  assert.deepEqual(lonely, ['other, nanos 0.1.54 on qemu is only in the second'])
  const both = pairsOf(report([old, now]), report([now, old]))
  assert.deepEqual(
    both.pairs.map(({ first, second }) => first.kernelVersion === second.kernelVersion),
    [true, true],
  )
})

test('other machines, schemas and accelerations are grave, other versions are notes', () => {
  const first = report([])
  assert.deepEqual(differencesOf(first, report([])), { grave: [], notes: [] })
  const { machine, conditions } = first
  const grave = (more: object) => differencesOf(first, report([], more)).grave
  assert.match(grave({ machine: { ...machine, processor: 'Xeon' } })[0]!, /^processor: AMD EPYC in the first/)
  assert.equal(grave({ conditions: { ...conditions, accel: 'kvm' } }).length, 1)
  assert.equal(grave({ schemaVersion: 2 }).length, 1)
  assert.deepEqual(grave({ ufr: '0.2.0' }), [])
  assert.equal(differencesOf(first, report([], { ufr: '0.2.0', partial: true })).notes.length, 2)
})

function written(t: TestContext, text: string): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-bench-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = path.join(folder, 'report.json')
  fs.writeFileSync(file, text)
  return file
}

test('a report is read as it was written, and what is none is refused', (t) => {
  const whole = report([cell(before)])
  const file = written(t, JSON.stringify(whole))
  assert.deepEqual(readReport(file), whole)
  for (const text of ['', '[]', '{}', '{"kind":"boot"}', 'null', JSON.stringify({ ...whole, cells: [{}] })]) {
    fs.writeFileSync(file, text)
    assert.throws(() => readReport(file), { code: 'UFR-BENCH-REPORT' }, text)
    assert.throws(() => readReport(file, true), { code: 'UFR-BENCH-REPORT' }, text)
  }
  fs.writeFileSync(file, JSON.stringify({ ...whole, schemaVersion: 9 }))
  assert.throws(() => readReport(file), { code: 'UFR-BENCH-REPORT', message: /has the schema 9, not 1/ })
  assert.equal(readReport(file, true).schemaVersion, 9)
})

test('any document is a report that can be compared, or refused', (t) => {
  const file = written(t, '')
  const text = JSON.stringify(report([cell(before)]))
  const piece = fc.constantFrom('null', '0', '"x"', '[]', '{}', 'true', '-1e999')
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(40), piece, (at, length, put) => {
      fs.writeFileSync(file, text.slice(0, at) + put + text.slice(at + length))
      try {
        const found = readReport(file, true)
        const { pairs } = pairsOf(found, found)
        for (const pair of pairs) compareCells(pair.what, pair.first, pair.second, how)
        differencesOf(found, found)
      } catch (error) {
        assert.ok(error instanceof UfrError && error.code === 'UFR-BENCH-REPORT', String(error))
      }
    }),
    { numRuns: 400 },
  )
})
