import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { runCommand } from '../../src/base/process.ts'
import { penned } from './pen.ts'

/** A small internet of a pen's own. Addresses are those that documentation may use (RFC 5737). */
export const outside = {
  /** A web server, as `HOST:PORT`. */
  web: '192.0.2.2:80',
  /** A name that only the nameserver out there knows, and its address. */
  name: 'answer.test',
  address: '192.0.2.2',
} as const

const gateway = '192.0.2.1'
const resolvers = '/etc/resolv.conf'

/**
 * Answers TCP connections with the peer's address, and questions for names (RFC 1035) with the one name it knows: by UDP,
 * and by TCP, which some resolvers prefer.
 */
const servers = `
import dgram from 'node:dgram'
import net from 'node:net'
import process from 'node:process'
const [address, name] = process.argv.slice(1)
net.createServer((socket) => socket.on('error', () => {}).end(socket.remoteAddress)).listen(80, address)
const labels = name.split('.').map((label) => Buffer.from(String.fromCharCode(label.length) + label))
const known = Buffer.concat([...labels, Buffer.of(0)])
function answer(question) {
  const asked = question.subarray(12, question.indexOf(0, 12) + 5)
  const hit = asked.subarray(0, -4).equals(known)
  const found = hit && asked.readUInt16BE(asked.length - 4) === 1
  const head = Buffer.alloc(12)
  question.copy(head, 0, 0, 2)
  head.writeUInt16BE(hit ? 0x8180 : 0x8183, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(found ? 1 : 0, 6)
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)])
  return Buffer.concat(found ? [head, asked, record] : [head, asked])
}
net.createServer((socket) => {
  let bytes = Buffer.alloc(0)
  socket.on('error', () => {})
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length > 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
      const text = answer(bytes.subarray(2, 2 + bytes.readUInt16BE(0)))
      bytes = bytes.subarray(2 + bytes.readUInt16BE(0))
      socket.write(Buffer.concat([Buffer.of(text.length >> 8, text.length & 255), text]))
    }
  })
}).listen(53, address)
const socket = dgram.createSocket('udp4', (question, peer) => socket.send(answer(question), peer.port, peer.address))
socket.bind(53, address, () => console.log('ready'))
`

/**
 * Makes the outside of a pen: a network namespace behind a pair of interfaces, with a web server and a nameserver in it
 * that the pen's own resolv.conf names.
 * @returns what takes it all away again; undefined where there is no pen.
 */
export async function openOutside(): Promise<(() => Promise<void>) | undefined> {
  if (!penned) return undefined
  const node = [process.execPath, '--input-type=module', '-e', servers, outside.address, outside.name]
  const up = `until ip addr add ${outside.address}/24 dev out 2>/dev/null; do sleep 0.05; done; ip link set out up`
  const inside = [
    'sh',
    '-c',
    `${up}; ip link set lo up; ip route add default via ${gateway}; exec "$@"`,
    'outside',
  ]
  const child = spawn('unshare', ['--net', '--', ...inside, ...node], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await separated(child)
    const ip = (...words: string[]) => runCommand('ip', words)
    await ip('link', 'add', 'in', 'type', 'veth', 'peer', 'name', 'out', 'netns', String(child.pid))
    await ip('addr', 'add', `${gateway}/24`, 'dev', 'in')
    await ip('link', 'set', 'in', 'up')
    await ip('route', 'add', 'default', 'via', outside.address)
    await once(child.stdout!, 'data', { signal: AbortSignal.timeout(20_000) })
    await nameserver()
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

/** Waits until a process has its own network. */
async function separated(child: ChildProcess): Promise<void> {
  const ours = fs.readlinkSync('/proc/self/ns/net')
  for (;;) {
    if (fs.readlinkSync(`/proc/${child.pid}/ns/net`) !== ours) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Mounts a resolv.conf over the pen's, which nobody outside sees. */
async function nameserver(): Promise<void> {
  const file = path.join(os.tmpdir(), 'resolv.conf')
  fs.writeFileSync(file, `nameserver ${outside.address}\n`)
  const isLink = fs.lstatSync(resolvers).isSymbolicLink()
  const target = isLink ? path.resolve('/etc', fs.readlinkSync(resolvers)) : resolvers
  // A link leads into /run, of which a pen has one of its own.
  fs.mkdirSync(path.dirname(target), { recursive: true })
  if (!fs.existsSync(target)) fs.writeFileSync(target, '')
  await runCommand('mount', ['--bind', file, target])
}
