import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { tapRights } from '../../src/link/tap/rights.ts'
import { countNow } from './census.ts'
import { openOutside, outside } from './outside.ts'
import { penned } from './pen.ts'
import { folderOf, isAlive, lacking, qemuProcesses, startUfr, ufr, until } from './ufr.ts'

const noTap =
  !penned || tapRights().how !== 'capable'
    ? 'no network of our own can be had'
    : !findCommand('nft', `${process.env['PATH']}:/usr/sbin:/sbin`)
      ? 'no nft'
      : false

let closeOutside: (() => Promise<void>) | undefined
before(async () => {
  if (!noTap) closeOutside = await openOutside()
})
after(() => closeOutside?.())

const [host, port] = outside.web.split(':')
const source = `
  import net from 'node:net'
  import dns from 'node:dns/promises'
  const connect = (host, port) => new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: 3000 })
    let heard = ''
    socket.on('connect', () => socket.write('hello')).on('data', (chunk) => (heard += chunk))
    socket.on('end', () => resolve(heard)).on('error', (error) => resolve(error.code))
    socket.on('timeout', () => { resolve('nothing'); socket.destroy() })
  })
  export const handler = async () => ({
    outside: await connect('${host}', ${port}),
    name: await dns.lookup('${outside.name}').then(({ address }) => address, (error) => error.code),
    metadata: await connect('169.254.169.254', 80),
  })`
const config = { name: 'curious', runtime: 'nodejs24.x', handler: 'index.handler', memory: 400, timeout: 60 }
const args = (folder: string, kernel: string) => [
  ...['run', folder, '--unikernel', kernel, '--vmm', 'qemu', '--accel', 'tcg', '--link', 'tap'],
]

for (const kernel of ['linux', 'nanos'] as const) {
  const skip = noTap || lacking(kernel)

  test(`${kernel} over tap reaches the outside where it may, and only there`, { skip }, async (t) => {
    for (const network of ['none', 'egress']) {
      const text = JSON.stringify({ ...config, network })
      const folder = folderOf(t, { 'index.mjs': source, 'ufr.json': text })
      const check = countNow()
      const { status, stdout, stderr } = await ufr(t, args(folder, kernel))
      assert.equal(status, 0, stderr)
      const found = JSON.parse(stdout)
      assert.match(found.metadata, /^(E[A-Z]+|nothing)$/)
      if (network === 'egress') {
        assert.deepEqual([found.outside, found.name], ['192.0.2.1', outside.address])
      } else assert.match(`${found.outside} ${found.name}`, /^(E[A-Z]+|nothing) (E[A-Z_]+|nothing)$/)
      await check()
    }
  })

  test(`${kernel} over tap leaves nothing behind where ufr is killed`, { skip }, async (t) => {
    const waiting = {
      'index.mjs': 'export const handler = () => new Promise(() => setTimeout(() => {}, 1e6))',
    }
    const folder = folderOf(t, { ...waiting, 'ufr.json': JSON.stringify({ ...config, network: 'egress' }) })
    // What is kept of the host and of images is there by now.
    const check = countNow()
    const child = startUfr(t, args(folder, kernel))
    await until(() => qemuProcesses(child.pid).length === 1, 'a guest')
    const [guest] = qemuProcesses(child.pid)
    child.kill('SIGKILL')
    await until(() => !isAlive(guest!), 'the end of the guest', 2000)
    child.stdin?.destroy()
    child.stdout?.destroy()
    child.stderr?.destroy()
    await check()
  })
}
