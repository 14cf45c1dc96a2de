import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { after, before, type TestContext, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { findCommand } from '../../src/base/process.ts'
import { dial } from '../../src/link/dial.ts'
import { type Link, mostCalls } from '../../src/link/link.ts'
import { tapRights } from '../../src/link/tap/rights.ts'
import { openTap } from '../../src/link/tap/tap.ts'
import { callPort, guestNetwork } from '../../src/vmm/machine.ts'
import { spawnTied } from '../../src/vmm/tied.ts'
import type { LinkEnd } from '../../src/vmm/vmm.ts'
import { countNow } from '../live/census.ts'
import { openOutside, outside } from '../live/outside.ts'
import { penned } from '../live/pen.ts'
import { guestBehind, openGuest, openStranger } from './guest.ts'

const lacking = !penned
  ? 'no network namespace of our own can be had'
  : tapRights().how !== 'capable'
    ? 'CAP_NET_ADMIN and CAP_SYS_ADMIN are lacking'
    : !findCommand('nft', `${process.env['PATH']}:/usr/sbin:/sbin`)
      ? 'no nft'
      : false
const limit = { timeout: 60_000, skip: lacking }
const soon = () => AbortSignal.timeout(10_000)
const forward = '/proc/sys/net/ipv4/ip_forward'
const sh = (script: string) => execFileSync('sh', ['-c', script], { encoding: 'utf8', timeout: 20_000 })
const rules = () => sh('nft list ruleset')

let closeOutside: (() => Promise<void>) | undefined
before(async () => {
  if (lacking) return
  fs.writeFileSync(forward, '0')
  closeOutside = await openOutside()
})
after(() => closeOutside?.())

/** A server of the host's on every address. @returns how often it was reached. */
async function hostServer(t: TestContext): Promise<{ port: number; reached: () => number }> {
  let reached = 0
  const open = new Set<net.Socket>()
  const server = net.createServer((socket) => {
    reached++
    open.add(socket)
    socket.on('error', () => {}).end('the host')
  })
  server.listen(0, '0.0.0.0')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  return { port: (server.address() as net.AddressInfo).port, reached: () => reached }
}

async function answer(guest: Awaited<ReturnType<typeof openGuest>>): Promise<string> {
  const stream = await dial(await guest.reach(8080), soon())
  let text = ''
  for await (const chunk of stream.end('hello')) text += chunk
  return text
}

for (const egress of [false, true]) {
  const kind = egress ? 'with egress' : 'without egress'

  test(`${kind}, the host reaches the guest, which sees the same peer as on every link`, limit, async (t) => {
    const guest = await openGuest(t, egress)
    assert.equal(await answer(guest), '10.0.2.2')
    await assert.rejects(dial(await guest.reach(8081), soon()), { code: 'ECONNREFUSED' })
    const many = await Promise.all(Array.from({ length: 100 }, () => answer(guest)))
    assert.deepEqual([...new Set(many)], ['10.0.2.2'])
  })

  test(
    `${kind}, a guest reaches neither the host nor its own namespace nor another guest`,
    limit,
    async (t) => {
      const host = await hostServer(t)
      const guest = await openGuest(t, egress)
      const other = await openGuest(t, true)
      const { host: near, guest: far } = other.uplink()
      const own = egress ? [guest.uplink().host, guest.uplink().guest] : []
      const targets = ['10.0.2.2', '10.0.2.3', '127.0.0.2', '192.0.2.1', near, far, ...own]
      const found = await guest.tries(`
      const targets = ${JSON.stringify(targets)}.flatMap((host) => [[host, ${host.port}], [host, 8080], [host, 53]])
      print(await Promise.all(targets.map(async ([host, port]) => [host, port, await connect(host, port)])))`)
      for (const [address, port, outcome] of found as [string, number, string][]) {
        const isItself = address === '127.0.0.2' && port === 8080
        assert.match(outcome, isItself ? /127/ : /^(E[A-Z]+|nothing)$/, `${address} ${port}`)
      }
      assert.equal(host.reached(), 0)
    },
  )

  test(`${kind}, a guest is told at once of what it may not reach`, limit, async (t) => {
    const guest = await openGuest(t, egress)
    // Few: the kernel answers a peer only so often in this way.
    const targets = ['10.0.2.2', '10.0.2.3', '169.254.169.254', '192.0.2.1']
    const found = await guest.tries(`
      const started = performance.now()
      const outcomes = await Promise.all(${JSON.stringify(targets)}.map((host) => connect(host, 80)))
      print([outcomes, performance.now() - started])`)
    const [outcomes, took] = found as [string[], number]
    for (const outcome of outcomes) assert.match(outcome, /^E/)
    assert.ok(took < 1000, `${took} ms`)
  })
}

test('without egress, a guest reaches nothing of the outside, and resolves no name', limit, async (t) => {
  const guest = await openGuest(t, false)
  const found = await guest.tries(`
    const resolver = new dns.promises.Resolver({ timeout: 2000, tries: 1 })
    resolver.setServers(['10.0.2.3'])
    print([await connect('192.0.2.2', 80), await resolver.resolve4('${outside.name}').catch((error) => error.code)])`)
  assert.match(JSON.stringify(found), /^\["E[A-Z]+","E[A-Z]+"\]$/)
  const { end } = guest.link
  const inside = sh(`nsenter --net=${end.kind === 'tap' ? end.namespace : ''} ip -brief link`)
  assert.deepEqual(
    inside
      .trim()
      .split('\n')
      .map((line) => line.split(/[ @]/)[0])
      .sort(),
    ['lo', 'tap0'],
  )
  assert.equal(rules(), '')
})

test(
  'with egress, a guest reaches the outside under the address of the host, and resolves names',
  limit,
  async (t) => {
    const notes: string[] = []
    const guest = await openGuest(t, true, { notes })
    const found = await guest.tries(`
    const resolver = new dns.promises.Resolver({ timeout: 5000, tries: 1 })
    resolver.setServers(['10.0.2.3'])
    print([await connect('192.0.2.2', 80), await resolver.resolve4('${outside.name}')])`)
    assert.deepEqual(found, ['192.0.2.1', [outside.address]])
    const udp = await guest.tries(`
    print(await new Promise((resolve) => dns.setServers(['10.0.2.3']) ?? dns.resolve4('nobody.test', (error) => resolve(error.code))))`)
    assert.equal(udp, 'ENOTFOUND')
    assert.equal(fs.readFileSync(forward, 'latin1').trim(), '1')
  },
)

test('what is never reached is out of reach even where the host reaches it', limit, async (t) => {
  const places = ['169.254.169.254', '168.63.129.16', '100.100.100.200']
  const stranger = await openStranger(t, ...places)
  const guest = await openGuest(t, true)
  for (const host of [stranger.address, ...places]) await dial({ host, port: 8080 }, soon()).then(destroy)
  const found = await guest.tries(`
    const all = ${JSON.stringify([stranger.address, ...places])}
    print(await Promise.all(all.map((host) => connect(host, 8080))))`)
  const [free, ...refused] = found as string[]
  assert.equal(free, '203.0.113.1')
  for (const outcome of refused) assert.match(outcome, /^E/)
})

const destroy = (stream: { destroy(): unknown }) => void stream.destroy()

test('from outside nobody gets in, and no guest may lend itself an address', limit, async (t) => {
  const stranger = await openStranger(t)
  const guest = await openGuest(t, true)
  const uplink = guest.uplink()
  // The host itself has no way in but the relay.
  const direct = dial({ host: uplink.guest, port: 8080 }, AbortSignal.timeout(1000))
  assert.equal(await direct.then(destroy).catch(() => 'refused'), 'refused')
  const found = await stranger.tries(`
    print(await Promise.all(['${uplink.guest}', '10.0.2.15'].map((host) => connect(host, 8080))))`)
  for (const outcome of found as string[]) assert.match(outcome, /^(E|nothing)/)
  guest.shell('ip address add 10.0.2.77/24 dev eth0')
  const lent = await guest.tries(`
    print(await connect('${stranger.address}', 8080, '', { localAddress: '10.0.2.77' }))`)
  assert.equal(lent, 'nothing')
})

test(
  'the tables of others stay as they are, and ours cannot be flushed while it is needed',
  limit,
  async (t) => {
    sh('nft add table ip others && nft add chain ip others c')
    t.after(() => sh('nft delete table ip others || true'))
    const alone = rules()
    const guest = await openGuest(t, true)
    assert.match(rules(), /table ip ufr_[0-9a-f]{12}/)
    sh('nft flush ruleset')
    assert.doesNotMatch(rules(), /others/)
    const host = await hostServer(t)
    const found = await guest.tries(
      `print([await connect('192.0.2.2', 80), await connect('192.0.2.1', ${host.port})])`,
    )
    assert.equal((found as string[])[0], '192.0.2.1')
    assert.equal(host.reached(), 0)
    sh('nft add table ip others && nft add chain ip others c')
    await guest.link.close()
    assert.equal(rules(), alone)
  },
)

test('two guests with egress share the rules of the host, until the last is gone', limit, async (t) => {
  const guests = await Promise.all([openGuest(t, true), openGuest(t, true), openGuest(t, true)])
  const uplinks = new Set(guests.map((guest) => guest.uplink().host))
  assert.equal(uplinks.size, 3)
  assert.equal(sh('nft list tables').trim().split('\n').length, 1)
  await guests[0]!.link.close()
  await guests[1]!.link.close()
  assert.equal(await guests[2]!.tries(`print(await connect('192.0.2.2', 80))`), '192.0.2.1')
  await guests[2]!.link.close()
  assert.equal(rules(), '')
})

for (const egress of [false, true]) {
  const kind = egress ? 'with egress' : 'without egress'

  test(
    `${kind}, a guest that calls reaches its own ufr, by one port of one address only`,
    limit,
    async (t) => {
      const host = await hostServer(t)
      const named = (name: string) => (call: Duplex) => void call.end(name)
      const guest = await openGuest(t, egress, { answer: named('one') })
      const other = await openGuest(t, egress, { answer: named('two') })
      const silent = await openGuest(t, egress)
      const { gateway } = guestNetwork
      const calls = `print(await connect('${gateway}', ${callPort}))`
      assert.deepEqual(await Promise.all([guest.tries(calls), other.tries(calls)]), ['one', 'two'])
      assert.match(String(await silent.tries(calls)), /^E/)
      const far = egress ? [other.uplink().host, other.uplink().guest] : []
      const found = await guest.tries(`
      const all = ${JSON.stringify(['10.0.2.3', '192.0.2.1', ...far])}.map((host) => [host, ${callPort}])
      all.push(...[${host.port}, 22, 53, 8080].map((port) => ['${gateway}', port]))
      print(await Promise.all(all.map(([host, port]) => connect(host, port))))`)
      for (const outcome of found as string[]) assert.match(outcome, /^(E[A-Z]+|nothing)$/)
      assert.equal(host.reached(), 0)
    },
  )
}

test(
  'a guest that opens connections without end costs the host no more than a few processes',
  limit,
  async (t) => {
    const calls = new Set<Duplex>()
    const guest = await openGuest(t, false, {
      answer: (call) => void calls.add(call.on('close', () => calls.delete(call)).resume()),
    })
    const before = processes()
    const flood = `const all = await Promise.all(Array.from({ length: 400 }, () => new Promise((resolve) => {
    const socket = net.connect(${callPort}, '${guestNetwork.gateway}', () => resolve(socket)).on('error', resolve)
  })))
  await new Promise((resolve) => setTimeout(resolve, 500))`
    const most = sampled(() => [processes() - before, calls.size])
    await guest.tries(`${flood}\nprint(all.length)\nprocess.exit()`)
    const [spawned, open] = most()
    assert.ok(open! >= mostCalls / 2 && open! <= mostCalls, `${open} connections`)
    assert.ok(spawned! <= 2 * mostCalls + 20, `${spawned} processes`)
    // Those that are over make room.
    await guest.tries(`print(await new Promise((resolve) =>
    net.connect(${callPort}, '${guestNetwork.gateway}', () => resolve(1)))); process.exit()`)
    await guest.link.close()
  },
)

test('all that was made for a link goes with it', limit, async () => {
  const check = countNow()
  for (const [egress, calls] of [[false], [true], [false, true], [true, true], [true]]) {
    const link = await openTap(egress!, undefined, calls ? () => {} : undefined)
    await link.close()
    await link.close()
  }
  await check()
  assert.equal(rules(), '')
})

function processes(): number {
  return fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length
}

/** Looks again and again. @returns what gives the largest of each figure. */
function sampled(look: () => number[]): () => number[] {
  let largest = look()
  const timer = setInterval(() => {
    largest = look().map((value, i) => Math.max(value, largest[i]!))
  }, 20)
  return () => {
    clearInterval(timer)
    return largest
  }
}

/** Runs a process that makes links for ever, and kills it after a while. */
async function killed(egress: boolean, afterMs: number): Promise<void> {
  const tap = new URL('../../src/link/tap/tap.ts', import.meta.url).href
  const source = `
    const { openTap } = await import('${tap}')
    const progress = { step() {}, amount() {}, note() {}, done() {} }
    console.log('here')
    for (;;) await (await openTap(${egress}, progress, () => {})).close()`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  await new Promise((resolve) => setTimeout(resolve, afterMs))
  child.kill('SIGKILL')
  await once(child, 'close')
}

for (const egress of [false, true]) {
  const kind = egress ? 'with egress' : 'without egress'
  test(`${kind}, nothing is left behind by a process that is killed at any step`, limit, async () => {
    const check = countNow()
    const full = process.env['UFR_FULL'] === '1'
    for (let ms = 1; ms < 60; ms += full ? 1 : 6) await killed(egress, ms)
    await check()
    assert.equal(rules(), '')
  })
}

test('addresses in use are passed over, and that none is left is said', limit, async (t) => {
  process.env['UFR_TAP_POOL'] = '198.51.100.0/30'
  t.after(() => delete process.env['UFR_TAP_POOL'])
  // Two pairs: the name of one is taken by an interface that has no address.
  sh('ip link add ufrec6336400 type veth peer name other')
  t.after(() => sh('ip link delete ufrec6336400 || true'))
  const guest = await openGuest(t, true)
  assert.deepEqual(guest.uplink(), { host: '198.51.100.2', guest: '198.51.100.3' })
  const isFull = (error: unknown) => error instanceof UfrError && error.code === 'UFR-LINK-ADDRESSES'
  const count = countNow()
  await assert.rejects(openTap(true), isFull)
  await count()
  sh('ip link delete ufrec6336400; sleep 0.2; ip route add 198.51.100.0/31 dev lo')
  await assert.rejects(openTap(true), isFull)
  // A guest without egress needs none.
  await (await openTap(false)).close()
  sh('ip route delete 198.51.100.0/31 dev lo')
  await (await openTap(true)).close()
})

test('processes at once take different addresses', limit, async (t) => {
  process.env['UFR_TAP_POOL'] = '198.51.100.0/28'
  t.after(() => delete process.env['UFR_TAP_POOL'])
  const opened = await Promise.allSettled(Array.from({ length: 8 }, () => openTap(true)))
  const links = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  t.after(() => Promise.all(links.map((link) => link.close())))
  assert.equal(links.length, 8)
  const inside = links.map(({ end }) =>
    sh(`nsenter --net=${end.kind === 'tap' ? end.namespace : ''} ip -4 -oneline address show dev up0`),
  )
  assert.equal(new Set(inside.map((text) => /inet (\S+)/.exec(text)?.[1])).size, 8)
})

test('a setting that is none is an error, and nothing is left behind', limit, async (t) => {
  const check = countNow()
  for (const [name, value] of [
    ['UFR_TAP_POOL', '198.51.100.1/24'],
    ['UFR_TAP_POOL', 'everything'],
    ['UFR_TAP_DNS', 'dns.test'],
  ] as const) {
    process.env[name] = value
    t.after(() => delete process.env[name])
    await assert.rejects(openTap(true), (error) => error instanceof UfrError && error.code === 'UFR-USAGE')
    delete process.env[name]
  }
  await check()
})

test(
  'a host that forwards is left as it is; one that does not is made to, and that is said',
  limit,
  async (t) => {
    fs.writeFileSync(forward, '0')
    const notes: string[] = []
    await openGuest(t, false, { notes })
    assert.equal(fs.readFileSync(forward, 'latin1').trim(), '0')
    await openGuest(t, true, { notes })
    await openGuest(t, true, { notes })
    assert.equal(notes.length, 1)
    assert.match(notes[0]!, /ip_forward/)
  },
)

test('where capabilities are lacking, a user namespace will do, but not for egress', limit, async (t) => {
  const tap = new URL('../../src/link/tap/tap.ts', import.meta.url).href
  const source = `
    const { openTap } = await import('${tap}')
    const link = await openTap(false)
    const refused = await openTap(true).catch((error) => error.code)
    console.log(JSON.stringify([link.end, await link.reach(undefined, 8080), refused]))
    setInterval(() => {}, 1000)`
  const check = countNow()
  const child = spawn(
    'setpriv',
    [
      ...['--bounding-set=-net_admin', '--inh-caps=-net_admin', '--'],
      ...[process.execPath, '--input-type=module', '-e', source],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.after(() => child.kill('SIGKILL'))
  const [text] = await once(child.stdout, 'data')
  const [end, address, refused] = JSON.parse(String(text))
  assert.equal(refused, 'UFR-LINK-RIGHTS')
  assert.equal(typeof end.userNamespace, 'string')
  const link: Link = { kind: 'tap', end, reach: async () => address, close: async () => {} }
  const guest = await guestBehind(t, link)
  assert.equal(await answer(guest), '10.0.2.2')
  assert.match(await inside(end, 'ip link set tap0 down || echo refused'), /refused/)
  child.kill('SIGKILL')
  await once(child, 'close')
  await guest.end()
  await check()
})

/** Runs a shell as a VMM would be run. @returns all that it said. */
async function inside(end: LinkEnd, script: string): Promise<string> {
  const child = spawnTied('sh', ['-c', `exec >&2; PATH=$PATH:/sbin:/usr/sbin; ${script}`], {
    sockets: 0,
    ...(end.kind === 'tap' && { inside: end }),
  })
  let text = ''
  child.stderr?.on('data', (chunk) => {
    text += chunk
  })
  await once(child, 'close')
  return text
}

test('a VMM can take the interface, and has no rights to change anything', limit, async (t) => {
  const link = await openTap(true)
  t.after(() => link.close())
  const script = `
    grep CapEff /proc/self/status
    ip -brief link show | sed 's/^/has /'
    ip link set tap0 down || echo refused
    nft flush ruleset || echo refused`
  const said = await inside(link.end, script)
  // What is left is reading files of others (CAP_DAC_OVERRIDE).
  assert.match(said, /^CapEff:\s+0000000000000002$/m)
  assert.deepEqual(said.match(/(?<=^has )\w+/gm), ['lo', 'up0', 'tap0'])
  assert.equal(said.match(/refused/g)?.length, 2)
})
