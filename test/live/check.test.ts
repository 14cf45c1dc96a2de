import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { findKernelIfAny } from '../../src/kernel/store.ts'
import { document } from '../cli/schemas.ts'
import { folderOf, lacking, root, ufr } from './ufr.ts'

const watcher = `
#include <stdio.h>
#include <sys/inotify.h>
int main(void) {
  if (inotify_init1(0) >= 0) return 0;
  perror("inotify_init1");
  return 3;
}`

function compiled(t: TestContext): string {
  const config = { name: 'watcher', runtime: 'native', shape: 'program', command: 'main' }
  const folder = folderOf(t, { 'main.c': watcher, 'ufr.json': JSON.stringify(config) })
  execFileSync('gcc', ['-O1', '-o', path.join(folder, 'main'), path.join(folder, 'main.c')], {
    timeout: 60_000,
  })
  fs.rmSync(path.join(folder, 'main.c'))
  return folder
}

const noCompiler = findCommand('gcc') ? false : 'no gcc'

test('a program that asks for what the kernel lacks: told before, and after it failed', {
  skip: lacking('osv') || noCompiler,
}, async (t) => {
  const folder = compiled(t)
  const before = await ufr(t, ['check', folder, '--unikernel', 'osv', '--json'])
  assert.equal(before.status, 0, before.stderr)
  const [kernel] = document('check', before.stdout).kernels
  assert.equal(kernel.verdict, 'may fail')
  assert.deepEqual(
    kernel.findings.map((each: { calls: string[] }) => each.calls),
    [['inotify_init1']],
  )
  const after = await ufr(t, ['run', folder, '--unikernel', 'osv', '--accel', 'tcg'])
  assert.equal(after.status, 1, after.stderr)
  assert.match(
    after.stderr,
    /osv lacks the system call inotify_init1 \(294\); \/var\/task\/main \(inotify_init1 of \S+libc\.so\.6\) uses it; nanos and linux have it\. Take a kernel that has it: --unikernel nanos, or --unikernel linux\./,
  )
})

for (const example of ['hello-node', 'web-node', ...(noCompiler ? [] : ['hello-c', 'web-c'])]) {
  const skip = findKernelIfAny('linux') ? false : 'no runtimes and kernels in the store'
  test(`${example} runs on every kernel, and nothing else is said`, { skip }, async (t) => {
    const { status, stdout, stderr } = await ufr(t, ['check', path.join(root, 'examples', example), '--json'])
    assert.equal(status, 0, stderr)
    for (const { unikernel, verdict, findings } of document('check', stdout).kernels)
      assert.deepEqual([unikernel, verdict, findings], [unikernel, 'fits', []])
  })
}
