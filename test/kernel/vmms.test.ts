import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { listKernels } from '../../src/kernel/store.ts'
import {
  findVmm,
  findVmmIfAny,
  listVmms,
  makeVmmDefault,
  type NewVmm,
  registerVmm,
  removeVmm,
  vmmFile,
  vmmFileIfAny,
} from '../../src/kernel/vmms.ts'
import { useHome } from './home.ts'

useHome()

function vmm(version: string, jailer = true): NewVmm {
  const roles = jailer ? ['firecracker', 'jailer'] : ['firecracker']
  return {
    name: 'firecracker',
    version,
    files: roles.map((role) => ({ role, path: role, from: Buffer.from(`${role} ${version}`) })),
    provenance: { how: 'import', from: '/somewhere' },
  }
}

function hasCode(code: string, pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof UfrError && error.code === code && pattern.test(`${error.message} ${error.fix}`)
}

test('a VMM is kept apart from kernels, and its files are programs', async () => {
  const { vmm: made, already } = await registerVmm(vmm('1.16.1'))
  assert.equal(already, false)
  assert.equal(made.folder, homePath('vmms/firecracker/1.16.1'))
  assert.ok(fs.existsSync(path.join(made.folder, 'vmm.json')))
  assert.equal(fs.statSync(vmmFile(made, 'firecracker')).mode & 0o777, 0o755)
  assert.equal(fs.readFileSync(vmmFile(made, 'jailer'), 'utf8'), 'jailer 1.16.1')
  assert.deepEqual(findVmm('firecracker'), made)
  assert.deepEqual(listVmms(), { vmms: [made], broken: [] })
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
  assert.equal((await registerVmm(vmm('1.16.1'))).already, true)
})

test('one may lack a jailer', async () => {
  const { vmm: made } = await registerVmm(vmm('1.16.1', false))
  assert.equal(vmmFileIfAny(made, 'jailer'), undefined)
  assert.equal(vmmFileIfAny(made, 'firecracker'), path.join(made.folder, 'firecracker'))
  assert.throws(() => vmmFile(made, 'jailer'), hasCode('UFR-STORE-RECORD', /has no jailer.*ufr vmm rm/))
})

test('the default is the last one registered, or the one made it', async () => {
  await registerVmm(vmm('1.15.0'))
  await registerVmm(vmm('1.16.1'))
  assert.equal(findVmm('firecracker').version, '1.16.1')
  makeVmmDefault(findVmm('firecracker', '1.15.0'))
  assert.equal(findVmm('firecracker').version, '1.15.0')
  assert.equal(removeVmm('firecracker', '1.15.0'), homePath('vmms/firecracker/1.15.0'))
  assert.equal(findVmm('firecracker').version, '1.16.1')
})

test('what is missing, broken or no name is told in the words of VMMs', async () => {
  assert.equal(findVmmIfAny('firecracker'), undefined)
  const missing = hasCode('UFR-VMM-MISSING', /ufr vmm pull firecracker/)
  assert.throws(() => findVmm('firecracker'), missing)
  assert.throws(() => removeVmm('firecracker', '1'), missing)
  assert.throws(() => findVmm('..', '1'), hasCode('UFR-USAGE', /cannot name a vmm.*firecracker@1\.16\.1/))
  const { vmm: made } = await registerVmm(vmm('1.16.1'))
  fs.rmSync(path.join(made.folder, 'jailer'))
  const broken = hasCode('UFR-STORE-RECORD', /jailer is missing.*ufr vmm rm firecracker@1\.16\.1/)
  assert.throws(() => findVmm('firecracker'), broken)
  assert.throws(() => findVmmIfAny('firecracker'), broken)
  assert.equal(listVmms().broken.length, 1)
})
