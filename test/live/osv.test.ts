import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { startInstance } from '../../src/instance/instance.ts'
import { prepare } from '../../src/instance/prepare.ts'
import { machineOf } from '../../src/instance/run.ts'
import { qemu } from '../../src/vmm/qemu/qemu.ts'
import { folderOf, lacking, testHome, ufr } from './ufr.ts'

const options = { skip: lacking('osv') || (findCommand('gcc') ? false : 'no gcc') }

/** Prints its arguments and the variables that begin with T_, in hexadecimal. */
const source = `
#include <stdio.h>
#include <string.h>
extern char **environ;
static void hex(char kind, const char *text) {
  putchar(kind);
  for (; *text; text++) printf("%02x", (unsigned char)*text);
  putchar('\\n');
}
int main(int argc, char **argv) {
  for (int i = 0; i < argc; i++) hex('a', argv[i]);
  for (char **e = environ; *e; e++) if (!strncmp(*e, "T_", 2)) hex('e', *e);
  return 5;
}`

/** What means something to one of OSv's parsers, to Firecracker's, or to nobody. */
const words = [
  ...['', ' ', '  a  ', '--', ' -- ', '-c', '--env=A=b', 'runscript', 'a;b', ';', '&', '&!', '!', 'a&b!c'],
  ...[
    '"',
    '""',
    '"quoted"',
    `it's`,
    '\\',
    '\\\\',
    '\\n',
    '\\ ',
    'end\\',
    '\\"',
    '\t',
    '\n',
    'two\nlines',
    '\r',
  ],
  ...[
    '$',
    '$A',
    'a$b$c',
    '$(A)',
    '$UFR_WORD_1',
    'A?=b',
    'a=b',
    '=',
    '%s%n',
    '#',
    '*',
    '~',
    '<>|',
    '\x7f',
    '\x01',
  ],
  ...['ünï', '日本語', '😀', 'ü$"\\ ;', 'virtio_mmio.device=4K@0xd0000000:5', 'x'.repeat(2000)],
]
const added = ' pci=off root=/dev/vda ro virtio_mmio.device=4K@0xd0000000:5'

function compiled(t: TestContext, config: object, flags: string[]): string {
  const folder = folderOf(t, { 'main.c': source })
  const file = (name: string) => path.join(folder, name)
  execFileSync('gcc', ['-O1', '-o', file('main'), file('main.c'), ...flags], { timeout: 60_000 })
  fs.rmSync(file('main.c'))
  const whole = { name: 'words', runtime: 'native', command: 'main', shape: 'program', ...config }
  fs.writeFileSync(file('ufr.json'), JSON.stringify(whole))
  return folder
}

for (const flags of [[], ['-static'], ['-static-pie'], ['-no-pie']]) {
  const linked = flags.join(' ') || 'dynamic'
  test(`osv: ${linked}: words of any kind arrive whole, and what a VMM adds does not`, options, async (t) => {
    const environment = Object.fromEntries(words.map((word, i) => [`T_${i}`, word]))
    const folder = compiled(t, { args: words, environment }, flags)
    const before = process.env['UFR_HOME']
    process.env['UFR_HOME'] = testHome()
    t.after(() => {
      if (before === undefined) delete process.env['UFR_HOME']
      else process.env['UFR_HOME'] = before
    })
    const prepared = await prepare(folder, { unikernel: 'osv' }, noProgress())
    const vmm = qemu()
    const machine = await machineOf(prepared, vmm, 'tcg', undefined)
    const { unikernel } = prepared
    let output = ''
    const instance = await startInstance({
      unikernel,
      vmm,
      accel: 'tcg',
      machine: { ...machine, commandLine: machine.commandLine + added },
      output: (bytes) => {
        output += bytes
      },
    })
    t.after(instance.stop)
    const { status } = await instance.ended
    const seen = (kind: string) =>
      output
        .split('\n')
        .filter((line) => line.startsWith(kind))
        .map((line) => Buffer.from(line.slice(1), 'hex').toString())
    assert.deepEqual(seen('a'), ['main', ...words].with(0, seen('a')[0]!))
    assert.deepEqual(
      seen('e').toSorted(),
      Object.entries(environment)
        .map((each) => each.join('='))
        .toSorted(),
    )
    assert.equal(status, 5)
  })
}

test('osv: Node.js knows its own program and names, and finds localhost', options, async (t) => {
  const folder = folderOf(t, {
    'index.mjs': `
    import dns from 'node:dns/promises'
    import os from 'node:os'
    export const handler = async () => ({
      exe: process.execPath, argv: process.argv[0], user: os.userInfo().username,
      local: (await dns.lookup('localhost')).address,
    })`,
  })
  const { status, stdout, stderr } = await ufr(t, ['run', folder, '--unikernel', 'osv', '--accel', 'tcg'])
  assert.equal(status, 0, stderr)
  const node = '/usr/bin/node'
  assert.deepEqual(JSON.parse(stdout), { exe: node, argv: node, user: 'root', local: '127.0.0.1' })
})

test('osv: an exported disk starts by itself', options, async (t) => {
  const folder = compiled(t, { args: ['one', 'ünï'] }, [])
  const disk = path.join(folderOf(t, {}), 'disk.img')
  const { status, stderr } = await ufr(t, ['build', folder, '--unikernel', 'osv', '-o', disk])
  assert.equal(status, 0, stderr)
  const machine = ['-M', 'pc', '-cpu', 'max', '-accel', 'tcg', '-m', '256', '-nodefaults', '-no-reboot']
  const devices = ['-display', 'none', '-serial', 'stdio', '-drive', `file=${disk},format=raw,if=virtio`]
  const output = execFileSync('qemu-system-x86_64', [...machine, ...devices], {
    timeout: 120_000,
    stdio: ['ignore', 'pipe', 'pipe'],
  }).toString()
  const hex = (text: string) => `a${Buffer.from(text).toString('hex')}`
  assert.deepEqual(
    output
      .split('\r\n')
      .filter((line) => /^a[0-9a-f]+$/.test(line))
      .slice(1),
    ['one', 'ünï'].map(hex),
  )
})
