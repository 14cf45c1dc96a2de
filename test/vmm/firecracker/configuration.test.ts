import assert from 'node:assert/strict'
import { test } from 'node:test'
import { machineRequests } from '../../../src/vmm/firecracker/configuration.ts'
import { cpuidModifiers } from '../../../src/vmm/firecracker/cpuid.ts'
import type { MachineSpec } from '../../../src/vmm/machine.ts'

const spec: MachineSpec = {
  kernel: { file: '/k', digest: 'k', protocols: ['linux'] },
  board: 'microvm',
  commandLine: '',
  disks: [],
  memoryMiB: 64,
  cpus: 1,
  errorLine: false,
  entropy: false,
}

test('a machine with nothing but a kernel', () => {
  assert.deepEqual(machineRequests(spec, { kernel: '/k', disks: [] }), [
    { path: '/machine-config', body: { vcpu_count: 1, mem_size_mib: 64 } },
    { path: '/boot-source', body: { kernel_image_path: '/k', boot_args: '' } },
  ])
})

test('network and vsock come behind the disks, which keep their order', () => {
  const disks = Array.from({ length: 3 }, (_, index) => ({
    file: `/${index}`,
    digest: '',
    mode: 'read-only' as const,
  }))
  const paths = { kernel: '/k', disks: ['/a', '/b', '/c'], vsock: '/v' }
  const link = { kind: 'tap', namespace: '/n', device: 'tap0' } as const
  const requests = machineRequests({ ...spec, disks, cpuFeatures: ['-avx2'] }, paths, link)
  assert.deepEqual(
    requests.map(({ path }) => path),
    [
      '/machine-config',
      '/cpu-config',
      '/boot-source',
      '/drives/disk0',
      '/drives/disk1',
      '/drives/disk2',
      '/network-interfaces/net',
      '/vsock',
    ],
  )
  assert.deepEqual(requests.at(-2)!.body, {
    iface_id: 'net',
    host_dev_name: 'tap0',
    guest_mac: '52:54:00:75:66:72',
  })
  assert.deepEqual(requests.at(-1)!.body, { guest_cid: 3, uds_path: '/v' })
})

test('features are taken away with what is nothing without them', () => {
  assert.deepEqual(cpuidModifiers(['-x2apic', '-pcid', '-xsaves']), [
    {
      leaf: '0x1',
      subleaf: '0x0',
      flags: 0,
      modifiers: [{ register: 'ecx', bitmap: `0b${'x'.repeat(10)}0xxx0${'x'.repeat(17)}` }],
    },
    {
      leaf: '0xd',
      subleaf: '0x1',
      flags: 1,
      modifiers: [{ register: 'eax', bitmap: `0b${'x'.repeat(28)}0xxx` }],
    },
  ])
  const avx = cpuidModifiers(['-avx'])
  assert.deepEqual(
    avx.map(({ leaf, modifiers }) => [leaf, modifiers.map(({ register }) => register)]),
    [
      ['0x1', ['ecx']],
      ['0x7', ['ecx', 'ebx', 'edx']],
      ['0xd', ['eax']],
    ],
  )
  for (const { modifiers } of avx) for (const { bitmap } of modifiers) assert.match(bitmap, /^0b[0x]{32}$/)
  for (const feature of ['+avx', '-nonsense', 'avx', '-toString'])
    assert.throws(() => cpuidModifiers([feature]), { code: 'UFR-MACHINE' })
})
