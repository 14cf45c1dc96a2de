import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { noProgress } from '../../src/base/progress.ts'
import { kernelFile, kernelFiles, listKernels } from '../../src/kernel/store.ts'
import { importLinux } from '../../src/unikernel/linux/import.ts'
import { elfFixture } from '../kernel/elf-fixture.ts'
import { filesBelow, useHome } from '../kernel/home.ts'
import { busybox, bzImage, moduleFiles, release, vmlinux, writeLinux } from './linux-parts.ts'

const home = useHome()
const at = (name = '') => home.beside(`host/${name}`)

function load(vmlinuz = at('vmlinuz'), options: { modules?: string; busybox?: string } = {}) {
  return importLinux(vmlinuz, { modules: at(), busybox: at('busybox'), ...options }, noProgress())
}

async function refused(promise: Promise<unknown>, pattern: RegExp): Promise<UfrError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  assert.equal(error.code, 'UFR-KERNEL-FILE')
  assert.match(error.message, pattern)
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
  return error
}

test('a host kernel: bzImage, the ELF file inside, modules in load order, busybox', async () => {
  writeLinux(at())
  const { kernel, already } = await load()
  assert.equal(already, false)
  assert.equal(kernel.version, release)
  assert.equal(kernel.details['release'], release)
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'vmlinuz')), bzImage())
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'vmlinux')), vmlinux)
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'busybox')), busybox)
  assert.equal(fs.statSync(kernelFile(kernel, 'busybox')).mode & 0o777, 0o755)
  const modules = kernelFiles(kernel, 'module').map((file) => path.basename(file))
  assert.deepEqual(modules.slice(0, 3), ['virtio_ring.ko', 'virtio.ko', 'virtio_mmio.ko'])
  assert.ok(modules.indexOf('net_failover.ko') < modules.indexOf('virtio_net.ko'))
  assert.equal((await load()).already, true)
  assert.deepEqual(filesBelow(homePath('downloads')), [])
})

test('modules are found in the folder itself, below it, or below its lib/modules', async () => {
  writeLinux(at())
  const places = [at(), at('lib/modules'), at(`lib/modules/${release}`)]
  for (const modules of places) await load(at('vmlinuz'), { modules })
  assert.equal(listKernels().kernels.length, 1)
  fs.rmSync(at('lib'), { recursive: true })
  await assert.rejects(load(), /The modules of Linux 6.1.0-9-test are not there/)
})

test('modules of an unpacked package are found beside its boot folder', async () => {
  writeLinux(at())
  fs.mkdirSync(at('boot'))
  fs.renameSync(at('vmlinuz'), at('boot/vmlinuz'))
  const { kernel } = await importLinux(at('boot/vmlinuz'), { busybox: at('busybox') }, noProgress())
  assert.equal(kernel.version, release)
})

test('an uncompressed kernel has no bzImage, and that is enough', async () => {
  writeLinux(at())
  fs.writeFileSync(at('vmlinux'), vmlinux)
  const { kernel } = await load(at('vmlinux'))
  assert.deepEqual(kernelFiles(kernel, 'vmlinuz'), [])
  assert.deepEqual(fs.readFileSync(kernelFile(kernel, 'vmlinux')), vmlinux)
})

test('missing modules are named, with who wants them and what to do', async () => {
  writeLinux(at(), moduleFiles(['overlay', 'libcrc32c']))
  const error = await refused(load(), /lacks modules that the guest needs: libcrc32c \(for erofs\), overlay$/)
  assert.match(error.fix, /ufr kernel pull linux/)
})

test('what is no whole kernel is named', async () => {
  writeLinux(at())
  await refused(load(at('none')), /is no file/)
  fs.writeFileSync(at('text'), 'not a kernel at all')
  await refused(load(at('text')), /text is no Linux kernel that can be booted/)
  fs.writeFileSync(at('short'), bzImage().subarray(0, -50))
  await refused(load(at('short')), /short is no Linux kernel/)
  fs.writeFileSync(at('half'), vmlinux.subarray(0, vmlinux.length - 10))
  await refused(load(at('half')), /half is truncated/)
})

test('a busybox that needs libraries is refused', async () => {
  writeLinux(at())
  fs.writeFileSync(at('busybox'), elfFixture({ needed: ['libc.so.6'] }))
  await refused(load(), /busybox is no static busybox/)
})
