import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bareArguments, bareQemu } from '../../script/benchmarks/bare/qemu.ts'
import { type BareStart, requestText, startBare } from '../../script/benchmarks/bare/start.ts'
import type { MachineSpec } from '../../src/vmm/machine.ts'
import { qemuArguments } from '../../src/vmm/qemu/arguments.ts'

const machine: MachineSpec = {
  kernel: { file: '/kernel', digest: 'k', protocols: ['pvh'] },
  board: 'microvm',
  commandLine: 'quiet $1 $&',
  disks: [{ file: '/disk', mode: 'read-only', digest: 'd' }],
  memoryMiB: 128,
  cpus: 1,
  network: { link: 'user', egress: false },
  errorLine: false,
  entropy: true,
}

const user = { kind: 'user' } as const
const tap = { kind: 'tap', namespace: '/proc/1/ns/net', device: 'tap0' } as const

test('the bare line has the same arguments, but for those that only ufr needs', () => {
  const ours = qemuArguments(machine, 'tcg', user)
  const bare = bareArguments(ours, { console: '/tmp/console', port: 4711, guestPort: 8080 }, user)
  const gone = ours.filter((each) => !bare.includes(each))
  const added = bare.filter((each) => !ours.includes(each))
  assert.deepEqual(gone, [
    '-S',
    '-chardev',
    'socket,id=qmp,fd=3',
    '-mon',
    'chardev=qmp,mode=control',
    '-chardev',
    'socket,id=console,fd=4',
    'chardev:console',
    'user,id=net,restrict=on,ipv6=off',
  ])
  assert.deepEqual(added, [
    'file:/tmp/console',
    'user,id=net,hostfwd=tcp:127.0.0.1:4711-10.0.2.15:8080,restrict=on,ipv6=off',
  ])
  const kept = (args: string[]) => args.filter((each) => !gone.includes(each) && !added.includes(each))
  assert.deepEqual(kept(bare), kept(ours))
})

test('over a tap the network is as it is: nothing is forwarded', () => {
  const ours = qemuArguments({ ...machine, network: { link: 'tap', egress: false } }, 'kvm', tap)
  const bare = bareArguments(ours, { console: '/tmp/console', port: 4711, guestPort: 8080 }, tap)
  const added = bare.filter((each) => !ours.includes(each))
  assert.deepEqual(added, ['file:/tmp/console'])
  assert.ok(bare.some((each) => /^tap,.*ifname=tap0/.test(each)))
})

test('arguments that are not as expected are an error, not another comparison', () => {
  const ours = qemuArguments(machine, 'tcg', user)
  const place = { console: '/c', port: 1, guestPort: 2 }
  for (const lacking of ['-S', 'chardev=qmp,mode=control', 'chardev:console'])
    assert.throws(
      () =>
        bareArguments(
          ours.filter((each) => each !== lacking),
          place,
          user,
        ),
      /no /,
    )
})

/** In place of QEMU: a server that comes up late on the forwarded port, and says so on the console. */
const guest = `
const { 'hostfwd-port': port, console, pid } = Object.fromEntries(process.argv.slice(2).map((a) => a.split('=')))
require('node:fs').writeFileSync(pid, String(process.pid))
const server = require('node:http').createServer((request, response) => {
  request.setEncoding('utf8').on('data', (body) => response.end(request.method + request.url + body))
})
setTimeout(() => server.listen(Number(port), '127.0.0.1', () => {
  require('node:fs').appendFileSync(console, 'boot\\x1b_ufr;net\\x1b\\\\\\x1b_ufr;ready;8080\\x1b\\\\listening\\n')
}), 150)
`

function fakeStart(t: TestContext, script = guest): { start: BareStart; pid(): number } {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const pidFile = path.join(folder, 'pid')
  const qemu = path.join(folder, 'qemu')
  fs.writeFileSync(path.join(folder, 'guest.cjs'), script)
  // Takes the port and the console out of QEMU's arguments, as the real one does.
  const shell = `#!/usr/bin/env bash
all="$*"
port=\${all#*hostfwd=tcp:127.0.0.1:} console=\${all#*-serial file:}
exec '${process.execPath}' '${folder}/guest.cjs' "hostfwd-port=\${port%%-*}" "console=\${console%% *}" 'pid=${pidFile}'
`
  fs.writeFileSync(qemu, shell, { mode: 0o755 })
  const start: BareStart = {
    vmm: bareQemu(qemu, qemuArguments(machine, 'tcg', user), user),
    guestPort: 8080,
    request: { method: 'POST', path: '/x', headers: { a: 'b' }, body: Buffer.from('{"n":1}') },
    mark: undefined,
    pause: 0.01,
    folder,
  }
  return { start, pid: () => Number(fs.readFileSync(pidFile, 'utf8')) }
}

const never = new AbortController().signal

for (const mark of [undefined, '_ufr;ready;8080']) {
  test(`the bare line ${mark ? 'that is told' : 'that polls'} takes the time, the answer, and ends its VMM`, async (t) => {
    const { start, pid } = fakeStart(t)
    const { milliseconds, body } = await startBare({ ...start, mark }, never)
    assert.equal(body, 'POST/x{"n":1}')
    assert.ok(milliseconds >= 150 && milliseconds < 60_000, String(milliseconds))
    await ended(pid())
    assert.deepEqual(
      fs.readdirSync(start.folder).filter((name) => name.startsWith('bare-')),
      [],
    )
  })
}

test('a VMM that ends without an answer is an error at once', async (t) => {
  const { start } = fakeStart(t, 'process.exit(3)')
  await assert.rejects(startBare(start, never), /bare\.sh/)
})

test('an interrupted bare line takes its VMM along', async (t) => {
  const { start, pid } = fakeStart(t, guest.replace('150', '60_000'))
  const controller = new AbortController()
  const answer = startBare(start, controller.signal)
  setTimeout(() => controller.abort(new Error('interrupted')), 400)
  await assert.rejects(answer, /interrupted/)
  await ended(pid())
})

test('a request is written as it goes over the wire', () => {
  assert.equal(
    requestText({ method: 'GET', path: '/p', headers: { a: 'b' } }),
    'GET /p HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\na: b\r\ncontent-length: 0\r\n\r\n',
  )
})

/** Waits until a process is gone; the one that killed it may not have waited for it. */
async function ended(pid: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    try {
      if (/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))) return
    } catch {
      return
    }
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  assert.fail(`process ${pid} is still there`)
}
