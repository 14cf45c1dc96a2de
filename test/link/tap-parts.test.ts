import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { freePairs, pool, usedRanges, usualPool } from '../../src/link/tap/pool.ts'
import { findResolver } from '../../src/link/tap/resolver.ts'
import { lackingCapabilities, mayTap, noRights, userNamespaceReason } from '../../src/link/tap/rights.ts'
import { hostRules, insideRules } from '../../src/link/tap/rules.ts'
import { namespaceScript, tapCommands, tapGroup } from '../../src/link/tap/script.ts'
import { requireTools } from '../../src/link/tap/tools.ts'
import { startWorker, WorkerError } from '../../src/link/tap/worker.ts'

const isCode = (code: string) => (error: unknown) => error instanceof UfrError && error.code === code

function status(uid: number, sets: Partial<Record<'CapEff' | 'CapBnd' | 'CapAmb', bigint>>): string {
  const line = (name: 'CapEff' | 'CapBnd' | 'CapAmb') =>
    `${name}:\t${(sets[name] ?? 0n).toString(16).padStart(16, '0')}`
  return [`Uid:\t${uid}\t${uid}\t${uid}\t${uid}`, line('CapEff'), line('CapBnd'), line('CapAmb')].join('\n')
}

test('it is what started programs would have that counts, not the user', () => {
  const all = (1n << 41n) - 1n
  const both = (1n << 12n) | (1n << 21n)
  assert.deepEqual(lackingCapabilities(status(0, { CapEff: all, CapBnd: all })), [])
  // A root of a container.
  assert.deepEqual(lackingCapabilities(status(0, { CapEff: 1n << 12n, CapBnd: all })), ['CAP_SYS_ADMIN'])
  assert.deepEqual(lackingCapabilities(status(0, { CapEff: all, CapBnd: 0n })).length, 2)
  assert.deepEqual(lackingCapabilities(status(1000, { CapEff: both, CapBnd: all, CapAmb: both })), [])
  // From the file of the program: those that it starts have none of it.
  assert.deepEqual(lackingCapabilities(status(1000, { CapEff: both, CapBnd: all })).length, 2)
  assert.deepEqual(lackingCapabilities('').length, 2)
})

test('a root without all capabilities cannot make a user namespace either', () => {
  assert.match(userNamespaceReason(status(0, {})) ?? '', /CAP_SETFCAP/)
  assert.doesNotMatch(userNamespaceReason(status(1000, {})) ?? '', /CAP_SETFCAP/)
  const mapping = { CapEff: 1n << 31n, CapBnd: 1n << 31n }
  assert.doesNotMatch(userNamespaceReason(status(0, mapping)) ?? '', /CAP_SETFCAP/)
})

test('a user namespace is enough for what leads nowhere', () => {
  assert.deepEqual([mayTap({ how: 'alone' }, false), mayTap({ how: 'alone' }, true)], [true, false])
  assert.match(noRights({ how: 'alone' }).message, /CAP_NET_ADMIN and CAP_SYS_ADMIN/)
  assert.match(noRights({ how: 'none', reason: 'of the moon' }).message, /of the moon/)
})

test('a pool is a range of addresses, and nothing else', () => {
  assert.deepEqual(pool('10.99.0.0/16'), { text: '10.99.0.0/16', first: 0x0a630000, last: 0x0a63ffff })
  assert.equal(pool('').text, '198.19.0.0/16')
  for (const wrong of [
    '10.0.0.0',
    '10.0.0.0/',
    '10.0.0.0/32',
    '10.0.0.0/7',
    '10.0.0.1/24',
    '300.0.0.0/8',
    '::/64',
  ]) {
    assert.throws(() => pool(wrong), isCode('UFR-USAGE'), wrong)
  }
})

test('pairs are the whole pool, each once, and named by their address', () => {
  const all = [...freePairs(pool('10.99.0.0/24'), [])]
  assert.equal(all.length, 128)
  assert.equal(new Set(all.map(({ name }) => name)).size, 128)
  const first = all.find(({ host }) => host === '10.99.0.0')
  assert.deepEqual(first, { name: 'ufre0a630000', host: '10.99.0.0', guest: '10.99.0.1' })
  for (const { name } of all) assert.ok(name.length <= 15)
})

test('what routes and addresses of the host take up is left out; default routes take up nothing', () => {
  const routes = [
    'Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask',
    'eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000',
    'vpn\t00000000\t0100000A\t0003\t0\t0\t0\t00000080',
    'lan\t8000630A\t00000000\t0001\t0\t0\t0\t80FFFFFF',
    'broken\tzz',
    '',
  ].join('\n')
  const taken = usedRanges(routes)
  assert.ok(taken.some(({ first }) => first === 0x7f000001))
  // Half of it is led elsewhere: 10.99.0.128/25, in the kernel's order of bytes.
  assert.equal([...freePairs(pool('10.99.0.0/24'), taken)].length, 64)
  assert.deepEqual([...freePairs(pool('10.99.0.0/24'), [{ first: 0x0a630000, last: 0x0a6300ff }])], [])
})

test('a name server on the host itself is none for guests', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-resolver-'))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  const file = (name: string, text: string) => {
    fs.writeFileSync(path.join(folder, name), text)
    return path.join(folder, name)
  }
  const stub = file('stub', 'search test\nnameserver 127.0.0.53\noptions edns0\n')
  const behind = file('behind', '# a comment\nnameserver fe80::1\nnameserver 192.0.2.53\n')
  assert.equal(findResolver('', [stub, behind]), '192.0.2.53')
  assert.equal(findResolver('', [behind]), '192.0.2.53')
  assert.equal(findResolver('', [stub, path.join(folder, 'none')]), undefined)
  assert.equal(findResolver('192.0.2.1', [behind]), '192.0.2.1')
  assert.throws(() => findResolver('one.test', []), isCode('UFR-USAGE'))
})

test('rules name what is refused, and the host’s are one line', () => {
  const rules = insideRules({ resolver: undefined, pool: '198.19.0.0/16', host: [] })
  assert.doesNotMatch(rules, /dnat to|\{ {2}\}|undefined/)
  assert.match(rules, /169\.254\.0\.0\/16/)
  assert.match(
    insideRules({ resolver: '192.0.2.53', pool: '10.99.0.0/16', host: ['192.0.2.1'] }),
    /dnat to 192\.0\.2\.53/,
  )
  assert.doesNotMatch(hostRules('ufr_0'), /\n/)
  assert.match(hostRules('ufr_0'), /^table ip ufr_0 \{ flags owner;/)
})

test('a missing tool is named with its package', () => {
  requireTools(['unshare'])
  assert.throws(
    () => requireTools(['ip', 'nft'], '/nowhere'),
    (error) => isCode('UFR-LINK-TOOL')(error) && /iproute2 nftables/.test((error as UfrError).fix),
  )
})

test('a worker is heard, and its complaints are what is thrown', { timeout: 20_000 }, async () => {
  const env = { PATH: process.env['PATH'] }
  const good = startWorker('sh', ['-c', 'read -r word; echo "heard $word"; read -r end'], env)
  good.write('this\n')
  await good.says('heard this')
  await good.stop()
  await good.stop()
  const bad = startWorker('sh', ['-c', 'echo first >&2; echo last >&2; exit 3'], env)
  await assert.rejects(
    bad.says('anything'),
    (error: WorkerError) => error.message === 'last' && error.lines.length === 2,
  )
  await assert.rejects(startWorker('sh', ['-c', 'exit 1'], env).done(), WorkerError)
  await startWorker('sh', ['-c', 'exit 0'], env).done()
  await assert.rejects(startWorker('/nowhere/program', [], env).says('anything'), WorkerError)
})

test('docs/links.md shows what runs with rights as it is', () => {
  const page = fs.readFileSync(path.join(import.meta.dirname, '../../docs/links.md'), 'utf8')
  const rules = insideRules({ resolver: '192.0.2.53', pool: usualPool, host: ['192.0.2.1'] })
  for (const text of [namespaceScript, tapCommands(`group ${tapGroup}`), rules]) {
    assert.ok(page.includes(`\n${text.trim()}\n`), text)
  }
  const words = (text: string) => text.replaceAll(/[;\s]+/g, ' ').trim()
  assert.ok(words(page).includes(words(hostRules('ufr_0123456789ab'))))
})
