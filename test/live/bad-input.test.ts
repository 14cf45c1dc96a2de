import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { document, errorDocument } from '../cli/schemas.ts'
import { folderOf, isAlive, kernels, lacking, qemuProcesses, startUfr, ufr, until } from './ufr.ts'

const mebibyte = 2 ** 20

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) }
  const on = ['--unikernel', kernel, '--accel', 'tcg']

  test(`${kernel}: an export that is not there is told by the guest`, options, async (t) => {
    const folder = folderOf(t, {
      'ufr.json': '{ "name": "bad", "handler": "index.handle" }',
      'index.mjs': 'export const handler = () => 1',
    })
    const { status, stdout } = await ufr(t, ['run', folder, ...on, '--json'])
    assert.equal(status, 1)
    const { error, response } = document('run', stdout)
    assert.deepEqual([error.errorType, response], ['Runtime.HandlerNotFound', undefined])
    assert.match(error.errorMessage, /index\.handle/)
  })

  test(`${kernel}: a large event arrives, an answer larger than 6 MiB is refused`, options, async (t) => {
    const folder = folderOf(t, {
      'index.mjs': `export const handler = async (event) => {
        console.log('got', event.text.length)
        return event.text
      }`,
    })
    const event = JSON.stringify({ text: 'x'.repeat(7 * mebibyte) })
    const { status, stdout } = await ufr(t, ['run', folder, ...on, '--json', '--event', '-'], {
      input: event,
    })
    assert.equal(status, 1)
    const { error, console } = document('run', stdout)
    assert.equal(error.errorType, 'Function.ResponseSizeTooLarge')
    assert.match(
      error.errorMessage,
      /has 7340034 bytes of JSON, and the most that can be answered is 6291556/,
    )
    assert.match(console, new RegExp(`got ${7 * mebibyte}`))
  })

  test(`${kernel}: Ctrl-C while it boots ends it at once, and nothing is left`, options, async (t) => {
    const folder = folderOf(t, { 'index.mjs': 'export const handler = () => 1' })
    const child = startUfr(t, ['run', folder, ...on])
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk
      })
    await until(() => qemuProcesses(child.pid).length === 1, 'a guest')
    const [guest] = qemuProcesses(child.pid)
    const before = performance.now()
    child.kill('SIGINT')
    const [status] = await once(child, 'close')
    assert.deepEqual([status, output], [130, ''])
    assert.ok(performance.now() - before < 5000, 'took too long')
    assert.ok(!isAlive(guest!))
  })
}

test('an event that is too large for a guest is refused by it', { skip: lacking('linux') }, async (t) => {
  const folder = folderOf(t, { 'index.mjs': 'export const handler = () => 1' })
  const event = JSON.stringify('x'.repeat(33 * mebibyte))
  const args = ['run', folder, '--unikernel', 'linux', '--accel', 'tcg', '--json', '--event', '-']
  const { status, stdout } = await ufr(t, args, { input: event })
  assert.equal(status, 1)
  const { code, message } = errorDocument(stdout)
  assert.equal(code, 'UFR-RESPONSE')
  assert.match(message, /the guest refused the event: .*larger than 33554432 bytes/)
})

test('a guest without room for its kernel is refused, not waited for', {
  skip: lacking('linux'),
}, async (t) => {
  const folder = folderOf(t, { 'index.mjs': 'export const handler = () => 1' })
  const { status, stderr } = await ufr(t, ['run', folder, '--unikernel', 'linux', '--memory', '16'])
  assert.equal(status, 2)
  assert.match(stderr, /UFR-USAGE: linux does not start in 16 MiB of memory\n {2}Give it \d+ MiB or more/)
})

test('a reader of a program that has seen enough ends the guest', { skip: lacking('linux') }, async (t) => {
  const folder = folderOf(t, {
    'ufr.json': '{ "name": "yes", "runtime": "nodejs24.x", "shape": "program", "command": "yes.mjs" }',
    'yes.mjs': `setInterval(() => console.log('y'.repeat(1000)), 10)`,
  })
  const child = startUfr(t, ['run', folder, '--unikernel', 'linux', '--accel', 'tcg'])
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
    stderr += chunk
  })
  await once(child.stdout!, 'data')
  const [guest] = qemuProcesses(child.pid)
  child.stdout?.destroy()
  const [status] = await once(child, 'exit')
  assert.deepEqual([status, stderr], [0, ''])
  await until(() => !isAlive(guest!), 'the end of the guest', 2000)
})
