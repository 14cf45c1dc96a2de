import assert from 'node:assert/strict'
import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { test } from 'node:test'
import { folderOf, kernels, lacking, ufr } from './ufr.ts'

const tries = `
  import net from 'node:net'
  import dns from 'node:dns/promises'
  import os from 'node:os'
  const connect = (host, port) => new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 1500 })
    socket.on('connect', () => resolve('connected')).on('timeout', () => resolve('nothing')).on('error', (e) => resolve(e.code))
    socket.on('connect timeout error', () => socket.destroy())
  })
  export const handler = async ({ port }) => ({
    loopback: await connect('10.0.2.2', port),
    alias: await connect('10.0.2.3', 53),
    outside: await connect('192.0.2.1', 80),
    name: await Promise.race([
      dns.lookup('example.com').then(() => 'found', (error) => error.code),
      new Promise((resolve) => setTimeout(() => resolve('nothing'), 1500)),
    ]),
    cpus: os.availableParallelism(),
    memory: os.totalmem() / 2 ** 20,
  })`

for (const kernel of kernels) {
  test(`${kernel}: a guest reaches nothing of the host, and has the processors and memory it was given`, {
    skip: lacking(kernel),
  }, async (t) => {
    let connections = 0
    const server = net.createServer((socket) => {
      connections++
      socket.destroy()
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    const config = {
      name: 'curious',
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      cpus: 2,
      memory: 400,
      timeout: 60,
    }
    const folder = folderOf(t, { 'index.mjs': tries, 'ufr.json': JSON.stringify(config) })
    const event = JSON.stringify({ port })
    const args = ['run', folder, '--unikernel', kernel, '--accel', 'tcg', '--event', event]
    const { status, stdout, stderr } = await ufr(t, args)
    assert.equal(status, 0, stderr)
    const { loopback, alias, outside, name, cpus, memory } = JSON.parse(stdout)
    for (const outcome of [loopback, alias, outside]) assert.notEqual(outcome, 'connected')
    assert.notEqual(name, 'found')
    assert.equal(connections, 0)
    assert.equal(cpus, 2)
    assert.ok(memory > 250 && memory <= 400, String(memory))
  })
}
