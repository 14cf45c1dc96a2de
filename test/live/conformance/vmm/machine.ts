import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import path from 'node:path'
import type { TestContext } from 'node:test'
import type { MachineSpec } from '../../../../src/vmm/machine.ts'
import type { Vm } from '../../../../src/vmm/vmm.ts'
import { folderOf, slowness, until } from '../../ufr.ts'
import type { VmmSubject } from '../subjects.ts'

/** A machine for a kernel that is nothing but a few instructions. */
export function machineFor(t: TestContext, kernel: Uint8Array, more: Partial<MachineSpec> = {}): MachineSpec {
  const file = path.join(folderOf(t, { kernel }), 'kernel')
  return { ...bareMachine(file, createHash('sha256').update(kernel).digest('hex')), ...more }
}

export function bareMachine(file: string, digest: string): MachineSpec {
  return {
    kernel: { file, digest, protocols: ['pvh', 'linux'] },
    board: 'microvm',
    commandLine: '',
    disks: [],
    memoryMiB: 64,
    cpus: 1,
    errorLine: false,
    entropy: false,
  }
}

export interface Started {
  vm: Vm
  console(): Buffer
  errors(): Buffer
  /** Waits until the console ends with this. */
  says(text: string): Promise<void>
}

/** Starts a machine, which is stopped at the end of the test at the latest. */
export async function startMachine(
  t: TestContext,
  { vmm, accel }: VmmSubject,
  machine: MachineSpec,
): Promise<Started> {
  const console: Buffer[] = []
  const errors: Buffer[] = []
  const output = {
    console: (chunk: Buffer) => void console.push(Buffer.from(chunk)),
    errorLine: (chunk: Buffer) => void errors.push(Buffer.from(chunk)),
  }
  const vm = await vmm!.start(machine, { accel, output })
  t.after(() => vm.stop())
  const all = () => Buffer.concat(console)
  const says = (text: string) => until(() => all().toString('latin1').endsWith(text), text, 20_000 * slowness)
  return { vm, console: all, errors: () => Buffer.concat(errors), says }
}

/** Starts what cannot be started, and gives the error. */
export async function refusal(
  t: TestContext,
  subject: VmmSubject,
  machine: MachineSpec,
): Promise<Error & { code: string; detail: string[] }> {
  let found: unknown
  await startMachine(t, subject, machine).then(
    () => assert.fail('it starts'),
    (error: unknown) => {
      found = error
    },
  )
  return found as Error & { code: string; detail: string[] }
}
