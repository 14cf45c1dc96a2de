import { suite, test } from 'node:test'
import { countNow } from '../census.ts'
import { testHome } from '../ufr.ts'
import { type VmmCase, vmmCases } from './cases.ts'
import { type Check, checkFor, limitOf } from './check.ts'
import { vmmLimits } from './limits.ts'
import { type VmmSubject, vmmSubjects } from './subjects.ts'
import { kernels } from './vmm/kernels.ts'
import { lives } from './vmm/lives.ts'

type Group = (subject: VmmSubject, check: Check<VmmCase>) => Promise<void>

const groups: Record<string, Group> = { 'kernels and command lines': kernels, 'from start to end': lives }

process.env['UFR_HOME'] = testHome()

/** The suite of all VMMs, with kernels that are nothing but a few instructions. */
for (const subject of await vmmSubjects()) {
  suite(subject.title, () => {
    for (const [title, group] of Object.entries(groups)) {
      test(`${subject.title}: ${title}`, { skip: subject.lack }, async (t) => {
        const find = (name: VmmCase) => limitOf(vmmLimits, name, { vmm: subject.name })
        const nothingLeft = countNow()
        await group(subject, checkFor(t, vmmCases, find))
        await t.test('and nothing is left behind', nothingLeft)
      })
    }
  })
}
