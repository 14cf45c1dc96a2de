/** A process that starts a machine and stays, for tests that kill it: arguments are Firecracker, jailer, machine. */
import { startMachine } from '../../../src/vmm/firecracker/firecracker.ts'
import type { MachineSpec } from '../../../src/vmm/machine.ts'

const [firecracker, jailer, machine] = process.argv.slice(2) as [string, string, string]
const binary = { file: firecracker, ...(jailer !== '' && { jailer }) }
const spec = JSON.parse(machine) as MachineSpec
const output = { console() {}, errorLine() {} }
const vm = await startMachine(binary, spec, { accel: 'kvm', output })
console.log(`running ${vm.pid}`)
