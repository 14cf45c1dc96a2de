// biome-ignore-all lint/suspicious/noTemplateCurlyInString: OSv's own variables look like that.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { folderOf, lacking, ufr } from './ufr.ts'

const says = 'require("http").createServer((q, r) => r.end(process.cwd() + " ok\\n")).listen(12345)'
const opsNode = JSON.stringify({
  Args: ['hello.js'],
  RunConfig: { Ports: ['12345'] },
  Program: '/usr/bin/node',
  Files: ['hello.js'],
})

for (const kernel of ['nanos', 'linux']) {
  test(`an ops config.json for Node.js on ${kernel}`, { skip: lacking(kernel) }, async (t) => {
    const folder = folderOf(t, { 'config.json': opsNode, 'hello.js': says })
    const { status, stdout, stderr } = await ufr(t, ['run', folder, '--request', '/', '--unikernel', kernel])
    assert.equal(status, 0, stderr)
    assert.equal(stdout, '/ ok\n')
  })
}

test('an OSv module on osv', { skip: lacking('osv') }, async (t) => {
  const folder = folderOf(t, {
    'modules.py':
      "from osv.modules import api\napi.require('node-from-host')\ndefault = api.run('--cwd=/app/ /libnode.so ./server.js')\n",
    'usr.manifest': '/app/**: ${MODULE_DIR}/ROOTFS/app/**\n',
    'ROOTFS/app/server.js': says,
  })
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--request', '/', '--unikernel', 'osv'])
  assert.equal(status, 0, stderr)
  assert.equal(stdout, '/app ok\n')
})

const unikraft = lacking('unikraft') ? 'linux' : 'unikraft'
test(`a Kraftfile with a rootfs on ${unikraft}`, { skip: lacking(unikraft) }, async (t) => {
  const folder = folderOf(t, {
    Kraftfile: 'spec: v0.6\nname: hi\nruntime: base:latest\nrootfs: ./rootfs\ncmd: ["/hi", "a b"]\n',
    'rootfs/etc/x': '',
    'hi.c': '#include <stdio.h>\nint main(int n, char **a) { puts(a[1]); return n - 2; }\n',
  })
  try {
    execFileSync('gcc', ['-static-pie', '-o', path.join(folder, 'rootfs/hi'), path.join(folder, 'hi.c')])
  } catch {
    t.skip('no gcc that links statically')
    return
  }
  assert.ok(fs.existsSync(path.join(folder, 'rootfs/hi')))
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', unikraft])
  assert.equal(status, 0, stderr)
  assert.equal(stdout.trim(), 'a b')
})
