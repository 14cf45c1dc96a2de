import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { ufrHome } from '../../src/base/paths.ts'
import { probeKvm } from '../../src/vmm/firecracker/accel.ts'
import { locateFirecracker } from '../../src/vmm/firecracker/binary.ts'
import { startMachine } from '../../src/vmm/firecracker/firecracker.ts'
import { required, root } from './ufr.ts'

const full = process.env['UFR_FULL'] === '1'
const minutes = full ? 110 : 9
const own = ['test/live/firecracker.test.ts', 'test/live/conformance/vmms.test.ts']
const long = ['test/live/conformance/kernels.test.ts', 'test/live/languages.test.ts']

/** Why the tests of Firecracker need not be run in the lab, or cannot, or false. */
async function lacking(): Promise<string | false> {
  const binary = locateFirecracker()
  if (!binary) {
    if (required('firecracker')) throw new Error('no Firecracker in the store, but required')
    return 'no Firecracker in the store, and none on PATH'
  }
  if (process.env['UFR_IN_LAB']) return 'this is the lab'
  const { works } = await probeKvm(binary, startMachine)
  return works && 'KVM works here: they have run already'
}

test('all tests of Firecracker pass in the lab', { skip: await lacking(), timeout: minutes * 60_000 }, () => {
  const files = full ? [...own, ...long] : own
  const limits = `--test-timeout=${minutes * 60_000 - 30_000}`
  const words = [process.execPath, '--disable-warning=ExperimentalWarning', '--test', limits]
  const { status, stdout, stderr } = spawnSync(
    path.join(root, 'script/kvm-lab'),
    [...words, '--test-concurrency=1', '--test-reporter=tap', ...files],
    {
      cwd: root,
      encoding: 'utf8',
      maxBuffer: 256 << 20,
      timeout: minutes * 60_000,
      env: {
        ...process.env,
        // The runner of these tests would take the other for a part of itself.
        NODE_TEST_CONTEXT: undefined,
        UFR_HOME: ufrHome(),
        UFR_VMM: 'firecracker',
        UFR_REQUIRE: 'firecracker',
        UFR_LAB_TIMEOUT: String(minutes * 60 - 10),
      },
    },
  )
  const sum = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(stdout)?.[1])
  assert.equal(status, 0, `${stdout.slice(-20_000)}\n${stderr.slice(-4000)}`)
  assert.ok(sum('pass') > 10, `${sum('pass')} passed`)
  assert.equal(sum('fail'), 0)
})
