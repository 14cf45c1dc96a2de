import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { makeSocketFolder } from '../../src/link/socket-folder.ts'
import { tapRights } from '../../src/link/tap/rights.ts'
import { callPort, guestNetwork } from '../../src/vmm/machine.ts'
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

/** A program that asks for an event, says so, and works on it for ever. */
const busy = `
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  char text[4096];
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(${callPort})};
  inet_pton(AF_INET, "${guestNetwork.gateway}", &to.sin_addr);
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 9;
  dprintf(fd, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n");
  if (read(fd, text, sizeof text) > 0) puts("took an event");
  fflush(stdout);
  for (;;) pause();
}`

for (const [kernel, link] of [
  ['linux', 'user'],
  ['linux', 'tap'],
  ['nanos', 'user'],
] as const) {
  const skip = (link === 'tap' && noTap) || lacking(kernel) || (findCommand('gcc') ? false : 'no gcc')

  test(`${kernel} over ${link}: ufr is killed while its guest has an event: nothing is left`, {
    skip,
  }, async (t) => {
    const config = '{ "runtime": "provided.al2023", "memory": 128, "timeout": 60 }'
    const folder = folderOf(t, { 'main.c': busy, 'ufr.json': config })
    const on = ['--unikernel', kernel, '--vmm', 'qemu', '--accel', 'tcg', '--link', link]
    const built = await ufr(t, ['build', folder, '--unikernel', kernel])
    assert.equal(built.status, 0, built.stderr)
    // What all own folders are in is kept.
    await makeSocketFolder().remove()
    const check = countNow()
    const child = startUfr(t, ['run', folder, ...on])
    let said = ''
    for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (said += chunk))
    await until(() => said.includes('took an event'), 'an event in the guest')
    const [guest] = qemuProcesses(child.pid)
    child.kill('SIGKILL')
    await until(() => !isAlive(guest!), 'the end of the guest', 2000)
    child.stdin?.destroy()
    child.stdout?.destroy()
    child.stderr?.destroy()
    await check()
  })
}

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
