import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { folderOf, lacking, qemuProcesses, startUfr, testHome, until } from './ufr.ts'

const waiting = {
  'index.mjs': 'export const handler = () => new Promise(() => setTimeout(() => {}, 100_000))',
}

test('a VMM is one process and leaves no file behind', { skip: lacking('linux') }, async (t) => {
  const child = startUfr(t, ['run', folderOf(t, waiting), '--unikernel', 'linux', '--accel', 'tcg'])
  await until(() => qemuProcesses(child.pid).length === 1, 'a guest')
  const [guest] = qemuProcesses(child.pid)
  // Everything that QEMU has open and that has a name: programs, libraries, the store; no socket, no temporary file.
  const open = fs.readdirSync(`/proc/${guest}/fd`).map((fd) => {
    try {
      return fs.readlinkSync(`/proc/${guest}/fd/${fd}`)
    } catch {
      return ''
    }
  })
  const temporary = open
    .filter((file) => file.startsWith('/tmp/') || file.startsWith('/var/tmp/'))
    .filter((file) => !file.startsWith(testHome()))
  assert.deepEqual(
    temporary.filter((file) => !file.endsWith('(deleted)')),
    [],
  )
  assert.ok(!open.some((file) => file.startsWith('/run/')))
})
