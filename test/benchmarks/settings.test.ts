import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Machine, machineText } from '../../script/benchmarks/machine.ts'
import { named, readOptions } from '../../script/benchmarks/settings.ts'

test('without words everything is measured, each thing 20 times', () => {
  assert.deepEqual(readOptions([]), {
    rounds: 20,
    only: ['start', 'build', 'write', 'link', 'cold', 'compile-cache', 'archives'],
    unikernels: [],
    vmms: [],
    installed: undefined,
    json: false,
    help: false,
  })
})

test('sections are measured in their order, kernels and VMMs that are named only', () => {
  const { only, unikernels, vmms } = readOptions(
    '--only cold --only start --unikernel nanos --vmm qemu'.split(' '),
  )
  assert.deepEqual([only, unikernels, vmms], [['start', 'cold'], ['nanos'], ['qemu']])
  const list = [{ name: 'linux' }, { name: 'nanos' }]
  const nameOf = ({ name }: { name: string }) => name
  assert.deepEqual(named(list, ['nanos'], nameOf), [{ name: 'nanos' }])
  assert.deepEqual(named(list, [], nameOf), list)
  assert.throws(() => named(list, ['osv'], nameOf), { code: 'UFR-USAGE', message: /linux, nanos/ })
})

test('wrong words are refused', () => {
  const refused = ['--pairs 2', '--pairs x', '--only cold,start', '--what', 'word']
  for (const words of refused)
    assert.throws(() => readOptions(words.split(' ')), { code: 'UFR-USAGE' }, words)
})

const machine: Machine = {
  date: '2026-11-23',
  processor: 'A',
  cores: 2,
  memoryGiB: 4,
  hostKernel: '6.1',
  emulated: false,
  fileSystem: 'ext2/ext3',
  node: 'v24',
  vmms: [{ name: 'qemu', version: '10', accel: 'kvm', reason: 'it works' }],
  missingVmms: [{ name: 'firecracker', reason: 'there is none' }],
  kernels: [],
  runtimes: [],
  loadBefore: 1,
}

test('the head says how guests ran, and never calls KVM in an emulated machine just KVM', () => {
  assert.match(machineText(machine), /^Guests +on qemu: kvm, it works$/m)
  assert.match(machineText(machine), /^Without +firecracker: there is none$/m)
  assert.match(machineText({ ...machine, emulated: true }), /^Guests .*NESTED IN EMULATION/m)
  const [vmm] = machine.vmms
  assert.match(machineText({ ...machine, vmms: [{ ...vmm!, accel: 'tcg' }] }), /^Guests .*EMULATED \(tcg\)/m)
})
