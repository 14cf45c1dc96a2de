import { after, before, suite, test } from 'node:test'
import { countNow } from '../census.ts'
import { openOutside } from '../outside.ts'
import { kernelCases } from './cases.ts'
import { checkFor, limitOf, limitWords } from './check.ts'
import { deaths } from './kernel/death.ts'
import { outgoing } from './kernel/egress.ts'
import type { Group } from './kernel/group.ts'
import { handlers } from './kernel/handler.ts'
import { exceptions, programs } from './kernel/program.ts'
import { served } from './kernel/served.ts'
import { starts } from './kernel/starts.ts'
import { kernelLimits } from './limits.ts'
import { type KernelSubject, kernelSubjects } from './subjects.ts'

const groups: readonly Group[] = [served, outgoing, handlers, programs, exceptions, deaths, starts]

/** The suite of all kernels: each group of cases on each subject. */
const subjects = await kernelSubjects()
let closeOutside: (() => Promise<void>) | undefined
before(async () => {
  closeOutside = await openOutside()
})
after(() => closeOutside?.())

for (const subject of subjects) {
  suite(subject.title, () => {
    for (const group of groups) {
      if (!subject.first && !group.everyLink) continue
      const skip = subject.lack || group.lack?.(subject) || hopeless(group, subject)
      test(`${subject.title}: ${group.title}`, { skip }, async (t) => {
        const limits = (name: (typeof group.cases)[number]) => limitOf(kernelLimits, name, subject)
        const nothingLeft = countNow()
        await group.run(t, subject, checkFor(t, kernelCases, limits))
        await t.test('and nothing is left behind', nothingLeft)
      })
    }
  })
}

/** Why none of a group's cases can be run. */
function hopeless(group: Group, subject: KernelSubject): string | false {
  const limits = group.cases.map((name) => limitOf(kernelLimits, name, subject))
  return limits.every((limit) => limit?.skip) && limitWords(limits[0]!)
}
