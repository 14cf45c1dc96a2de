import assert from 'node:assert/strict'
import { once } from 'node:events'
import path from 'node:path'
import { test } from 'node:test'
import { document } from '../cli/schemas.ts'
import { folderOf, kernels, lacking, root, startUfr, ufr, until } from './ufr.ts'

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) }
  const on = ['--unikernel', kernel, '--accel', 'tcg', '--json']

  test(`${kernel}: the report of a handler is as its schema has it`, options, async (t) => {
    const example = path.join(root, 'examples/hello-node')
    const { status, stdout, stderr } = await ufr(t, ['run', example, ...on, '--event', '{"name":"Ada"}'])
    assert.deepEqual([status, stderr], [0, ''])
    const report = document('run', stdout)
    assert.deepEqual([report.shape, report.unikernel, report.accel], ['handler', kernel, 'tcg'])
    assert.match(report.response.message, /Ada/)
  })

  test(`${kernel}: the report of a request, of bytes that are no text`, options, async (t) => {
    const folder = folderOf(t, {
      'server.mjs': `import http from 'node:http'
        http.createServer((request, response) => {
          response.setHeader('set-cookie', ['a=1', 'b=2'])
          response.writeHead(500).end(Buffer.from([0xff, 0x00, 0xfe]))
        }).listen(process.env.PORT)`,
    })
    const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on, '--request', '/x?y=%20'])
    assert.deepEqual([status, stderr], [1, ''])
    const { response } = document('run', stdout)
    assert.deepEqual([response.status, response.body, response.base64], [500, '/wD+', true])
    assert.deepEqual(response.headers['set-cookie'], ['a=1', 'b=2'])
  })

  test(`${kernel}: the report of a program, with its status and what it printed`, options, async (t) => {
    const folder = folderOf(t, {
      'ufr.json': '{ "name": "prog", "runtime": "nodejs24.x", "shape": "program", "command": "prog.mjs" }',
      'prog.mjs': `process.stdout.write('the result'); process.exitCode = 3`,
    })
    const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on])
    assert.deepEqual([status, stderr], [1, ''])
    const { response, console } = document('run', stdout)
    assert.deepEqual(response, { status: 3, output: 'the result' })
    assert.match(console, /the result/)
  })
}

test('the report of a function that is served comes as soon as it answers', {
  skip: lacking('linux'),
}, async (t) => {
  const example = path.join(root, 'examples/web-node')
  const child = startUfr(t, ['run', example, '--unikernel', 'linux', '--accel', 'tcg', '--json'])
  let stdout = ''
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    stdout += chunk
  })
  await until(() => stdout.endsWith('\n}\n') || child.exitCode !== null, 'a report', 120_000)
  const { shape, url, phases } = document('run', stdout)
  assert.deepEqual([shape, phases.response], ['web', null])
  assert.equal((await fetch(url)).status, 200)
  child.kill('SIGINT')
  const [status] = await once(child, 'close')
  assert.equal(status, 130)
})
