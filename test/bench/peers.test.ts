import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { handFirecracker } from '../../src/bench/peers/firecracker.ts'
import { environmentIn } from '../../src/bench/peers/ops.ts'
import { argumentsOf } from '../../src/bench/peers/osv.ts'
import type { PeerTarget } from '../../src/bench/peers/peer.ts'
import { peers } from '../../src/bench/peers/peers.ts'
import { freePort, isFree } from '../../src/bench/peers/ports.ts'
import { untilAnswer } from '../../src/bench/peers/tool.ts'
import type { MachineSpec } from '../../src/vmm/machine.ts'
import { probeGuest } from '../../src/vmm/probe-guest.ts'
import type { Vmm } from '../../src/vmm/vmm.ts'

test('run.py gets the same machine, with the addresses of its own network', () => {
  const line = '--nopci --ip=eth0,10.0.2.15,255.255.255.0 --defaultgw=10.0.2.2 --nameserver=10.0.2.3 /node x'
  const machine = { kernel: { file: '/k.elf' }, commandLine: line, disks: [] }
  const target = { machine, accel: 'tcg', prepared: { spec: { memoryMiB: 512, cpus: 1 } } }
  const args = argumentsOf(target as unknown as PeerTarget, ['/a', '/b'], { port: 4711, guestPort: 8080 })
  assert.equal(
    args.join(' '),
    '-k --kernel-path /k.elf -i /a --second-disk-image /b -p qemu -m 512M -c 1 --novnc --nogdb ' +
      '--forward tcp:127.0.0.1:4711-:8080 ' +
      '-e --ip=eth0,192.168.122.15,255.255.255.0 --defaultgw=192.168.122.1 --nameserver=192.168.122.3 /node x',
  )
})

test('ops sees no home but the one made for it, and no network', () => {
  const env = environmentIn('/somewhere')
  assert.deepEqual([env['HOME'], env['OPS_HOME']], ['/somewhere', '/somewhere'])
  assert.match(env['HTTPS_PROXY']!, /^http:\/\/127\.0\.0\.1:1$/)
})

test('a peer is only tried for what it starts, and only for functions that somebody else can ask', () => {
  const target = (unikernel: string, vmm: string, callsRuntimeApi = false, shape = 'handler') =>
    ({
      prepared: { unikernel: { name: unikernel }, spec: { shape }, program: { callsRuntimeApi } },
      vmm: { name: vmm },
    }) as unknown as PeerTarget
  const keys = (...given: Parameters<typeof target>) =>
    peers.filter((peer) => peer.starts(target(...given))).map(({ key }) => key)
  assert.deepEqual(keys('nanos', 'qemu'), ['qemu', 'ops'])
  assert.deepEqual(keys('osv', 'qemu'), ['qemu', 'osv'])
  assert.deepEqual(keys('linux', 'firecracker'), ['firecracker'])
  for (const peer of peers) {
    assert.equal(peer.unfit(target('osv', 'qemu')), undefined)
    assert.match(peer.unfit(target('osv', 'qemu', true))!, /asks ufr for its events/)
    assert.match(peer.unfit(target('osv', 'qemu', false, 'program'))!, /asked for nothing/)
  }
})

function scratch(t: TestContext, script: string): { cwd: string; args: string[] } {
  const cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-peer-'))
  t.after(() => fs.rmSync(cwd, { recursive: true, force: true }))
  const file = path.join(cwd, 'tool.cjs')
  fs.writeFileSync(file, script)
  return { cwd, args: [file] }
}

/** In place of a tool: a child of it accepts connections and drops the first ones, as a guest that is not up yet. */
const slowTool = `
if (process.argv[2] !== 'guest') {
  require('node:child_process').spawn(process.execPath, [__filename, 'guest'], { stdio: 'inherit' })
  setInterval(() => {}, 1000)
} else {
  let asked = 0
  require('node:net').createServer((socket) => {
    if (asked++ < 2) return socket.destroy()
    socket.end('HTTP/1.1 200 OK\\r\\ncontent-length: 2\\r\\n\\r\\nok')
  }).listen(Number(process.env.PEER_PORT), '127.0.0.1')
}`

const what = { method: 'GET', path: '/' }
const never = new AbortController().signal

test('a tool is asked until its guest answers, and then ended with all that it started', async (t) => {
  const port = await freePort()
  const env = { ...process.env, PEER_PORT: String(port) }
  const start = { command: process.execPath, ...scratch(t, slowTool), env, port, what, accel: 'kvm' as const }
  const { vmm, entry, ready, response } = await untilAnswer(start, never)
  assert.deepEqual([vmm, entry, ready], [0, null, null])
  assert.ok(response! > 0)
  assert.ok(await isFree(port))
})

test('a tool that ends before its guest has answered is an error with its last words', async (t) => {
  const script = `console.error('no such image'); process.exit(3)`
  const port = await freePort()
  const start = {
    command: process.execPath,
    ...scratch(t, script),
    env: process.env,
    port,
    what,
    accel: 'kvm' as const,
  }
  await assert.rejects(untilAnswer(start, never), (error: Error & { detail: string[] }) => {
    assert.match(error.message, /ended with status 3 before its guest answered/)
    assert.deepEqual(error.detail, ['no such image'])
    return true
  })
})

test('an interruption ends the tool', async (t) => {
  const port = await freePort()
  const env = { ...process.env, PEER_PORT: '1' }
  const start = { command: process.execPath, ...scratch(t, slowTool), env, port, what, accel: 'kvm' as const }
  const controller = new AbortController()
  const reason = new Error('interrupted')
  setTimeout(() => controller.abort(reason), 200)
  await assert.rejects(untilAnswer(start, controller.signal), reason)
})

test('a Firecracker by hand gets its machine in a file, prints on its console, and leaves nothing', async (t) => {
  const { cwd } = scratch(t, '')
  const kernel = path.join(cwd, 'kernel')
  fs.writeFileSync(kernel, probeGuest())
  const fake = path.join(cwd, 'firecracker')
  fs.writeFileSync(fake, '#!/bin/sh\necho "$@"\npwd\nexec sleep 60\n', { mode: 0o755 })
  const spec: MachineSpec = {
    kernel: { file: kernel, digest: 'k', protocols: ['pvh'] },
    board: 'microvm',
    commandLine: 'quiet',
    disks: [],
    memoryMiB: 128,
    cpus: 1,
    network: { link: 'vsock', egress: false },
    errorLine: false,
    entropy: false,
  }
  const heard = Promise.withResolvers<string>()
  let text = ''
  const output = {
    console(chunk: Buffer) {
      text += chunk
      if (text.split('\n').length === 3) heard.resolve(text)
    },
    errorLine() {},
  }
  const link = { kind: 'vsock', socket: path.join(cwd, 'vsock') } as const
  const vm = await handFirecracker(fake, {} as Vmm).start(spec, { accel: 'kvm', output, link })
  const [args, folder] = (await heard.promise).split('\n') as [string, string]
  const [api, , config] = args.split(' ') as [string, string, string]
  assert.equal(api, '--no-api')
  assert.equal(JSON.parse(fs.readFileSync(config, 'utf8'))['machine-config'].mem_size_mib, 128)
  await vm.stop()
  assert.equal((await vm.exit).signal, 'SIGKILL')
  assert.equal(fs.existsSync(folder), false)
})
