import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import type { TestContext } from 'node:test'
import { noProgress } from '../../src/base/progress.ts'
import type { Answer, Link } from '../../src/link/link.ts'
import { openTap } from '../../src/link/tap/tap.ts'
import type { Address, Vm } from '../../src/vmm/vmm.ts'

/** Stands in for a guest behind a tap link: a network namespace with the guest's address. */
export interface Guest {
  link: Link
  reach(port: number): Promise<Address>
  /** Runs a module in the guest's network. @returns what it printed, as JSON. */
  tries(source: string): Promise<unknown>
  /** Runs commands of a shell there. */
  shell(script: string): string
  /** Ends the guest. */
  end(): Promise<void>
  /** The addresses of the way to the outside: the host's and the guest's end. */
  uplink(): { host: string; guest: string }
}

const server = `
import net from 'node:net'
const server = net.createServer((socket) => socket.on('error', () => {}).end(socket.remoteAddress))
server.listen(8080, '0.0.0.0', () => console.log('ready'))
`

/** A link, and behind it a guest in which port 8080 answers with the address that it sees. */
export async function openGuest(
  t: TestContext,
  egress: boolean,
  { notes = [], answer }: { notes?: string[]; answer?: Answer } = {},
): Promise<Guest> {
  const link = await openTap(egress, { ...noProgress(), note: (text) => void notes.push(text) }, answer)
  t.after(() => link.close())
  return guestBehind(t, link)
}

/** A guest behind a link. */
export async function guestBehind(t: TestContext, link: Link): Promise<Guest> {
  const { end } = link
  if (end.kind !== 'tap') throw new Error('no tap')
  const program = inNamespace(server)
  t.after(() => program.kill('SIGKILL'))
  const ready = once(program.stdout!, 'data')
  await separated(program)
  // A pair of interfaces instead of the one that a VMM would take: for rules it is the name that counts.
  const inLink = (script: string) => shell(end.namespace, script)
  inLink(`set -e
ip link delete ${end.device}
ip link add ${end.device} type veth peer name eth0 netns ${program.pid}
ip address add 10.0.2.2/24 dev ${end.device}
ip address add 10.0.2.3/24 dev ${end.device}
ip link set ${end.device} up`)
  const own = `/proc/${program.pid}/ns/net`
  shell(
    own,
    `set -e
ip link set lo up
ip address add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2`,
  )
  await ready
  return {
    link,
    reach: (port) => link.reach(undefined as unknown as Vm, port),
    tries: (source) => tries(own, source),
    shell: (script) => shell(own, script),
    async end() {
      const gone = once(program, 'close')
      program.kill('SIGKILL')
      await gone
    },
    uplink() {
      const guest = /inet (\S+)\/31/.exec(inLink('ip -4 address show dev up0'))?.[1] ?? ''
      const host = /default via (\S+)/.exec(inLink('ip route'))?.[1] ?? ''
      return { host, guest }
    },
  }
}

/** A machine beside the host, with a server on port 8080 of all its addresses. */
export interface Stranger {
  address: string
  tries: Guest['tries']
}

/** Makes one; it goes by the host to all that it does not have itself. */
export async function openStranger(t: TestContext, ...more: string[]): Promise<Stranger> {
  const [address, gateway] = ['203.0.113.2', '203.0.113.1']
  const program = inNamespace(server)
  t.after(() => program.kill('SIGKILL'))
  const ready = once(program.stdout!, 'data')
  await separated(program)
  const own = `/proc/${program.pid}/ns/net`
  execFileSync('sh', [
    '-ec',
    `ip link add near type veth peer name far netns ${program.pid}
ip address add ${gateway}/24 dev near
ip link set near up
${more.map((each) => `ip route add ${each} via ${address} dev near onlink`).join('\n')}`,
  ])
  // The kernel takes its time with a namespace that is over.
  t.after(() => spawnSync('ip', ['link', 'delete', 'near'], { timeout: 20_000 }))
  const addresses = [`${address}/24`, ...more.map((each) => `${each}/32`)]
  shell(
    own,
    `set -e
ip link set lo up
${addresses.map((each) => `ip address add ${each} dev far`).join('\n')}
ip link set far up
ip route add default via ${gateway}`,
  )
  await ready
  return { address, tries: (source) => tries(own, source) }
}

const node = ['--input-type=module', '-e']

function inNamespace(source: string): ChildProcess {
  return spawn('unshare', ['--net', '--', process.execPath, ...node, source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function tries(namespace: string, source: string): Promise<unknown> {
  const child = spawn('nsenter', [`--net=${namespace}`, '--', process.execPath, ...node, prelude + source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return JSON.parse(text)
}

/** What a try may use: `connect` says how a connection went. */
const prelude = `
import net from 'node:net'
import dns from 'node:dns'
const print = (value) => console.log(JSON.stringify(value))
const connect = (host, port, text = '', options = {}) => new Promise((resolve) => {
  const socket = net.connect({ host, port, timeout: 1500, ...options })
  let heard = ''
  socket.on('connect', () => socket.write(text || 'hello')).on('data', (chunk) => (heard += chunk))
  socket.on('end', () => resolve(heard || 'connected')).on('timeout', () => resolve('nothing') + socket.destroy())
  socket.on('error', (error) => resolve(error.code))
})
`

function shell(namespace: string, script: string): string {
  return execFileSync('nsenter', [`--net=${namespace}`, '--', 'sh', '-c', script], {
    encoding: 'utf8',
    timeout: 20_000,
  })
}

async function separated(child: ChildProcess): Promise<void> {
  const ours = fs.readlinkSync('/proc/self/ns/net')
  while (fs.readlinkSync(`/proc/${child.pid}/ns/net`) === ours)
    await new Promise((resolve) => setTimeout(resolve, 2))
}
