import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { UfrError } from '../../../../src/base/errors.ts'
import type { BootProtocol } from '../../../../src/vmm/machine.ts'
import { folderOf } from '../../ufr.ts'
import type { VmmCase } from '../cases.ts'
import type { Check } from '../check.ts'
import type { VmmSubject } from '../subjects.ts'
import { noise } from '../vehicle.ts'
import { print, printCommandLine, tinyKernel } from './guest.ts'
import { bareMachine, machineFor, refusal, startMachine } from './machine.ts'

const hello = tinyKernel(print(Buffer.from('hello\n')))

/** What a VMM does with kernels and their command lines. */
export async function kernels(subject: VmmSubject, check: Check<VmmCase>): Promise<void> {
  const vmm = subject.vmm!
  await check('version', () => assert.match(vmm.version(), /^\d+\.\d+/))
  await check('accel', async () => {
    const { accel, reason } = await vmm.chooseAccel('auto').catch(unlessKvm)
    assert.match(reason, /\w+ \w+/)
    if (accel === 'kvm') assert.equal((await vmm.chooseAccel('kvm')).accel, 'kvm')
    else await assert.rejects(vmm.chooseAccel('kvm'), { code: 'UFR-KVM' })
  })
  for (const protocol of ['pvh', 'linux'] as const) {
    await check(protocol, async (t) => {
      const machine = machineFor(t, hello)
      machine.kernel.protocols = [protocol]
      const { says, vm } = await startMachine(t, subject, machine)
      await says('hello\n')
      await vm.stop()
    })
  }
  await check('command-line', async (t) => {
    const traits = vmm.traits(subject.accel)
    const protocol: BootProtocol = traits.protocols.includes('pvh') ? 'pvh' : 'linux'
    const kernel = tinyKernel(printCommandLine(protocol), print(Buffer.from('\nend')))
    const words = `a=1,2 'b c' "d" \\e %s $f =`
    const rest = `-- ${'x'.repeat(1000)} ünï`
    const commandLine = `${words} ${rest}`
    const machine = machineFor(t, kernel, { commandLine })
    machine.kernel.protocols = [protocol]
    const { says, console, vm } = await startMachine(t, subject, machine)
    await says('\nend')
    const line = console().toString().slice(0, -'\nend'.length)
    if (traits.extendsCommandLine) {
      // Words of its own come before the dashes, behind which a kernel's first program has its arguments.
      assert.ok(line.startsWith(words) && line.includes(` ${rest}`), line)
    } else assert.equal(line, commandLine)
    await vm.stop()
  })
  await check('protocol', async (t) => {
    const { protocols } = vmm.traits(subject.accel)
    const all: BootProtocol[] = ['pvh', 'linux', 'multiboot']
    const machine = machineFor(t, hello)
    machine.kernel.protocols = all.filter((each) => !protocols.includes(each))
    const { code, message } = await refusal(t, subject, machine)
    assert.equal(code, 'UFR-VMM-KERNEL')
    assert.ok(message.includes(machine.kernel.file), message)
  })
  await check('no-kernel', async (t) => {
    const { code } = await refusal(t, subject, machineFor(t, noise(8192)))
    assert.match(code, /^UFR-VMM-(START|KERNEL)$/)
  })
  await check('wrong-architecture', async (t) => {
    const other = Buffer.from(hello)
    other.writeUInt16LE(183, 18) // EM_AARCH64
    const { code } = await refusal(t, subject, machineFor(t, other))
    assert.match(code, /^UFR-VMM-(START|KERNEL)$/)
  })
  await check('no-file', async (t) => {
    const machine = machineFor(t, hello)
    const gone = path.join(path.dirname(machine.kernel.file), 'gone')
    const kernel = await refusal(t, subject, bareMachine(gone, ''))
    assert.ok(wordsOf(kernel).includes(gone), wordsOf(kernel))
    const disk = { file: gone, digest: '', mode: 'read-only' as const }
    const missing = await refusal(t, subject, { ...machine, disks: [disk] })
    assert.ok(wordsOf(missing).includes(gone), wordsOf(missing))
  })
  await check('names', async (t) => {
    const name = `a, b 'c' "d" $e =ü/kernel, or not`
    const folder = folderOf(t, { [name]: hello, 'disk, one': Buffer.alloc(1 << 20) })
    fs.chmodSync(path.join(folder, 'disk, one'), 0o444)
    const disk = { file: path.join(folder, 'disk, one'), digest: '', mode: 'read-only' as const }
    const machine = { ...bareMachine(path.join(folder, name), ''), disks: [disk] }
    const { says, vm } = await startMachine(t, subject, machine)
    await says('hello\n')
    await vm.stop()
  })
}

function wordsOf({ message, detail }: { message: string; detail: string[] }): string {
  return [message, ...detail].join('\n')
}

/** A VMM that needs KVM has nothing else to choose. */
function unlessKvm(error: unknown): { accel: 'tcg'; reason: string } {
  if (error instanceof UfrError && error.code === 'UFR-KVM') return { accel: 'tcg', reason: error.message }
  throw error
}
