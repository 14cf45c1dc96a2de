import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { requireRuns } from '../../src/bench/boot.ts'
import { failureWords } from '../../src/bench/render/words.ts'
import { type Runnable, runRounds } from '../../src/bench/rounds.ts'
import type { Phases } from '../../src/instance/phases.ts'
import { cell } from './reports.ts'

const phases: Phases = { vmm: 0, vcpu: 1, kernel: 2, entry: 3, ready: 4, response: 5 }
const died = () => new UfrError('UFR-GUEST-DIED', 'it died')

/** A cell whose starts are counted, and fail as they are told to. */
function runnable(
  name: string,
  order: string[],
  fails: (start: number) => Error | undefined = () => undefined,
) {
  const own = cell([], { function: name, runs: [] })
  let starts = 0
  const each: Runnable = {
    cell: own,
    async start() {
      order.push(name)
      const error = fails(starts++)
      if (error) throw error
      return phases
    },
  }
  return each
}

const never = new AbortController().signal

test('cells take turns, the order turns round, and the first runs are not counted', async () => {
  const order: string[] = []
  const all = [runnable('a', order), runnable('b', order)]
  assert.equal(await runRounds(all, { runs: 3, discard: 1, signal: never }), true)
  assert.equal(order.join(''), 'abbaab')
  assert.deepEqual(
    all[0]!.cell.runs.map(({ round, discarded }) => [round, discarded]),
    [
      [1, true],
      [2, false],
      [3, false],
    ],
  )
  assert.equal(all[0]!.cell.statistics.total?.count, 2)
})

test('a cell that fails in half of its runs says so, and the others stand', async () => {
  const order: string[] = []
  const half = runnable('half', order, (start) => (start % 2 === 1 ? died() : undefined))
  const good = runnable('good', order)
  await runRounds([half, good], { runs: 6, discard: 0, signal: never })
  assert.equal(half.cell.runs.length, 6)
  assert.equal(half.cell.statistics.total?.count, 3)
  assert.equal(failureWords(half.cell), '3 of 6 runs failed: UFR-GUEST-DIED: it died')
  assert.equal(good.cell.statistics.total?.count, 6)
  assert.equal(failureWords(good.cell), undefined)
})

test('a cell that only fails is given up, at once where it cannot get better', async () => {
  const order: string[] = []
  const dead = runnable('d', order, died)
  const wrong = runnable('w', order, () => new UfrError('UFR-MACHINE', 'not like that'))
  await runRounds([dead, wrong], { runs: 6, discard: 1, signal: never })
  assert.equal(order.join(''), 'dwdd')
  assert.match(failureWords(dead.cell)!, /^given up after 3 failed of 3 runs: UFR-GUEST-DIED: it died$/)
  assert.equal(wrong.cell.reason?.code, 'UFR-MACHINE')
  assert.equal(wrong.cell.statistics.total, null)
})

test('what was measured before an interruption is kept, and the run that it cut off is not', async () => {
  const order: string[] = []
  const controller = new AbortController()
  const first = runnable('a', order)
  const second = runnable('b', order, (start) => {
    if (start < 1) return undefined
    controller.abort(new Error('interrupted'))
    return died()
  })
  const rounds = { runs: 4, discard: 0, signal: controller.signal }
  assert.equal(await runRounds([first, second], rounds), false)
  assert.deepEqual([first.cell.runs.length, second.cell.runs.length], [1, 1])
  assert.equal(second.cell.runs[0]!.error, null)
})

test('no run left after those that are discarded is refused', () => {
  requireRuns(2, 1)
  for (const [runs, discard] of [
    [1, 1],
    [2, 5],
  ] as const) {
    assert.throws(() => requireRuns(runs, discard), { code: 'UFR-USAGE', message: /none is left/ })
  }
})
