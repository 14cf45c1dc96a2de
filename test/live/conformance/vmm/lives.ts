import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { countNow } from '../../census.ts'
import { isAlive, root, slowness, until } from '../../ufr.ts'
import type { VmmCase } from '../cases.ts'
import type { Check } from '../check.ts'
import type { VmmSubject } from '../subjects.ts'
import { noise } from '../vehicle.ts'
import { exit, print, reset, serialPort, spin, tinyKernel, work } from './guest.ts'
import { machineFor, startMachine } from './machine.ts'

const text = (words: string) => print(Buffer.from(words))
const hello = tinyKernel(text('hello\n'))
const times = process.env['UFR_FULL'] ? 50 : 5
/** How long the end of a VMM may take. */
const endMs = 2000

/** What a VMM does with a machine from its start to its end. */
export async function lives(subject: VmmSubject, check: Check<VmmCase>): Promise<void> {
  await check('console', async (t) => {
    const bytes = Buffer.concat([noise(16_384), Buffer.from('\r\n\0end')])
    const { says, console, vm } = await startMachine(t, subject, machineFor(t, tinyKernel(print(bytes))))
    await says('end')
    assert.ok(console().equals(bytes), 'other bytes came')
    await vm.stop()
  })
  await check('slow-reader', async (t) => {
    // More than a pipe holds.
    const bytes = Buffer.concat([noise(100_000), Buffer.from('end')])
    const { says, console, vm } = await startMachine(t, subject, machineFor(t, tinyKernel(print(bytes))))
    await until(() => console().length > 0, 'a first byte')
    standStill(1500 * slowness)
    await says('end')
    assert.ok(console().equals(bytes), `other bytes came, ${console().length} of ${bytes.length}`)
    await vm.stop()
  })
  await check('error-line', async (t) => {
    const kernel = tinyKernel(text('one'), print(Buffer.from('two'), serialPort.errors), text('three'))
    const { says, errors, vm } = await startMachine(t, subject, machineFor(t, kernel, { errorLine: true }))
    await says('onethree')
    await until(() => errors().length === 3, 'the error line', 5000)
    assert.equal(errors().toString(), 'two')
    await vm.stop()
  })
  await check('status', async (t) => {
    for (const status of [0, 1, 42, 127]) {
      const { vm } = await startMachine(t, subject, machineFor(t, tinyKernel(work(), exit(status))))
      assert.equal((await within(vm.exit, 5000, 'the end')).guestStatus, status)
    }
  })
  await check('reset', async (t) => {
    const { vm, console } = await startMachine(
      t,
      subject,
      machineFor(t, tinyKernel(text('bye'), work(), reset())),
    )
    const { signal, guestStatus } = await within(vm.exit, 10_000, 'the end')
    assert.deepEqual([signal, guestStatus], [null, undefined])
    assert.equal(console().toString(), 'bye')
    assert.ok(!isAlive(vm.pid))
  })
  await check('stop', async (t) => {
    const { vm, says } = await startMachine(t, subject, machineFor(t, hello))
    await says('hello\n')
    await within(vm.stop(), endMs, 'the end')
    assert.ok(!isAlive(vm.pid))
    await Promise.all([vm.stop(), vm.stop(), vm.exit])
  })
  await check('busy', async (t) => {
    const { vm, says } = await startMachine(t, subject, machineFor(t, tinyKernel(text('hello\n'), spin())))
    await says('hello\n')
    await within(vm.stop(), endMs, 'the end')
    assert.ok(!isAlive(vm.pid))
  })
  await check('killed', async (t) => {
    const { vm, says } = await startMachine(t, subject, machineFor(t, hello))
    await says('hello\n')
    process.kill(vm.pid, 'SIGKILL')
    assert.equal((await within(vm.exit, endMs, 'the end')).signal, 'SIGKILL')
    await vm.stop()
  })
  await check('parent-killed', async (t) => {
    const machine = machineFor(t, hello)
    const arguments_ = [subject.name, subject.accel, JSON.stringify(machine)]
    const parent = spawn(process.execPath, ['--input-type=module', '-e', starter, ...arguments_], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.after(() => parent.kill('SIGKILL'))
    const [pid] = await once(parent.stdout!, 'data', { signal: AbortSignal.timeout(60_000) })
    assert.ok(isAlive(Number(pid)))
    parent.kill('SIGKILL')
    await until(() => !isAlive(Number(pid)), 'the end of the VMM', endMs)
  })
  await check('several', async (t) => {
    const names = ['one', 'two', 'three', 'four']
    const all = await Promise.all(
      names.map((name) => startMachine(t, subject, machineFor(t, tinyKernel(text(`${name}\n`))))),
    )
    await Promise.all(all.map(({ says }, i) => says(`${names[i]}\n`)))
    assert.deepEqual(
      all.map(({ console }) => console().toString()),
      names.map((name) => `${name}\n`),
    )
    await all[1]!.vm.stop()
    assert.deepEqual(
      all.map(({ vm }) => isAlive(vm.pid)),
      [true, false, true, true],
    )
    await Promise.all(all.map(({ vm }) => vm.stop()))
  })
  await check('starts', async (t) => {
    const machine = machineFor(t, hello)
    const nothingLeft = countNow()
    for (let i = 0; i < times; i++) {
      const { vm, says } = await startMachine(t, subject, machine)
      await says('hello\n')
      await vm.stop()
    }
    await nothingLeft()
  })
}

/** A process that starts a machine and waits. */
const starter = `
const { chooseVmm } = await import(${JSON.stringify(path.join(root, 'src/vmm/vmms.ts'))})
const [name, accel, machine] = process.argv.slice(1)
const vm = await chooseVmm(name).start(JSON.parse(machine), { accel, output: { console() {}, errorLine() {} } })
console.log(vm.pid)
setInterval(() => {}, 1000)
`

async function within<T>(promise: Promise<T>, milliseconds: number, what: string): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(
    () => late.reject(new Error(`not within ${milliseconds} ms: ${what}`)),
    milliseconds,
  )
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}

/** Takes nothing from anybody for a while. */
function standStill(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds)
}
