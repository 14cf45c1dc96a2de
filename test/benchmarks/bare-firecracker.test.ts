import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bareFirecracker } from '../../script/benchmarks/bare/firecracker.ts'
import { startBare } from '../../script/benchmarks/bare/start.ts'
import type { BareVmm } from '../../script/benchmarks/bare/vmm.ts'
import { configuration } from '../../src/bench/peers/firecracker-config.ts'
import type { MachineSpec } from '../../src/vmm/machine.ts'
import { probeGuest } from '../../src/vmm/probe-guest.ts'

const tap = { kind: 'tap', namespace: '/proc/self/ns/net', device: 'tap0' } as const

function temporary(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

function machine(folder: string): MachineSpec {
  const kernel = path.join(folder, 'kernel')
  const disk = path.join(folder, 'disk')
  fs.writeFileSync(kernel, probeGuest())
  fs.writeFileSync(disk, 'data')
  return {
    kernel: { file: kernel, digest: 'k', protocols: ['pvh'] },
    board: 'microvm',
    commandLine: 'quiet',
    disks: [
      { file: disk, mode: 'read-only', digest: 'd' },
      { file: disk, mode: 'scratch', digest: 'd' },
    ],
    memoryMiB: 128,
    cpus: 2,
    cpuFeatures: ['-avx'],
    network: { link: 'tap', egress: false },
    errorLine: false,
    entropy: true,
  }
}

test('a bare Firecracker gets the machine in a file, and copies of disks that the guest writes to', (t) => {
  const folder = temporary(t)
  const place = path.join(folder, 'place')
  fs.mkdirSync(place)
  const spec = machine(folder)
  const vmm = bareFirecracker('/firecracker', spec, tap)
  const [file, ...args] = vmm.lay({ folder: place, console: '', port: 80, guestPort: 8080 })
  assert.deepEqual([file, ...args.slice(0, 2)], ['/firecracker', '--no-api', '--config-file'])
  const config = JSON.parse(fs.readFileSync(args[2]!, 'utf8'))
  const names = ['boot-source', 'cpu-config', 'drives', 'entropy', 'machine-config', 'network-interfaces']
  assert.deepEqual(Object.keys(config).sort(), names)
  assert.deepEqual(config['boot-source'], { kernel_image_path: spec.kernel.file, boot_args: 'quiet' })
  assert.deepEqual(config['machine-config'], { vcpu_count: 2, mem_size_mib: 128 })
  assert.equal(config['network-interfaces'][0].host_dev_name, 'tap0')
  const [first, second] = config.drives
  assert.deepEqual([first.path_on_host, first.is_read_only], [spec.disks[0]!.file, true])
  assert.deepEqual([path.dirname(second.path_on_host), second.is_read_only], [place, false])
  assert.equal(fs.readFileSync(second.path_on_host, 'utf8'), 'data')
  assert.ok(JSON.parse(fs.readFileSync(config['cpu-config'], 'utf8')).cpuid_modifiers.length > 0)
})

test('a machine without disks has an empty list of them: a file without a list is refused', () => {
  assert.deepEqual(
    configuration([{ path: '/entropy', body: {} }], () => ''),
    { drives: [], entropy: {} },
  )
})

/** In place of Firecracker: a server that answers, and prints its readiness where a guest's console would be. */
const guest = `
const server = require('node:http').createServer((request, response) => response.end('yes'))
server.listen(Number(process.env.BENCH_PORT), '127.0.0.1', () => process.stdout.write('x\\x1b_ufr;ready;8080\\x1b\\\\'))
`

test('what a VMM prints is the console, where it is its standard output', async (t) => {
  const folder = temporary(t)
  const file = path.join(folder, 'guest.cjs')
  fs.writeFileSync(file, guest)
  const vmm: BareVmm = {
    link: { kind: 'user' },
    lay: ({ port }) => ['env', `BENCH_PORT=${port}`, process.execPath, file],
  }
  const start = {
    vmm,
    guestPort: 8080,
    request: { method: 'GET', path: '/' },
    mark: '_ufr;ready;8080',
    pause: 0.01,
    folder,
  }
  const { body, milliseconds } = await startBare(start, new AbortController().signal)
  assert.equal(body, 'yes')
  assert.ok(milliseconds > 0)
})
