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

  test(
    `${kernel}: a handler sees its files, environment, time zone and a writable /tmp, and its logs come out`,
    options,
    async (t) => {
      const folder = folderOf(t, {
        'ufr.json': JSON.stringify({
          name: 'seer',
          runtime: 'nodejs24.x',
          handler: 'src/app.api.look',
          environment: { GREETING: `it's "ü"`, TZ: 'Europe/Vienna' },
        }),
        'src/app.cjs': `
        const fs = require('node:fs')
        const dep = require('dep')
        exports.api = { look: async (event, context) => {
          console.log('a line on standard output'); console.error('a line on standard error')
          fs.writeFileSync('/tmp/written', 'x'.repeat(3_000_000))
          return {
            event, dep, greeting: process.env.GREETING, cwd: process.cwd(), task: process.env.LAMBDA_TASK_ROOT,
            written: fs.statSync('/tmp/written').size, offset: new Date('2026-07-01T00:00:00Z').getHours(),
            year: new Date().getFullYear(), name: context.functionName, left: context.getRemainingTimeInMillis(),
            random: require('node:crypto').randomBytes(8).toString('hex'), lines: fs.readFileSync('data.txt', 'utf8'),
          }
        } }`,
        'node_modules/dep/index.js': 'module.exports = "dependency"',
        'data.txt': 'data',
      })
      const { status, stdout, stderr } = await ufr(t, ['run', folder, ...on, '--event', '-'], {
        input: '{"n":1}',
      })
      assert.equal(status, 0, stderr)
      const { random, left, year, ...rest } = JSON.parse(stdout)
      assert.deepEqual(rest, {
        event: { n: 1 },
        dep: 'dependency',
        greeting: `it's "ü"`,
        cwd: '/var/task',
        task: '/var/task',
        written: 3_000_000,
        offset: 2,
        name: 'seer',
        lines: 'data',
      })
      assert.match(random, /^[0-9a-f]{16}$/)
      assert.equal(year, new Date().getFullYear())
      assert.ok(left > 0 && left <= 30_000, String(left))
      assert.match(stderr, /a line on standard output\n/)
      assert.match(stderr, /a line on standard error\n/)
      assert.doesNotMatch(stderr, /\x1b_ufr/)
    },
  )

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

  test(
    `${kernel}: a handler that ends the process is told with its status and last lines`,
    options,
    async (t) => {
      const folder = folderOf(t, {
        'index.mjs': 'export const handler = () => { console.log("going now"); process.exit(9) }',
      })
      const { status, stdout } = await ufr(t, ['run', folder, ...on, '--json'])
      assert.equal(status, 1)
      const { error } = JSON.parse(stdout)
      assert.equal(error.code, 'UFR-FUNCTION-EXITED')
      assert.match(error.message, /status 9/)
      assert.match(error.detail.join('\n'), /going now/)
    },
  )

  test(`${kernel}: a handler that takes too long is ended`, options, async (t) => {
    const folder = folderOf(t, {
      'index.mjs':
        'export const handler = async () => { await new Promise((r) => setTimeout(r, 60_000)); return 1 }',
    })
    const { status, stderr } = await ufr(t, ['run', folder, ...on, '--timeout', '2'])
    assert.equal(status, 1)
    assert.match(stderr, /UFR-FUNCTION-TIMEOUT: no answer within 2 s/)
  })
}
