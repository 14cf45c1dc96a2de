import assert from 'node:assert/strict'
import { errorDocument } from '../../../cli/schemas.ts'
import { handlerFunction } from '../vehicle.ts'
import { type Group, run } from './group.ts'

/** As large as an answer may be, but for what is around it. */
const textBytes = 6_000_000

export const handlers: Group = {
  title: 'a handler',
  cases: ['handler', 'scratch', 'random', 'logs', 'large-event', 'handler-exit', 'handler-late'],
  async run(t, subject, check) {
    const folder = handlerFunction(t)
    const ask = (event: object, args: string[] = []) =>
      run(t, subject, folder, { args: ['--event', '-', ...args], input: JSON.stringify(event) })

    const text = 'ü'.repeat(textBytes / 2)
    const { status, stdout, stderr } = await ask({ text })
    assert.equal(status, 0, stderr)
    const answer = JSON.parse(stdout)
    await check('handler', () => {
      const { dependency, name, task, left } = answer
      assert.deepEqual([dependency, name, task], ['a dependency', 'conformance', '/var/task'])
      assert.ok(left > 0 && left <= 120_000, String(left))
    })
    await check('large-event', () => assert.ok(answer.text === text, 'another text came back'))
    await check('scratch', () => assert.equal(answer.written, 3_000_000))
    await check('logs', () => {
      assert.match(stderr, /^a line on standard output$/m)
      assert.match(stderr, /^a line on standard error$/m)
      assert.doesNotMatch(stderr, /\x1b_ufr/)
    })
    const left = await ask({ exit: 9 }, ['--json'])
    const exit = errorDocument(left.stdout)
    await check('handler-exit', () => {
      assert.deepEqual([left.status, exit.code], [1, 'UFR-FUNCTION-EXITED'])
      assert.match(exit.message, /status 9/)
      assert.match(exit.detail.join('\n'), /^going now, at random: /m)
    })
    await check('random', () => {
      const [, other] = /at random: (.*)/.exec(exit.detail.join('\n')) ?? []
      for (const bytes of [answer.random, other]) assert.match(bytes, /^[0-9a-f]{16}$/)
      assert.notEqual(answer.random, other)
    })
    await check('handler-late', async () => {
      const { status, stdout } = await ask({ wait: true }, ['--json', '--timeout', '3'])
      const { code, message, detail } = errorDocument(stdout)
      assert.deepEqual([status, code], [1, 'UFR-FUNCTION-TIMEOUT'])
      assert.match(message, /no answer within 3 s/)
      assert.match(detail.join('\n'), /^waiting now$/m)
    })
  },
}
