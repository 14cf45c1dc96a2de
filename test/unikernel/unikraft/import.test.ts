import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { noProgress } from '../../../src/base/progress.ts'
import { findKernel, listKernels } from '../../../src/kernel/store.ts'
import { importUnikraft } from '../../../src/unikernel/unikraft/import.ts'
import { protocolsOf } from '../../../src/unikernel/unikraft/kernel-file.ts'
import { useHome } from '../../kernel/home.ts'
import { firecrackerKernel, qemuKernel } from './tiny-kernel.ts'

const home = useHome()
const take = (at: string, options = {}) => importUnikraft(at, options, noProgress())
const refused = (message: RegExp) => ({ name: 'UfrError', code: 'UFR-KERNEL-FILE', message })

function put(name: string, bytes: Buffer): string {
  const file = home.beside(name)
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, bytes)
  return file
}

test('a kernel file is registered by what it is, whatever its name', async () => {
  const { kernel, already } = await take(put('anything', qemuKernel()))
  assert.deepEqual([kernel.name, kernel.version, already], ['unikraft', '0.17.0', false])
  assert.deepEqual(
    kernel.files.map(({ role, path }) => [role, path]),
    [['kernel-qemu', 'kernel-qemu']],
  )
  assert.equal(kernel.provenance.from, home.beside('anything'))
  assert.equal((await take(home.beside('anything'))).already, true)
})

test('two kernels of one version that are imported one after the other come together', async () => {
  const [qemu, fc] = [put('a', qemuKernel()), put('b', firecrackerKernel())]
  await take(qemu)
  const { kernel } = await take(fc)
  assert.deepEqual(protocolsOf(kernel), ['multiboot', 'linux'])
  assert.match(kernel.version, /^0\.17\.0-[0-9a-f]{8}$/)
  assert.match(kernel.details['also'] ?? '', /^0\.17\.0 from .*a$/)
  // Again either of them, and nothing is lost or added.
  for (const file of [qemu, fc]) {
    const again = await take(file)
    assert.deepEqual([again.already, again.kernel.version], [true, kernel.version])
  }
  assert.equal(listKernels().kernels.length, 2)
  assert.equal(findKernel('unikraft').version, kernel.version)
})

test('kernels of different versions stay apart', async () => {
  await take(put('a', qemuKernel()))
  const { kernel } = await take(put('b', firecrackerKernel()), { version: '0.20.0' })
  assert.deepEqual([kernel.version, protocolsOf(kernel)], ['0.20.0', ['linux']])
})

test('a folder that upstream built in is looked through', async () => {
  put('app/workdir/build/elfloader_qemu-x86_64', qemuKernel())
  put('app/workdir/build/elfloader_qemu-x86_64.dbg', Buffer.from('debug'))
  const { kernel } = await take(home.beside('app'))
  assert.deepEqual([kernel.version, protocolsOf(kernel)], ['0.17.0', ['multiboot']])
  put('both/elfloader_qemu-x86_64', qemuKernel())
  put('both/elfloader_fc-x86_64', firecrackerKernel())
  assert.deepEqual(protocolsOf((await take(home.beside('both'))).kernel), ['multiboot', 'linux'])
  put('both/other_qemu-x86_64', qemuKernel())
  await assert.rejects(take(home.beside('both')), refused(/kernels for the same VMM/))
})

test('what is nothing of the kind is refused, and nothing is kept', async () => {
  await assert.rejects(take(home.beside('nothing')), refused(/does not exist/))
  fs.mkdirSync(home.beside('empty'))
  await assert.rejects(take(home.beside('empty')), refused(/holds no image/))
  await assert.rejects(take(put('text', Buffer.from('text'))), refused(/not an ELF file/))
  await assert.rejects(take(put('half', qemuKernel().subarray(0, 530))), refused(/truncated/))
  await assert.rejects(take(put('arm', firecrackerKernel({ machine: 183 }))), refused(/x86/))
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
})
