import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { UfrError } from '../../src/base/errors.ts'
import { withLock } from '../../src/base/lock.ts'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-lock-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

function holder(hold: number): ChildProcess {
  const program = path.join(import.meta.dirname, 'lock-child.ts')
  const args = [program, path.join(folder, 'lock'), path.join(folder, 'log'), String(hold)]
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
}

test('calls in one process take turns', async () => {
  const order: string[] = []
  const task = (name: string) =>
    withLock(path.join(folder, 'lock'), async () => {
      order.push(`in ${name}`)
      await sleep(30)
      order.push(`out ${name}`)
    })
  await Promise.all([task('a'), task('b'), task('c')])
  for (let i = 0; i < order.length; i += 2) {
    assert.equal(order[i]?.replace('in', 'out'), order[i + 1])
  }
  assert.equal(order.length, 6)
})

test('processes take turns', { timeout: 30_000 }, async () => {
  const children = [holder(100), holder(100), holder(100)]
  await Promise.all(children.map((child) => once(child, 'close')))
  const lines = fs.readFileSync(path.join(folder, 'log'), 'utf8').trim().split('\n')
  assert.equal(lines.length, 6)
  for (let i = 0; i < lines.length; i += 2) assert.equal(lines[i]?.replace('in', 'out'), lines[i + 1])
})

test('the lock of a killed process is free', { timeout: 30_000 }, async () => {
  const child = holder(60_000)
  await once(child.stdout!, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
  const value = await withLock(path.join(folder, 'lock'), async () => 'taken', { wait: 10_000 })
  assert.equal(value, 'taken')
})

test('waiting has an end, and is told of', { timeout: 30_000 }, async () => {
  const child = holder(60_000)
  await once(child.stdout!, 'data')
  const notes: string[] = []
  const progress = { step() {}, amount() {}, done() {}, note: (text: string) => void notes.push(text) }
  const waiting = withLock(path.join(folder, 'lock'), async () => {}, {
    wait: 1000,
    what: 'a pull',
    progress,
  })
  await assert.rejects(waiting, (error) => error instanceof UfrError && error.code === 'UFR-LOCKED')
  assert.match(notes.join(), /Waiting for another ufr process: a pull/)
  child.kill('SIGKILL')
  await once(child, 'close')
})

test('waiting ends with a signal, and takes no lock along', { timeout: 30_000 }, async () => {
  const child = holder(60_000)
  await once(child.stdout!, 'data')
  const lock = path.join(folder, 'lock')
  const controller = new AbortController()
  const waiting = withLock(lock, async () => assert.fail('not mine'), { signal: controller.signal })
  setTimeout(() => controller.abort(new Error('enough')), 100)
  await assert.rejects(waiting, /enough/)
  child.kill('SIGKILL')
  await once(child, 'close')
  const { signal } = new AbortController()
  assert.equal(await withLock(lock, async () => 1, { wait: 10_000, signal }), 1)
  await assert.rejects(
    withLock(lock, async () => 1, { signal: controller.signal }),
    /enough/,
  )
})

test('the lock is free again after an error', async () => {
  const lock = path.join(folder, 'lock')
  await assert.rejects(
    withLock(lock, async () => {
      throw new Error('inside')
    }),
    /inside/,
  )
  assert.equal(await withLock(lock, async () => 1, { wait: 1000 }), 1)
})
