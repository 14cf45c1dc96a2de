import assert from 'node:assert/strict'
import { test } from 'node:test'
import { kernelLimits, type Limit, vmmLimits } from './limits.ts'

test('of every case of a kernel or VMM there is one limit at most, and each says why', () => {
  for (const limits of [kernelLimits, vmmLimits] as readonly (readonly Limit<string>[])[]) {
    for (const [index, limit] of limits.entries()) {
      assert.match(limit.reason, /\w+ \w+/)
      if (limit.thread) assert.match(limit.thread, /^https:\/\/\S+$/)
      const others = limits.slice(index + 1).filter((other) => meet(limit, other))
      assert.deepEqual(others, [], `said twice: ${limit.reason}`)
    }
  }
})

function meet(one: Limit<string>, other: Limit<string>): boolean {
  const same = (a: string | undefined, b: string | undefined) => a === undefined || b === undefined || a === b
  const shared = one.cases.some((name) => other.cases.includes(name))
  return shared && same(one.kernel, other.kernel) && same(one.vmm, other.vmm)
}
