import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import fc from 'fast-check'
import { quote } from '../../src/unikernel/linux/init.ts'

test('a quoted word reaches a program unchanged, whatever is in it', () => {
  const words = fc.array(
    fc.string({ unit: 'binary' }).filter((word) => !word.includes('\0')),
    { minLength: 30, maxLength: 30 },
  )
  fc.assert(
    fc.property(words, (all) => {
      const script = `printf '%s\\0' ${all.map(quote).join(' ')}`
      const output = execFileSync('sh', ['-c', script], { timeout: 10_000 })
      assert.deepEqual(
        output.toString().split('\0').slice(0, -1),
        all.map((word) => Buffer.from(word).toString()),
      )
    }),
    { numRuns: 20 },
  )
})
