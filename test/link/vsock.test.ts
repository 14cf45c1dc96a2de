import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import { mostCalls } from '../../src/link/link.ts'
import { guestRelay } from '../../src/link/relay/file.ts'
import { openVsock } from '../../src/link/vsock.ts'
import { callPort } from '../../src/vmm/machine.ts'
import type { Vm } from '../../src/vmm/vmm.ts'
import { until } from '../live/ufr.ts'

const limit = { timeout: 30_000 }

test('a vsock link is a socket in a folder of its owner only, and both go with it', limit, async (t) => {
  const link = await openVsock()
  t.after(() => link.close())
  const socket = link.end.kind === 'vsock' ? link.end.socket : ''
  const folder = path.dirname(socket)
  assert.equal(fs.statSync(folder).mode & 0o777, 0o700)
  assert.ok(Buffer.byteLength(socket) <= 107, socket)
  const address = await link.reach(undefined as unknown as Vm, 8080)
  assert.deepEqual(address, { socket, port: 8080, through: 'vsock' })
  // What a VMM leaves there.
  fs.writeFileSync(socket, '')
  await link.close()
  await link.close()
  assert.ok(!fs.existsSync(folder))
})

test('the folder goes also with a process that is killed', limit, async (t) => {
  const module = new URL('../../src/link/vsock.ts', import.meta.url).href
  const source = `
    const { openVsock } = await import('${module}')
    console.log((await openVsock()).end.socket)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const [text] = await once(child.stdout, 'data')
  const folder = path.dirname(String(text).trim())
  assert.ok(fs.existsSync(folder))
  child.kill('SIGKILL')
  await until(() => !fs.existsSync(folder), 'the end of the folder', 5000)
})

test('calls of a guest come by a socket beside it, so many at a time', limit, async (t) => {
  const open = new Set<Duplex>()
  const link = await openVsock((call) => void open.add(call.on('error', () => {})))
  t.after(() => link.close())
  const socket = link.end.kind === 'vsock' ? link.end.socket : ''
  const calls = Array.from({ length: mostCalls + 10 }, () => net.connect(`${socket}_${callPort}`))
  let refused = 0
  for (const call of calls) call.on('error', () => {}).on('close', () => refused++)
  t.after(() => {
    for (const call of calls) call.destroy()
  })
  await until(() => refused === 10 && open.size === mostCalls, 'the end of those that are too many', 5000)
  await link.close()
  await until(() => refused === calls.length, 'the end of all', 5000)
})

test('a guest that does not call finds nobody there', async (t) => {
  const link = await openVsock()
  t.after(() => link.close())
  const socket = link.end.kind === 'vsock' ? link.end.socket : ''
  assert.deepEqual(fs.readdirSync(path.dirname(socket)), [])
})

test('the relay in the guest is small, and always the same', () => {
  assert.ok(guestRelay().length < 2048)
  assert.ok(guestRelay().equals(guestRelay()))
})
