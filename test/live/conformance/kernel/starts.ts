import assert from 'node:assert/strict'
import { countNow } from '../../census.ts'
import { webFunction } from '../vehicle.ts'
import { fastForm, type Group, run } from './group.ts'

const full = Boolean(process.env['UFR_FULL'])
const times = full ? 50 : 5

export const starts: Group = {
  title: `${times} starts in a row`,
  cases: ['starts'],
  // The starts over further links are counted in the groups before.
  everyLink: full,
  async run(t, subject, check) {
    await check('starts', async () => {
      const folder = webFunction(t, fastForm(subject), {
        args: [],
        environment: {},
        memory: 256,
        timeout: 60,
      })
      const count = countNow()
      for (let i = 1; i <= times; i++) {
        const { status, stdout, stderr } = await run(t, subject, folder, { args: ['--request', '/'] })
        assert.deepEqual([status, stdout], [0, 'hello'], `start ${i}: ${stderr}`)
      }
      await count()
    })
  },
}
