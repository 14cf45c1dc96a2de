import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { registerVmm } from '../../../src/kernel/vmms.ts'
import {
  findFirecracker,
  firecrackerVersion,
  locateFirecracker,
} from '../../../src/vmm/firecracker/binary.ts'
import { firecracker } from '../../../src/vmm/firecracker/firecracker.ts'
import { kvmRights } from '../../../src/vmm/kvm.ts'
import { locateQemu } from '../../../src/vmm/qemu/binary.ts'
import { chooseVmm, chooseVmmFor } from '../../../src/vmm/vmms.ts'
import { fakeFirecracker } from './fake.ts'
import { lab, setFor } from './lab.ts'

const works = { console: '*', endsAfter: 1 }
const rights = kvmRights()
const noQemu = locateQemu() ? false : 'no QEMU'

test('a Firecracker is the one named, else the store’s, else the one on PATH, each with its own jailer', async (t) => {
  const { folder, firecracker: onPath } = lab(t)
  setFor(t, { PATH: folder, UFR_FIRECRACKER: '', UFR_JAILER: '' })
  assert.deepEqual(locateFirecracker(), { file: onPath })
  const jailer = path.join(folder, 'jailer')
  fs.writeFileSync(jailer, '#!/bin/sh\n', { mode: 0o755 })
  assert.deepEqual(locateFirecracker(), { file: onPath, jailer })
  const { vmm } = await registerVmm({
    name: 'firecracker',
    version: '1.16.1',
    files: [{ role: 'firecracker', path: 'firecracker', from: onPath }],
    provenance: { how: 'import', from: onPath },
  })
  const stored = path.join(vmm.folder, 'firecracker')
  assert.deepEqual(locateFirecracker(), { file: stored })
  process.env['UFR_JAILER'] = jailer
  assert.deepEqual(locateFirecracker(), { file: stored, jailer })
  process.env['UFR_FIRECRACKER'] = onPath
  assert.deepEqual(findFirecracker(), { file: onPath, jailer })
  assert.equal(firecrackerVersion(onPath), '1.16.1')
  process.env['UFR_FIRECRACKER'] = path.join(folder, 'missing')
  assert.throws(findFirecracker, {
    code: 'UFR-VMM-MISSING',
    message: /UFR_FIRECRACKER is .*missing, and that/,
  })
})

test('none is an error that says how to get one', (t) => {
  const { folder } = lab(t)
  setFor(t, { PATH: path.join(folder, 'home'), UFR_FIRECRACKER: '', UFR_JAILER: '' })
  assert.equal(locateFirecracker(), undefined)
  assert.throws(() => chooseVmm('firecracker'), {
    code: 'UFR-VMM-MISSING',
    fix: /`ufr vmm pull firecracker`.*`ufr vmm import.*`ufr vmm build/,
  })
})

test('one that does not run, is too old or says nothing is an error', (t) => {
  const { folder } = lab(t)
  const program = (name: string, text: string) => {
    const file = path.join(folder, name)
    fs.writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    return file
  }
  for (const [file, message] of [
    [program('fails', 'exit 3'), /does not run$/],
    [program('old', 'echo Firecracker v1.9.1'), /is version 1\.9\.1; 1\.12 or later is needed/],
    [program('silent', 'echo hello'), /does not say its version/],
  ] as const) {
    assert.throws(() => firecrackerVersion(file), { code: 'UFR-VMM-MISSING', message })
  }
  assert.equal(
    firecrackerVersion(program('new', 'echo Firecracker v2.0.0-dev; echo; echo noise')),
    '2.0.0-dev',
  )
})

test('it says that it runs without its jailer, and emulates nothing', async (t) => {
  setFor(t, { UFR_FIRECRACKER: lab(t).firecracker, UFR_JAILER: '' })
  const vmm = firecracker()
  assert.equal(vmm.note, 'Firecracker runs without its jailer: UFR_JAIL is off.')
  assert.deepEqual([vmm.name, vmm.version()], ['firecracker', '1.16.1'])
  await assert.rejects(vmm.chooseAccel('tcg'), { code: 'UFR-MACHINE', message: /cannot emulate/ })
  assert.equal(await vmm.tscKhz('kvm'), undefined)
})

test('KVM is believed when a guest has done its work on it, asked once', {
  skip: rights ?? false,
}, async (t) => {
  const made = lab(t, works)
  setFor(t, { UFR_FIRECRACKER: made.firecracker, UFR_JAILER: '' })
  for (const wanted of ['auto', 'kvm'] as const) {
    const { accel, reason } = await firecracker().chooseAccel(wanted)
    assert.equal(accel, 'kvm')
    assert.match(reason, /^a probe guest did its work in \d+ ms$/)
  }
  assert.equal(made.asked().filter(([what]) => what === 'arguments').length, 1)
})

for (const [what, play, message] of [
  ['ends without having done it', { endsAfter: 1 }, /cannot be used: a guest that uses xgetbv dies on it$/],
  ['never ends', {}, /cannot be used: it runs guests, but far too slowly/],
  [
    'cannot be started',
    { refuse: { '/actions InstanceStart': 'Kvm error: no' } },
    /cannot be used: Firecracker refused PUT \/actions: Kvm error: no$/,
  ],
] as const) {
  test(`KVM is not believed where the guest ${what}`, { skip: rights ?? false }, async (t) => {
    const made = lab(t, play)
    setFor(t, { UFR_FIRECRACKER: made.firecracker, UFR_JAILER: '' })
    await assert.rejects(firecracker().chooseAccel('auto'), { code: 'UFR-KVM', message })
    await assert.rejects(firecracker().chooseAccel('kvm'), { code: 'UFR-KVM', message })
  })
}

test('auto takes it where it suits and KVM works in it, else QEMU', {
  skip: noQemu || (rights ?? false),
}, async (t) => {
  const made = lab(t, works)
  setFor(t, { UFR_FIRECRACKER: '', UFR_JAILER: '' })
  const choose = async (accel: 'auto' | 'kvm' | 'tcg', suits = true) =>
    (await chooseVmmFor('auto', accel, async () => suits)).name
  // Not there, or at least not one of this test's.
  if (!locateFirecracker()) assert.equal(await choose('auto'), 'qemu')
  process.env['UFR_FIRECRACKER'] = made.firecracker
  assert.equal(await choose('auto'), 'firecracker')
  assert.equal(await choose('kvm'), 'firecracker')
  assert.equal(await choose('tcg'), 'qemu')
  assert.equal(await choose('auto', false), 'qemu')
  process.env['UFR_FIRECRACKER'] = fakeFirecracker(
    path.join(made.folder, 'broken'),
    path.join(made.folder, 'r'),
    {
      endsAfter: 1,
    },
  )
  assert.equal(await choose('auto'), 'qemu')
  assert.equal((await chooseVmmFor('firecracker', 'auto', async () => false)).name, 'firecracker')
})
