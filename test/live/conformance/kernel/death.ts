import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { errorDocument } from '../../../cli/schemas.ts'
import { slowness, until } from '../../ufr.ts'
import { webFunction } from '../vehicle.ts'
import { fastForm, type Group, type Running, start, vmmOf } from './group.ts'

export const deaths: Group = {
  title: 'deaths from outside',
  cases: ['killed-start', 'killed-boot', 'killed-request', 'parent-killed'],
  everyLink: true,
  async run(t, subject, check) {
    const folder = webFunction(t, fastForm(subject), { args: [], environment: {}, memory: 400, timeout: 120 })
    const begin = (t: TestContext, ...more: string[]) =>
      start(t, subject, folder, { args: ['--request', '/wait', ...more] })
    const asked = (running: Running) =>
      until(() => running.stderr().includes('waiting now'), 'the request', 200_000 * slowness)

    await check('killed-start', async (t) => {
      const running = begin(t, '--json')
      process.kill(await vmmOf(running), 'SIGKILL')
      await diedOf(running)
    })
    await check('killed-boot', async (t) => {
      const running = begin(t, '--json')
      const pid = await vmmOf(running)
      await new Promise((resolve) => setTimeout(resolve, 400))
      process.kill(pid, 'SIGKILL')
      await diedOf(running)
    })
    await check('killed-request', async (t) => {
      const running = begin(t)
      const pid = await vmmOf(running)
      await asked(running)
      process.kill(pid, 'SIGKILL')
      const { status, stderr } = await running.ended
      assert.equal(status, 5, stderr)
      assert.match(stderr, /^UFR-GUEST-DIED: the guest ended: the VMM got SIGKILL$/m)
      assert.match(stderr, /^ {2}\| waiting now$/m)
    })
    await check('parent-killed', async (t) => {
      const early = begin(t)
      await vmmOf(early)
      early.child.kill('SIGKILL')
      const late = begin(t)
      await vmmOf(late)
      await asked(late)
      late.child.kill('SIGKILL')
      await once(late.child, 'exit')
    })
  },
}

async function diedOf(running: Running): Promise<void> {
  const { status, stdout, stderr } = await running.ended
  const { code, message } = errorDocument(stdout)
  // Before it runs, it is a VMM that does not start.
  const kind = `${status} ${code}`
  assert.ok(kind === '3 UFR-VMM-START' || kind === '5 UFR-GUEST-DIED', `${kind}: ${stderr}`)
  assert.match(message, /SIGKILL/)
}
