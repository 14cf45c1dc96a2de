import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { folderOf, kernels, lacking, root, ufr } from './ufr.ts'

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) }
  const on = ['--unikernel', kernel, '--accel', 'tcg']

  test(`${kernel}: the example handler answers, with its phases in order`, options, async (t) => {
    const example = path.join(root, 'examples/hello-node')
    const { status, stdout, stderr } = await ufr(t, [
      'run',
      example,
      ...on,
      '--event',
      '{"name":"Ada"}',
      '--json',
    ])
    assert.equal(status, 0, stderr)
    const report = JSON.parse(stdout)
    assert.match(JSON.stringify(report.response), /Ada/)
    assert.equal(report.unikernel, kernel)
    assert.equal(report.accel, 'tcg')
    assert.equal(report.shape, 'handler')
    const { vmm, vcpu, kernel: first, ready, response } = report.phases
    const times = [vmm, vcpu, first, ready, response]
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
    assert.ok(response > 100 && response < 120_000, String(response))
  })

  test(`${kernel}: an error of the handler is a Lambda error and exit status 1`, options, async (t) => {
    const folder = folderOf(t, {
      'index.mjs': 'export const handler = async () => { throw new TypeError("no such thing") }',
    })
    const { status, stdout } = await ufr(t, ['run', folder, ...on])
    assert.equal(status, 1)
    const { errorType, errorMessage, trace } = JSON.parse(stdout)
    assert.deepEqual([errorType, errorMessage], ['TypeError', 'no such thing'])
    assert.match(trace.join('\n'), /index\.mjs/)
  })

  test(`${kernel}: a module that throws while it loads is an error that says so`, options, async (t) => {
    const folder = folderOf(t, { 'index.mjs': 'throw new Error("at load"); export const handler = 1' })
    const { status, stdout } = await ufr(t, ['run', folder, ...on])
    assert.equal(status, 1)
    assert.match(JSON.parse(stdout).errorMessage, /at load/)
  })
}
