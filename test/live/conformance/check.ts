import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Limit } from './limits.ts'

/** Runs one case of a group as a test of its own. */
export type Check<Case extends string> = (
  name: Case,
  check: (t: TestContext) => Promise<void> | void,
) => Promise<void>

/** The limit that a case of a kernel or VMM has, where there is one. */
export function limitOf<Case extends string>(
  limits: readonly Limit<Case>[],
  name: Case,
  { kernel, vmm }: { kernel?: string; vmm: string },
): Limit<Case> | undefined {
  const fits = (set: string | undefined, is: string | undefined) => set === undefined || set === is
  return limits.find(
    (limit) => limit.cases.includes(name) && fits(limit.kernel, kernel) && fits(limit.vmm, vmm),
  )
}

export function limitWords({ reason, thread }: Limit<string>): string {
  return thread === undefined ? reason : `${reason}; ${thread}`
}

/**
 * A `Check` for a subject. What its upstream is known not to do is run all the same, has to fail, and counts as
 * skipped: so a limit that is gone is noticed.
 */
export function checkFor<Case extends string>(
  t: TestContext,
  sentences: Record<Case, string>,
  find: (name: Case) => Limit<Case> | undefined,
): Check<Case> {
  return async (name, check) => {
    const limit = find(name)
    const skip = limit?.skip ? limitWords(limit) : false
    await t.test(sentences[name], { skip }, async (t) => {
      if (!limit) return check(t)
      const failed = await Promise.resolve()
        .then(() => check(t))
        .then(
          () => false,
          () => true,
        )
      assert.ok(failed, `it passes: take it out of limits.ts (${limitWords(limit)})`)
      t.skip(limitWords(limit))
    })
  }
}
