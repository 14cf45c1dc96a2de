import fs from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { withLock } from '../../src/base/lock.ts'

/** Run as a program by lock.test.ts: takes the lock, notes it, and holds it for the milliseconds given. */
const [lock = '', log = '', hold = '0'] = process.argv.slice(2)
await withLock(lock, async () => {
  fs.appendFileSync(log, `in ${process.pid}\n`)
  process.stdout.write('held\n')
  await sleep(Number(hold))
  fs.appendFileSync(log, `out ${process.pid}\n`)
})
