import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { firecracker } from '../../src/vmm/firecracker/firecracker.ts'
import { jailIds } from '../../src/vmm/firecracker/jail.ts'
import { document } from '../cli/schemas.ts'
import { countNow } from './census.ts'
import { folderOf, isAlive, lacking as lackingKernel, required, root, startUfr, ufr, until } from './ufr.ts'

/** Why real Firecrackers cannot be tested here, or false. UFR_REQUIRE=firecracker turns a lack into a failure. */
async function lacking(): Promise<string | false> {
  try {
    await firecracker().chooseAccel('kvm')
    return lackingKernel('linux')
  } catch (error) {
    if (!(error instanceof UfrError) || required('firecracker')) throw error
    return error.message
  }
}

const skip = await lacking()
const jailed = skip === false && firecracker().note === undefined
const on = ['--unikernel', 'linux', '--vmm', 'firecracker', '--accel', 'kvm']
const waiting = {
  'index.mjs': 'export const handler = () => new Promise(() => setTimeout(() => {}, 100_000))',
}

/** Ids of Firecrackers that a process and its children have started. */
function firecrackers(ancestor: number | undefined): number[] {
  const parents = new Map<number, { parent: number; name: string }>()
  for (const pid of fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1')
      const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))
      parents.set(Number(pid), { name, parent: Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) })
    } catch {
      // Gone meanwhile.
    }
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent
    return parent !== undefined && (parent === ancestor || (parent > 1 && isBelow(parent)))
  }
  return [...parents].filter(([pid, { name }]) => name === 'firecracker' && isBelow(pid)).map(([pid]) => pid)
}

/** A run whose guest's processors are under way. */
async function startWaiting(t: TestContext) {
  const child = startUfr(t, ['run', folderOf(t, waiting), ...on])
  const isRunning = () => firecrackers(child.pid).some((pid) => threads(pid).includes('fc_vcpu 0'))
  await until(isRunning, 'a guest', 120_000)
  return { child, pid: firecrackers(child.pid)[0]! }
}

function threads(pid: number): string[] {
  try {
    const tasks = fs.readdirSync(`/proc/${pid}/task`)
    return tasks.map((task) => fs.readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim())
  } catch {
    return []
  }
}

test('a handler answers, and nothing of Firecracker’s own is on its console', { skip }, async (t) => {
  const nothingLeft = countNow()
  const args = ['run', path.join(root, 'examples/hello-node'), ...on, '--event', '{"name":"Ada"}']
  const { status, stdout, stderr } = await ufr(t, args)
  assert.equal(status, 0, stderr)
  assert.equal(JSON.parse(stdout).message, 'Hello, Ada!')
  assert.match(stderr, /on linux .* \(firecracker, kvm\)/)
  assert.doesNotMatch(stderr, /\[ufr:|fc_api|fc_vcpu/)
  assert.equal(/Firecracker runs without its jailer: /.test(stderr), !jailed)
  await nothingLeft()
})

test('the report says that it ran without its jailer', { skip }, async (t) => {
  const args = ['run', path.join(root, 'examples/hello-node'), ...on, '--json']
  const { stdout } = await ufr(t, args, { env: { UFR_JAIL: 'off' } })
  const { notes } = document('run', stdout)
  assert.match(notes[0], /^Firecracker runs without its jailer: UFR_JAIL is off/)
})

test('a program whose exit status Nanos could not tell is refused by name', {
  skip: skip || lackingKernel('nanos'),
}, async (t) => {
  const folder = folderOf(t, { 'prog.mjs': 'process.exitCode = 3' })
  const named = ['--unikernel', 'nanos', '--vmm', 'firecracker', '--accel', 'kvm']
  const { status, stderr } = await ufr(t, ['run', folder, ...named])
  assert.equal(status, 2, stderr)
  assert.match(stderr, /UFR-MACHINE: Nanos tells how a program ended by an exit device/)
})

test('a program answers with its output and exit status, on one serial line', { skip }, async (t) => {
  const program = `console.log('out'); console.error('err'); process.exitCode = 3`
  const { status, stdout, stderr } = await ufr(t, ['run', folderOf(t, { 'prog.mjs': program }), ...on])
  assert.equal(status, 1, stderr)
  assert.deepEqual(stdout.split('\n').sort(), ['', 'err', 'out'])
  assert.match(stderr, /exit status 3/)
})

test('no guest survives the SIGKILL of its ufr, and it leaves nothing behind', { skip }, async (t) => {
  const nothingLeft = countNow()
  const { child, pid } = await startWaiting(t)
  child.kill('SIGKILL')
  await until(() => !isAlive(pid), 'the end of the guest', 2000)
  await nothingLeft()
})

test('in its jail it is nobody, may do nothing, and sees its machine only', {
  skip: skip || (jailed ? false : 'no jail here'),
}, async (t) => {
  const { pid } = await startWaiting(t)
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8')
  const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
  const { first, count } = jailIds()
  assert.equal(Number(field('Uid')), first + (pid % count))
  assert.deepEqual([field('CapEff'), field('Seccomp')], ['0000000000000000', '2'])
  const seen = fs.readdirSync(`/proc/${pid}/root`).sort()
  const known = /^(dev|run|firecracker|firecracker\.pid|kernel|initrd|disk\d|ufr-(api|log|metrics)|sockets)$/
  assert.deepEqual(
    seen.filter((name) => !known.test(name)),
    [],
  )
  for (const kind of ['pid', 'mnt']) {
    assert.notEqual(fs.readlinkSync(`/proc/${pid}/ns/${kind}`), fs.readlinkSync(`/proc/self/ns/${kind}`))
  }
})
