import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { startScript } from '../../script/lab/guest.ts'
import { init } from '../../script/lab/initramfs.ts'
import { machineCommand } from '../../script/lab/machine.ts'
import type { Lab } from '../../script/lab/parts.ts'
import { findCommand } from '../../src/base/process.ts'

const lab: Lab = { root: "/it's, a lab", release: '6.12.0', initramfs: '/i' }
const shares = ["/o'clock; reboot", '/a,b']
const user = { uid: 1000, gid: 1000, home: '/home/$(reboot)', guest: true }

test('the scripts of the guest are whole, whatever folders are called', () => {
  const command = { words: ['x'], environment: [], folder: '/' }
  for (const script of [
    init,
    startScript(lab, shares, command, 'abc'),
    startScript(lab, shares, { ...command, user }, 'abc'),
  ]) {
    const shell = findCommand('busybox') ? ['busybox', 'sh'] : ['sh']
    const { stderr, status } = spawnSync(shell[0]!, [...shell.slice(1), '-n'], { input: script })
    assert.deepEqual([stderr.toString(), status], ['', 0])
    // Each name with a meaning for shells is one word: a shell that only prints the words shows them as they are.
    for (const line of script
      .split('\n')
      .filter((each) => each.startsWith('mkdir -p ') && each.includes('mount -t 9p'))) {
      const words = execFileSync(
        'sh',
        ['-c', `mkdir() { printf '%s\\n' "$2"; return 1; }; stop() { :; }; ${line}`],
        { encoding: 'utf8' },
      )
      assert.ok(shares.includes(words.trim()), line)
    }
  }
})

test('the machine shares its files read-only and the folders given to be written to', () => {
  const words = machineCommand(lab, { memoryMiB: 512, shares, tscKhz: 1234 })
  const exports = words.filter((each) => each.startsWith('local,'))
  assert.deepEqual(exports, [
    'local,id=root,path=/,security_model=none,multidevs=remap,readonly=on',
    "local,id=share0,path=/o'clock; reboot,security_model=none,multidevs=remap",
    'local,id=share1,path=/a,,b,security_model=none,multidevs=remap',
  ])
  assert.ok(words.join(' ').includes('tsc_early_khz=1234'))
  assert.equal(words[0], `${lab.root}/usr/lib64/ld-linux-x86-64.so.2`)
})
