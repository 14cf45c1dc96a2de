import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { filesBelow } from '../kernel/home.ts'
import { releasePrograms, writePrograms } from '../vmm/firecracker/programs.ts'
import { scratch, ufr } from './command.ts'
import { document, errorDocument } from './schemas.ts'

test('a VMM comes, is listed, comes again, is looked at, and goes', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  writePrograms(folder, releasePrograms())
  const empty = await ufr(['vmm', 'ls'], { home })
  assert.match(empty.stdout, /^VMM +BY +FROM\n$/)
  const come = await ufr(['vmm', 'import', 'firecracker', folder], { home })
  assert.deepEqual([come.status, come.stdout], [0, 'firecracker@1.16.1\n'], come.stderr)
  assert.match(come.stderr, /It is in the store now\.\n$/)
  const again = await ufr(['vmm', 'import', 'firecracker', folder, '--json'], { home })
  const { vmm, already } = document('vmm import', again.stdout)
  assert.deepEqual([vmm.name, vmm.version, already], ['firecracker', '1.16.1', true])
  const listed = await ufr(['vmm', 'ls'], { home })
  assert.match(listed.stdout, /^firecracker@1\.16\.1 +default +import +\//m)
  const json = document('vmm ls', (await ufr(['vmm', 'ls', '--json'], { home })).stdout)
  assert.deepEqual([json.vmms.length, json.broken], [1, []])

  const doctor = document('doctor', (await ufr(['doctor', '--json'], { home })).stdout)
  const check = doctor.checks.find(({ name }: { name: string }) => name === 'firecracker')
  assert.equal(check.state, 'good')
  // In its jailer for root, without it and why for others.
  assert.match(
    check.found,
    /^1\.16\.1 \(.*\/vmms\/firecracker\/1\.16\.1\/firecracker\), (in|without) its jailer/,
  )

  fs.rmSync(path.join(vmm.folder, 'jailer'))
  const broken = document('vmm ls', (await ufr(['vmm', 'ls', '--json'], { home })).stdout)
  assert.deepEqual([broken.vmms, broken.broken[0].error.code], [[], 'UFR-STORE-RECORD'])
  assert.match((await ufr(['vmm', 'ls'], { home })).stdout, /^firecracker@1\.16\.1 +broken /m)
  const gone = await ufr(['vmm', 'rm', 'firecracker@1.16.1', '--json'], { home })
  assert.deepEqual(document('vmm rm', gone.stdout), { removed: vmm.folder })
  const twice = await ufr(['vmm', 'rm', 'firecracker@1.16.1', '--json'], { home })
  assert.equal(twice.status, 3)
  assert.equal(errorDocument(twice.stdout).code, 'UFR-VMM-MISSING')
})

test('without one, doctor says how to get it, and does not lack it', async (t) => {
  const home = path.join(scratch(t), 'home')
  const { stdout } = await ufr(['doctor', '--json'], { home, env: { UFR_FIRECRACKER: '/nonexistent/fc' } })
  const check = document('doctor', stdout).checks.find(({ name }: { name: string }) => name === 'firecracker')
  assert.equal(check.state, 'optional')
  assert.match(check.fix, /UFR_FIRECRACKER/)
})

test('what is no VMM, and a network that is not there', async (t) => {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  fs.writeFileSync(path.join(folder, 'text'), 'text')
  const cases: [string[], number, RegExp][] = [
    [['vmm', 'pull', 'qemu'], 2, /^UFR-USAGE: QEMU is not kept in the store.*\n {2}Install it/],
    [['vmm', 'import', 'firecraker', folder], 2, /^UFR-USAGE: there is no VMM called firecraker/],
    [['vmm', 'pull', 'firecracker@latest'], 2, /^UFR-USAGE: "latest" is no version/],
    [['vmm', 'rm', 'firecracker'], 2, /^UFR-USAGE: firecracker does not say which version/],
    [
      ['vmm', 'import', 'firecracker', path.join(folder, 'text')],
      2,
      /^UFR-VMM-FILE: .*text is no Firecracker/,
    ],
    [['vmm', 'pull', 'firecracker@1.16.1'], 3, /^UFR-DOWNLOAD: /m],
  ]
  const env = { UFR_MIRROR: 'http://127.0.0.1:9', http_proxy: '', HTTP_PROXY: '' }
  for (const [args, status, pattern] of cases) {
    const result = await ufr(args, { home, env })
    assert.deepEqual([result.status, result.stdout], [status, ''], args.join(' '))
    assert.match(result.stderr, pattern)
  }
  assert.deepEqual(
    filesBelow(home).filter((name) => !name.endsWith('.lock')),
    [],
  )
})
