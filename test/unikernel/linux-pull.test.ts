import assert from 'node:assert/strict'
import fs from 'node:fs'
import { beforeEach, test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import { kernelFile, kernelFiles, listKernels } from '../../src/kernel/store.ts'
import { pullLinux } from '../../src/unikernel/linux/pull.ts'
import { type FakeApt, type FakePackage, fakeApt, fakeMachine } from '../kernel/fake-apt.ts'
import { filesBelow, useHome } from '../kernel/home.ts'
import { busybox, bzImage, moduleFiles, release, vmlinux } from './linux-parts.ts'

const home = useHome()
let apt: FakeApt
let machine = ''

function image(version: string, prefix = ''): Record<string, FakePackage> {
  const modules = Object.entries(moduleFiles()).map(([name, bytes]) => [
    `${prefix}lib/modules/${release}/${name}`,
    bytes,
  ])
  const files = { [`boot/vmlinuz-${release}`]: bzImage(), ...Object.fromEntries(modules) }
  return {
    'linux-image-cloud-amd64': { version, depends: `linux-image-${release} (= ${version})` },
    [`linux-image-${release}`]: { version, files },
  }
}

beforeEach(() => {
  machine = fakeMachine(home.beside('etc-apt'))
  apt = fakeApt({
    ...image('6.1.9-1'),
    'busybox-static': { version: '1:1.35', files: { 'bin/busybox': busybox } },
  })
})

function pull(options = {}) {
  return pullLinux(noProgress(), { run: apt.run, machine, ...options })
}

test("Debian's cloud kernel: the image that the metapackage depends on, and busybox", async () => {
  const { kernel, already } = await pull()
  assert.equal(already, false)
  assert.equal(kernel.version, '6.1.9-1')
  assert.deepEqual(kernel.details, { release, package: `linux-image-${release}`, busybox: '1:1.35' })
  assert.equal(kernel.provenance.from, `Debian package linux-image-${release} 6.1.9-1`)
  assert.match(kernel.provenance.sha256 ?? '', /^[0-9a-f]{64}$/)
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'vmlinux')), vmlinux)
  assert.equal(kernelFiles(kernel, 'module').length, Object.keys(moduleFiles()).length)
  assert.deepEqual(filesBelow(homePath('downloads')), [])
})

test('one that was pulled before is taken without apt; refresh looks for a newer one', async () => {
  await pull()
  const calls = apt.calls.length
  assert.equal((await pull()).already, true)
  assert.equal(apt.calls.length, calls)
  assert.equal((await pull({ refresh: true })).already, true)
  apt.mirror = { ...apt.mirror, ...image('6.1.10-1', 'usr/') }
  apt.lists = {}
  const { kernel } = await pull({ refresh: true })
  assert.equal(kernel.version, '6.1.10-1')
  assert.equal((await pull()).kernel.version, '6.1.10-1')
})

test('without packages the error names them and the import', async () => {
  apt.mirror = {}
  await assert.rejects(pull(), (error) => {
    assert.ok(error instanceof UfrError)
    assert.equal(error.code, 'UFR-DEBIAN')
    assert.match(error.message, /linux-image-cloud-amd64, busybox-static/)
    assert.match(error.fix, /ufr kernel import linux/)
    return true
  })
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
})

test('a package without a kernel in it is an error', async () => {
  apt.mirror[`linux-image-${release}`] = { version: '6.1.9-1', files: { 'usr/share/doc/x': 'x' } }
  await assert.rejects(pull(), /holds no boot\/vmlinuz-6.1.0-9-test/)
})
