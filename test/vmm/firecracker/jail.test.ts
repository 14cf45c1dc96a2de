import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { jailCommand, jailIds, letJailRead, noJailReason } from '../../../src/vmm/firecracker/jail.ts'
import { lab, setFor } from './lab.ts'

test('why there is no jail is said', (t) => {
  setFor(t, { UFR_JAIL: 'off' })
  const file = '/opt/firecracker'
  assert.equal(noJailReason({ file, jailer: '/opt/jailer' }), 'UFR_JAIL is off')
  process.env['UFR_JAIL'] = ''
  const root = process.getuid?.() === 0
  const expect = (reason: string) =>
    root ? new RegExp(`^${reason}|^this root lacks CAP_`) : /^only root can/
  assert.match(noJailReason({ file })!, expect('there is no jailer beside it$'))
  assert.match(
    noJailReason({ file, jailer: '/opt/jailer', dynamic: true })!,
    expect('it is linked against libraries'),
  )
})

test('user ids are as many as process ids, or what is asked for', (t) => {
  setFor(t, { UFR_JAIL_UID: '' })
  assert.deepEqual(jailIds(), { first: 1879048192, count: 4194304 })
  process.env['UFR_JAIL_UID'] = '100000'
  assert.deepEqual(jailIds(), { first: 100000, count: 4194304 })
  process.env['UFR_JAIL_UID'] = '60000-60009'
  assert.deepEqual(jailIds(), { first: 60000, count: 10 })
  for (const wrong of ['0', '0-5', '9-8', 'nobody', '1-', '4294967295', '-1', '1.5']) {
    process.env['UFR_JAIL_UID'] = wrong
    assert.throws(jailIds, { code: 'UFR-USAGE' }, wrong)
  }
})

test('a jail is told what to mount where, whatever the names', (t) => {
  const made = lab(t)
  const table = path.join(made.folder, 'mounts')
  const base = path.join(made.folder, 'jail')
  const command = jailCommand({
    jailer: '/opt/jailer',
    firecracker: made.firecracker,
    base,
    table,
    files: [
      { host: '/a b/#1\\ü\n.img', name: 'disk0', mode: 'read-only' },
      { host: '/sockets', name: 'sockets', mode: 'read-write', folder: true },
    ],
    namespace: '/proc/7/ns/net',
    group: 77,
    args: ['--api-sock', 'x'],
  })
  assert.equal(command.file, 'unshare')
  const root = path.join(base, 'firecracker/ufr/root')
  assert.equal(fs.statSync(root).isDirectory(), true)
  const tail = command.args.slice(command.args.indexOf('ufr-jail') + 1)
  const bytes = fs.statSync(made.firecracker).size + (4 << 20)
  assert.deepEqual(tail, [
    ...[root, String(bytes), table, '1879048192', '4194304', '/sockets', '77'],
    ...['/opt/jailer', '--id', 'ufr', '--exec-file', made.firecracker, '--chroot-base-dir', base],
    ...['--netns', '/proc/7/ns/net', '--', '--api-sock', 'x'],
  ])
  assert.deepEqual(fs.readFileSync(table, 'utf8').split('\n'), [
    `/a\\040b/\\0431\\134ü\\012.img ${root}/disk0 none bind,nosuid,nodev,noexec,ro 0 0`,
    `/sockets ${root}/sockets none bind,nosuid,nodev,noexec 0 0`,
    '',
  ])
  assert.equal(fs.readFileSync(`${table}.names`, 'utf8'), 'file disk0\nfolder sockets\n')
})

test('files of ours are made readable for a jail, others’ are not', (t) => {
  const made = lab(t)
  const ours = path.join(process.env['UFR_HOME']!, 'volumes', 'v')
  fs.mkdirSync(path.dirname(ours), { recursive: true })
  const foreign = path.join(made.folder, 'foreign')
  for (const file of [ours, foreign]) {
    fs.writeFileSync(file, '')
    fs.chmodSync(file, 0o600)
  }
  letJailRead(ours)
  assert.equal(fs.statSync(ours).mode & 0o777, 0o604)
  assert.throws(() => letJailRead(foreign), { code: 'UFR-VMM-START', message: /cannot be read by the user/ })
  assert.equal(fs.statSync(foreign).mode & 0o777, 0o600)
  fs.chmodSync(foreign, 0o644)
  letJailRead(foreign)
})
