import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { openLab } from '../../script/lab/parts.ts'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { streamProgress } from '../../src/base/progress.ts'
import { findKernelIfAny } from '../../src/kernel/store.ts'
import { folderOf, isAlive, root, testHome, until } from './ufr.ts'

const script = path.join(root, 'script/kvm-lab')
const limitMs = 300_000

/** Why there is no lab here, or false. It is made at the first call. */
async function lacking(): Promise<string | false> {
  try {
    await openLab(streamProgress())
    return false
  } catch (error) {
    if (!(error instanceof UfrError) || process.env['UFR_REQUIRE']?.split(',').includes('lab')) throw error
    return `no lab: ${error.message}`
  }
}

const skip = await lacking()

interface Ended {
  status: number | null
  stdout: Buffer
  stderr: string
}

/** A home as the other tests have it, with the lab of the real one. */
function labHome(): string {
  const home = testHome()
  const link = path.join(home, 'lab')
  if (!fs.existsSync(link)) fs.symlinkSync(homePath('lab'), link)
  return home
}

function start(
  t: TestContext,
  words: string[],
  { env = {}, cwd = root }: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
) {
  const child = spawn(script, words, {
    cwd,
    env: { UFR_LAB_MEMORY: '3072', ...process.env, UFR_HOME: labHome(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs)
  child.on('close', () => clearTimeout(timer))
  t.after(() => child.kill('SIGKILL'))
  return child
}

async function lab(t: TestContext, words: string[], options = {}): Promise<Ended> {
  const child = start(t, words, options)
  const [stdout, stderr, [status]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, 'close'),
  ])
  return { status, stdout, stderr: stderr.toString() }
}

/** The QEMU of a lab. */
async function guestOf(child: ChildProcess): Promise<number> {
  const children = () =>
    fs
      .readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8')
      .split(' ')
      .filter(Boolean)
      .map(Number)
  const guest = () =>
    children().find((pid) => fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('virtserialport'))
  await until(() => isAlive(child.pid!) && guest() !== undefined, 'the guest of the lab')
  return guest()!
}

test('a command in the lab has the words, folder, variables, files and status that it would have here', {
  skip,
}, async (t) => {
  const words = ['a', 'b  c', "d'e", '"', '$HOME `id` \\', '*', '', 'f\ng', 'ä']
  const bytes = randomBytes(300_000)
  const folder = folderOf(t, {})
  const inHome = path.join(labHome(), 'bytes')
  fs.writeFileSync(inHome, bytes)
  const code = `printf '%s\\0' "$@" "$PWD" "$CI" "$UFR_TEST" "$UFR_HOME" "\${SECRET-none}" "$(cat | wc -c)" "$(id -u)"
cat "$UFR_HOME/bytes" >&2
cp "$UFR_HOME/bytes" "$UFR_HOME/copy" && echo x >/etc/kvm-lab-test && [ ! -e ${folder} ] && touch /tmp/x
sleep 1000 &
exit 7`
  const began = performance.now()
  const child = start(t, ['bash', '-c', code, 'bash', ...words], {
    cwd: path.join(root, 'test'),
    env: { CI: 'true', UFR_TEST: "it's ä", SECRET: 'x' },
  })
  const [stdout, stderr, [status]] = await Promise.all([
    buffer(child.stdout),
    buffer(child.stderr),
    once(child, 'close'),
  ])
  const here = [path.join(root, 'test'), 'true', "it's ä", labHome(), 'none', '0', '0']
  assert.deepEqual(stdout.toString().split('\0'), [...words, ...here, ''])
  assert.ok(stderr.equals(bytes), 'standard error comes apart, byte for byte')
  assert.equal(status, 7)
  assert.ok(fs.readFileSync(path.join(labHome(), 'copy')).equals(bytes), 'UFR_HOME is the one here')
  assert.ok(!fs.existsSync('/etc/kvm-lab-test'), 'what it writes elsewhere is gone')
  // The lab was there before: a start and an end take 8 s on two quiet cores.
  assert.ok(performance.now() - began < 60_000)
})

test('KVM works in the lab: doctor says so, and the Linux guest answers', { skip }, async (t) => {
  if (!findKernelIfAny('linux')) return t.skip('no linux kernel in the store')
  const run =
    'bin/ufr run examples/hello-node --unikernel linux --vmm qemu --accel kvm --json --event \'{"name":"KVM"}\''
  const { status, stdout, stderr } = await lab(t, ['sh', '-c', `bin/ufr doctor; ${run}`])
  assert.equal(status, 0, stdout + stderr)
  assert.match(stdout.toString(), /^ok\s+kvm: a probe guest did its work/m)
  const report = JSON.parse(stdout.toString().slice(stdout.indexOf('{')))
  assert.equal(report.accel, 'kvm')
  assert.match(report.response.message, /KVM/)
})

test('with --user the command may nothing but open /dev/kvm', { skip }, async (t) => {
  const code = `id -u; id -Gn; [ -w /dev/kvm ] && echo kvm; grep CapEff: /proc/self/status
touch ${root}/x /etc/x "$UFR_HOME/kernels/x" 2>/dev/null && echo wrote; touch "$HOME/x" "$UFR_HOME/x" && echo home; cd "$UFR_HOME/kernels" && pwd`
  const { status, stdout, stderr } = await lab(t, ['--user', 'sh', '-c', code])
  const own = process.getuid!() || 1000
  assert.equal(stdout.toString().split('\n')[0], String(own))
  assert.match(stdout.toString(), /\bkvm\nkvm\nCapEff:\t0+\nhome\n/)
  assert.equal(status, 0, stderr)
  if (own === 1000) assert.ok(!fs.existsSync(path.join(labHome(), 'x')), 'its UFR_HOME is a layer of its own')
})

test('the guest ends with the script, whatever ends that, and leaves nothing behind', { skip }, async (t) => {
  const before = fs.readdirSync(homePath('lab'))
  const ends: [NodeJS.Signals, number | null][] = [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ]
  for (const [signal, status] of ends) {
    const child = start(t, ['sh', '-c', 'echo up; sleep 1000'])
    const guest = await guestOf(child)
    const closed = once(child, 'close')
    if (signal === 'SIGKILL')
      await Promise.race([once(child.stdout, 'data'), closed.then(() => assert.fail('it ended'))])
    child.kill(signal)
    assert.equal((await closed)[0], status)
    await until(() => !isAlive(guest), 'the end of the guest', 5000)
  }
  assert.deepEqual(fs.readdirSync(homePath('lab')), before)
})

test('a lab has a time limit', { skip }, async (t) => {
  const { status, stderr } = await lab(t, ['sleep', '1000'], { env: { UFR_LAB_TIMEOUT: '3' } })
  assert.equal(status, 124)
  assert.match(stderr, /time limit of 3 s is over/)
})

test('what cannot be is refused before a guest starts', { skip }, async (t) => {
  const cases: [string[], NodeJS.ProcessEnv, number, RegExp][] = [
    [[], {}, 2, /^Usage: script\/kvm-lab/],
    [['--what', 'x'], {}, 2, /^Usage/],
    [['true'], { UFR_LAB_TIMEOUT: 'soon' }, 2, /UFR_LAB_TIMEOUT/],
    [['true'], { UFR_LAB_MEMORY: '99999999' }, 3, /MiB of memory/],
    [['true'], { UFR_IN_LAB: '1' }, 2, /the lab already/],
  ]
  for (const [words, env, expected, message] of cases) {
    const { status, stderr } = await lab(t, words, { env })
    assert.equal(status, expected)
    assert.match(stderr, message)
  }
})
