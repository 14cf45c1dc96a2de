import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import { folderOf, kernels, lacking, root, ufr } from './ufr.ts'

const exitsSoon = { UFR_BOOT_TIMEOUT: '25' }

for (const kernel of kernels) {
  const options = { skip: lacking(kernel) }
  const on = ['--unikernel', kernel, '--accel', 'tcg']

  test(`${kernel}: the example web server, on a port of its own, answers`, options, async (t) => {
    const { status, stdout, stderr } = await ufr(t, [
      'run',
      path.join(root, 'examples/web-node'),
      ...on,
      '--request',
      '/',
    ])
    assert.equal(status, 0, stderr)
    assert.ok(stdout.length > 0)
    assert.match(stderr, /HTTP 200/)
  })

  test(
    `${kernel}: a server on another port than the one named is an error that names both`,
    options,
    async (t) => {
      const folder = folderOf(t, {
        'ufr.json': JSON.stringify({
          name: 'other',
          runtime: 'nodejs24.x',
          shape: 'web',
          command: 'server.mjs',
          port: 9000,
        }),
        'server.mjs': `import http from 'node:http'; http.createServer(() => {}).listen(9001)`,
      })
      const { status, stderr } = await ufr(t, ['run', folder, ...on, '--request', '/'])
      assert.equal(status, 5)
      assert.match(stderr, /UFR-PORT-SILENT: .*listens on port 9001, not on 9000/)
    },
  )

  test(
    `${kernel}: a server that only the guest itself can reach is an error that says so`,
    options,
    async (t) => {
      const folder = folderOf(t, {
        'server.mjs': `import http from 'node:http'; http.createServer(() => {}).listen(8080, '127.0.0.1')`,
      })
      const { status, stderr } = await ufr(t, ['run', folder, ...on, '--request', '/'])
      assert.equal(status, 5)
      assert.match(stderr, /UFR-PORT-SILENT: the function listens on 127\.0\.0\.1 port 8080, where only/)
    },
  )

  test(`${kernel}: a program that listens on nothing is an error with its last lines`, options, async (t) => {
    const folder = folderOf(t, {
      'ufr.json': JSON.stringify({
        name: 'mute',
        runtime: 'nodejs24.x',
        shape: 'web',
        command: 'server.mjs',
        port: 8080,
      }),
      'server.mjs': `console.log('I only wait'); setInterval(() => {}, 1000)`,
    })
    const { status, stderr } = await ufr(t, ['run', folder, ...on, '--request', '/'], { env: exitsSoon })
    assert.equal(status, 5)
    assert.match(stderr, /UFR-(PORT-SILENT|BOOT-TIMEOUT)/)
    assert.match(stderr, /\| I only wait/)
  })
}
