import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { locateQemu } from '../../src/vmm/qemu/binary.ts'
import { filesBelow } from '../kernel/home.ts'
import { writeFiles } from '../unikernel/nanos-folders.ts'
import { command, environment, scratch, ufr } from './command.ts'
import { homeWithKernel, writeProgram } from './home.ts'
import { document } from './schemas.ts'

const handler = { 'index.mjs': 'export const handler = () => 1' }
const server = {
  'ufr.json': '{ "name": "web", "runtime": "nodejs24.x", "shape": "web", "command": "server.mjs" }',
  'server.mjs': '',
}

interface Refusal {
  args: string[]
  says: RegExp
  /** Default: 2. */
  status?: number
  env?: NodeJS.ProcessEnv
  input?: string | Uint8Array
  files?: Record<string, string>
}

const refusals: Refusal[] = [
  { args: ['--event', '{name: 1}'], says: /^UFR-USAGE: the event from --event is no JSON: / },
  { args: ['--event', ''], says: /^UFR-USAGE: the event from --event is no JSON: / },
  { args: ['--event', '-'], says: /^UFR-USAGE: the event from standard input is no JSON: / },
  {
    args: ['--event', '-'],
    input: Buffer.from('{"name":"Ad\xe9"}', 'latin1'),
    says: /^UFR-USAGE: the event from standard input cannot be read: .*utf-8/i,
  },
  {
    args: ['--event', '@missing.json'],
    says: /^UFR-USAGE: the event cannot be read from missing\.json: ENOENT/,
  },
  { args: ['--event', '@.'], says: /^UFR-USAGE: the event cannot be read from \.: EISDIR/ },
  { args: ['--event', '{}'], files: server, says: /^UFR-USAGE: --event does not go with .* shape web\n/ },
  { args: ['--request', '/'], says: /^UFR-USAGE: --request does not go with .* shape handler\n/ },
  {
    args: ['--request', 'hello'],
    files: server,
    says: /^UFR-USAGE: --request cannot ask for "hello"\n.*slash/,
  },
  { args: ['--request', '/a b'], files: server, says: /^UFR-USAGE: --request cannot ask for "\/a b"\n.*%20/ },
  { args: ['--request', '/\r\nHost: x'], files: server, says: /^UFR-USAGE: --request cannot ask for/ },
  {
    args: ['--memory', 'much'],
    says: /^UFR-USAGE: --memory must be an integer from 16 to 1048576, not "much"\n/,
  },
  { args: ['--memory', '1.5'], says: /^UFR-USAGE: --memory must be an integer/ },
  { args: ['--memory', '-1'], says: /^UFR-USAGE: --memory must be an integer/ },
  { args: ['--timeout', '901'], says: /^UFR-USAGE: --timeout must be an integer from 1 to 900, not 901\n/ },
  { args: ['--vmm', 'firecracker'], status: 3, says: /^UFR-VMM-MISSING: there is no Firecracker / },
  {
    args: [],
    env: { UFR_ACCEL: 'fast' },
    says: /^UFR-USAGE: UFR_ACCEL is fast\n {2}Set it to auto, kvm or tcg\n?/,
  },
  { args: [], env: { UFR_MEMORY: 'x' }, says: /^UFR-USAGE: UFR_MEMORY must be an integer/ },
  {
    args: [],
    env: { UFR_UNIKERNEL: 'linx' },
    says: /^UFR-USAGE: UFR_UNIKERNEL must be .*did you mean "linux"\?/,
  },
  { args: [], env: { UFR_VMM: 'qmu' }, says: /^UFR-USAGE: UFR_VMM must be / },
]

test('run refuses what cannot be, before it fetches or builds anything', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const before = filesBelow(home)
  // Whether the machine has QEMU is not what this is about.
  const qemu = { UFR_QEMU: process.execPath }
  for (const [i, { args, says, status = 2, env, input, files }] of refusals.entries()) {
    const code = path.join(folder, String(i))
    writeFiles(code, files ?? handler)
    const result = await ufr(['run', code, ...args], {
      home,
      env: { ...qemu, ...env },
      ...(input && { input }),
    })
    assert.deepEqual([result.status, result.stdout], [status, ''], `${args.join(' ')}: ${result.stderr}`)
    assert.match(result.stderr, says)
    assert.deepEqual(filesBelow(home), before, args.join(' '))
  }
})

test('build refuses what it cannot do', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const code = writeProgram(path.join(folder, 'code'))
  for (const [args, says] of [
    [['--shrink'], /^UFR-USAGE: .* cannot be shrunk: nothing was observed of it as it is now\n/],
    [['--event', '{}'], /^UFR-USAGE: --event goes with --observe\n/],
    [['--forget', '--observe'], /^UFR-USAGE: --forget does not go with --observe/],
    [['-o', path.join(code, 'out.img')], /^UFR-USAGE: .*lies in the function's own folder/],
    [['-o', code], /^UFR-USAGE: .*lies in the function's own folder/],
    [['-o', folder], /^UFR-USAGE: .* is a folder, and the image is to be a file/],
    [['-o', '/dev/null'], /^UFR-USAGE: \/dev\/null is no regular file/],
  ] as const) {
    const { status, stdout, stderr } = await ufr(['build', code, ...args], { home })
    assert.deepEqual([status, stdout], [2, ''], stderr)
    assert.match(stderr, says)
  }
  assert.ok(fs.statSync('/dev/null').isCharacterDevice())
  fs.writeFileSync(path.join(folder, 'file'), '')
  const below = await ufr(['build', code, '-o', path.join(folder, 'file/below')], { home })
  assert.equal(below.status, 3)
  assert.match(below.stderr, /^UFR-DATA: .*file cannot be written/m)
  assert.deepEqual(
    filesBelow(folder).filter((file) => file.includes('.tmp-')),
    [],
  )
})

test('what is missing of QEMU is said before anything is fetched', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const code = writeProgram(path.join(folder, 'code'))
  const empty = path.join(folder, 'empty')
  fs.mkdirSync(empty)
  for (const env of [{ PATH: empty }, { UFR_QEMU: path.join(folder, 'nothing') }, { UFR_QEMU: empty }]) {
    const { status, stderr } = await ufr(['run', code], { home, env })
    assert.equal(status, 3, stderr)
    assert.match(stderr, /^UFR-QEMU-MISSING: .*\n {2}Install it: sudo apt-get install qemu-system-x86/)
  }
  assert.ok(!fs.existsSync(path.join(home, 'volumes')))
})

test('KVM that does not work is refused where it is asked for', async (t) => {
  if (!locateQemu()) return t.skip('no QEMU')
  const { folder, home } = await homeWithKernel(t)
  const { stdout } = await ufr(['doctor', '--json'], { home })
  const { checks } = document('doctor', stdout)
  if (checks.some((check: { name: string; state: string }) => check.name === 'kvm' && check.state === 'good'))
    return t.skip('KVM works here')
  const { status, stderr } = await ufr(['run', writeProgram(path.join(folder, 'code')), '--accel', 'kvm'], {
    home,
  })
  assert.equal(status, 3)
  assert.match(stderr, /UFR-KVM: KVM cannot be used: .*\n {2}Run with --accel tcg/)
})

/** Sends SIGINT to a command that waits for its event. @returns its exit status, null where the signal ended it. */
async function interruptWaiting(
  t: TestContext,
  folder: string,
  milliseconds: number,
): Promise<number | null> {
  const child = spawn(command[0], [...command.slice(1), 'run', folder, '--event', '-'], {
    env: environment(),
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
    })
  }
  // What was read already is as good as nothing: the end is missing.
  child.stdin.write('{"half":')
  await new Promise((resolve) => setTimeout(resolve, milliseconds))
  child.kill('SIGINT')
  const [status] = await once(child, 'close')
  assert.equal(output, '')
  return status
}

test('Ctrl-C ends the waiting for an event', async (t) => {
  const folder = scratch(t)
  writeFiles(folder, handler)
  // A machine that is busy with other things may not have come to read its standard input after a second.
  const status = (await interruptWaiting(t, folder, 1000)) ?? (await interruptWaiting(t, folder, 20_000))
  assert.equal(status, 130)
})
