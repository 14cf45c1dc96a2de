import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeRepository } from '../kernel/git-repository.ts'
import { filesBelow } from '../kernel/home.ts'
import { bzImage, moduleFiles, release } from '../unikernel/linux-parts.ts'
import { nanosKernel } from '../unikernel/nanos-folders.ts'
import { fakeProgram } from '../vmm/firecracker/programs.ts'
import { command, environment, scratch, ufr } from './command.ts'
import { pulledLinux } from './home.ts'
import { document, errorDocument } from './schemas.ts'

/** git as it is without anybody's settings. */
const env = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }

function prepared(t: TestContext, files: Record<string, string | Uint8Array>) {
  const folder = scratch(t)
  const repo = path.join(folder, 'upstream')
  const commit = makeRepository(repo, files)
  return { folder, repo, commit, home: path.join(folder, 'home') }
}

const nanosFiles = { 'kernel.bin': nanosKernel(), Makefile: 'all:\n\tcp kernel.bin kernel.img\n' }

test('a kernel is built, listed with where it is from, and printed as JSON', async (t) => {
  const { repo, commit, home } = prepared(t, nanosFiles)
  const words = ['kernel', 'build', 'nanos', '--repo', repo, '--ref', 'main', '--output', 'kernel.img']
  const script = ['sh', '-c', 'echo made by "$1"; cp kernel.bin kernel.img', 'sh', '--json']
  const plain = await ufr([...words, '--version', 'mine', '--', ...script], { home, env })
  assert.deepEqual([plain.status, plain.stdout], [0, 'nanos@mine\n'], plain.stderr)
  assert.match(plain.stderr, new RegExp(`^Building nanos at ${commit}: sh -c .*\\nmade by --json\\n`, 'm'))
  const listed = await ufr(['kernel', 'ls'], { home })
  assert.match(
    listed.stdout,
    new RegExp(`^nanos@mine +default +build +/.*/upstream main \\(${commit.slice(0, 8)}\\)$`, 'm'),
  )
  const again = await ufr([...words, '--json', '--version', 'mine', '--', ...script], { home, env })
  const { kernel, already } = document('kernel build', again.stdout)
  assert.deepEqual([kernel.version, already], ['mine', true])
  assert.deepEqual(kernel.provenance.build.command, script)
  assert.equal(again.stderr, 'made by --json\n')
  document('kernel ls', (await ufr(['kernel', 'ls', '--json'], { home })).stdout)
})

test('a Linux kernel is built with its modules', async (t) => {
  const modules = Object.entries(moduleFiles()).map(([name, bytes]) => [
    `mods/lib/modules/${release}/${name}`,
    bytes,
  ])
  const { folder, repo, home } = prepared(t, { vmlinuz: bzImage(), ...Object.fromEntries(modules) })
  // For the busybox of it: not every host has one.
  await pulledLinux(path.join(folder, 'linux'), home)
  const words = ['kernel', 'build', 'linux', '--repo', repo, '--ref', 'main', '--output', 'vmlinuz']
  const built = await ufr([...words, '--modules', 'mods', '--json', '--', 'true'], { home, env })
  assert.equal(built.status, 0, built.stderr)
  const { kernel } = document('kernel build', built.stdout)
  assert.equal(kernel.version, release)
  assert.ok(kernel.files.some(({ role }: { role: string }) => role === 'module'))
  const outside = await ufr([...words, '--modules', '/lib/modules', '--', 'true'], { home, env })
  assert.equal(outside.status, 2)
  assert.match(outside.stderr, /^UFR-USAGE: --modules "\/lib\/modules" is no path in the clone/)
  const missing = await ufr([...words, '--modules', 'none', '--', 'true'], { home, env })
  assert.equal(missing.status, 4)
  assert.match(missing.stderr, /^UFR-BUILD-OUTPUT: none is not there after the build/m)
  const nanos = await ufr(['kernel', 'build', 'nanos', ...words.slice(3), '--modules', 'x', '--', 'true'])
  assert.match(nanos.stderr, /^UFR-USAGE: nanos has no kernel modules/)
})

test('a VMM is built by its own import', async (t) => {
  const { repo, commit, home } = prepared(t, { fc: fakeProgram('Firecracker', '1.17.0-dev') })
  const words = ['vmm', 'build', 'firecracker', '--repo', repo, '--ref', commit, '--output', '.', '--json']
  const script = 'mkdir -p target/release && cp fc target/release/firecracker'
  const built = await ufr([...words, '--', 'sh', '-c', script], { home, env })
  assert.equal(built.status, 0, built.stderr)
  const { vmm, already } = document('vmm build', built.stdout)
  assert.deepEqual([vmm.version, already, vmm.provenance.how], ['1.17.0-dev', false, 'build'])
  assert.equal(vmm.provenance.build.commit, commit)
  const none = await ufr([...words, '--', 'true'], { home, env })
  const error = errorDocument(none.stdout)
  assert.deepEqual([none.status, error.code], [4, 'UFR-BUILD-OUTPUT'])
  assert.match(error.message, /at \. is of no use: the clone holds no Firecracker/)
})

test('what is missing on the command line is told', async (t) => {
  const { repo } = prepared(t, nanosFiles)
  const whole = ['kernel', 'build', 'nanos', '--repo', repo, '--ref', 'main', '--output', 'x']
  const cases: [string[], RegExp][] = [
    [['kernel', 'build'], /required option '--repo <url>' not specified/],
    [['kernel', 'build', 'nanos', '--repo', repo], /required option '--ref <ref>' not specified/],
    [whole, /missing required argument 'command'/],
    [[...whole, 'make', '-j4'], /unknown option '-j4'/],
    [['vmm', 'build', 'qemu', ...whole.slice(3), '--', 'true'], /QEMU is not kept in the store/],
    [['kernel', 'build', 'bsd', ...whole.slice(3), '--', 'true'], /there is no kernel called bsd/],
  ]
  for (const [args, pattern] of cases) {
    const { status, stdout, stderr } = await ufr(args)
    assert.deepEqual([status, stdout], [2, ''], args.join(' '))
    assert.match(stderr, pattern)
  }
})

function alive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let i = 0; i < 1500; i++) {
    if (condition()) return
    await sleep(10)
  }
  assert.fail(`${what} did not come`)
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  test(`${signal} ends the build and all that it started`, { timeout: 60_000 }, async (t) => {
    const { folder, repo, home } = prepared(t, nanosFiles)
    const pids = path.join(folder, 'pids')
    const script = `sleep 1000 & echo $! > ${pids}.part; echo $$ >> ${pids}.part; mv ${pids}.part ${pids}; wait`
    const words = ['kernel', 'build', 'nanos', '--repo', repo, '--ref', 'main', '--output', 'kernel.img']
    const [file, ...args] = [...command, ...words, '--', 'sh', '-c', script]
    const child = spawn(file!, args, { env: environment({ home, env }), stdio: 'ignore' })
    t.after(() => child.kill('SIGKILL'))
    await until(() => fs.existsSync(pids), 'the command')
    child.kill(signal)
    const [status] = (await once(child, 'close')) as [number | null]
    assert.equal(status, signal === 'SIGKILL' ? null : 130)
    for (const pid of fs.readFileSync(pids, 'utf8').trim().split('\n').map(Number))
      await until(() => !alive(pid), `the end of ${pid}`)
    // Nobody is there to remove the clone after SIGKILL: the next build does.
    const next = await ufr([...words, '--', 'make'], { home, env })
    assert.equal(next.status, 0, next.stderr)
    assert.deepEqual(filesBelow(path.join(home, 'build')), ['kernel-nanos/lock'])
  })
}
