import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../../src/base/errors.ts'
import { homePath } from '../../../src/base/paths.ts'
import { noProgress } from '../../../src/base/progress.ts'
import { kernelFiles, listKernels } from '../../../src/kernel/store.ts'
import { kernelFiles as osvFiles } from '../../../src/unikernel/osv/files.ts'
import { importOsv } from '../../../src/unikernel/osv/import.ts'
import { elfFixture } from '../../kernel/elf-fixture.ts'
import { filesBelow, useHome } from '../../kernel/home.ts'
import { writeFiles } from '../nanos-folders.ts'
import { bootLoader, osvKernel, version } from './folders.ts'

const home = useHome()
const at = (name = '') => home.beside(`from/${name}`)
const take = async (from: string) => (await importOsv(from, {}, noProgress())).kernel

async function refused(from: string, pattern: RegExp): Promise<void> {
  await assert.rejects(importOsv(from, {}, noProgress()), (error) => {
    assert.ok(error instanceof UfrError)
    assert.ok(['UFR-KERNEL-FILE', 'UFR-FORMAT'].includes(error.code), error.code)
    assert.match(error.message, pattern)
    return true
  })
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
}

const stripped = osvKernel()
const build = 'build/release.x64'

test('a tree that was built in: the kernel without symbols, and the boot loader, by what the kernel says', async () => {
  writeFiles(at(), {
    [`${build}/loader-stripped.elf`]: stripped,
    [`${build}/loader.elf`]: osvKernel(undefined, 'symbols'),
    [`${build}/loader.img`]: bootLoader(),
    [`${build}/usr.img`]: 'x',
  })
  fs.symlinkSync('release.x64', at('build/last'))
  const { kernel, already } = await importOsv(at(), {}, noProgress())
  assert.equal(already, false)
  assert.equal(kernel.version, version)
  assert.deepEqual(filesBelow(kernel.folder), ['kernel.json', 'loader.elf', 'loader.img'])
  assert.deepEqual(fs.readFileSync(kernelFiles(kernel, 'kernel')[0]!), stripped)
  assert.deepEqual(fs.readFileSync(kernelFiles(kernel, 'boot')[0]!), bootLoader())
  assert.deepEqual([kernel.provenance.how, kernel.provenance.from], ['import', path.resolve(at())])
  // The build folder itself, also by upstream's link to the last one.
  assert.equal((await importOsv(at(build), {}, noProgress())).already, true)
  assert.equal((await importOsv(at('build/last'), {}, noProgress())).already, true)
})

test('a kernel file alone, with symbols or without, and a folder without boot loader', async () => {
  writeFiles(at(), { 'loader.elf': stripped })
  const file = await take(at('loader.elf'))
  assert.deepEqual(
    file.files.map(({ role }) => role),
    ['kernel'],
  )
  assert.equal(file.version, version)
  assert.equal((await importOsv(at(), {}, noProgress())).already, true)
})

test('the version is what the kernel says; where that names none, its sum does', async () => {
  const said: [string, RegExp][] = [
    ['v0.58.0', /^0\.58\.0$/],
    ['v0.57.0-79-g0123abc', /^0\.57\.0-79-g0123abc$/],
    ['', /^sha256-[0-9a-f]{12}$/],
    ['/odd', /^sha256-[0-9a-f]{12}$/],
    ['mine', /^sha256-[0-9a-f]{12}$/],
  ]
  for (const [says, expected] of said) {
    writeFiles(at(), { 'loader.elf': osvKernel(says) })
    assert.match((await take(at())).version, expected)
  }
  const own = await importOsv(at(), { version: 'own' }, noProgress())
  assert.equal(own.kernel.version, 'own')
})

test('what is no kernel is named, and nothing is kept', async () => {
  await refused(at('none'), /does not exist/)
  writeFiles(at('other'), { 'README.md': 'x', 'build/release.aarch64/loader.elf': stripped })
  await refused(at('other'), /holds no OSv kernel/)
  writeFiles(at('short'), { 'loader.elf': stripped.subarray(0, stripped.length - 100) })
  const lengths = `it has ${stripped.length - 100} bytes of ${stripped.length}`
  await refused(at('short'), new RegExp(`loader.elf is truncated: ${lengths}`))
  writeFiles(at('arm'), { 'loader.elf': elfFixture({ machine: 183 }) })
  await refused(at('arm'), /not for 64-bit x86/)
  writeFiles(at('text'), { 'loader.elf': 'no kernel' })
  await refused(at('text'), /it has only 9 bytes/)
  writeFiles(at('nanos'), { 'loader.elf': elfFixture() })
  await refused(at('nanos'), /no OSv kernel: nothing in it says so/)
  writeFiles(at('boot'), { 'loader.elf': stripped, 'loader.img': Buffer.alloc(2048) })
  await refused(at('boot'), /loader.img is no boot loader/)
  assert.deepEqual(filesBelow(homePath()), [])
})

test('kernels from before programs had their own dynamic linker are refused by name', async () => {
  for (const old of ['v0.57.0', 'v0.56.0-12-gabcdef0', 'v0.57.0-78-gf0414b64']) {
    writeFiles(at(), { 'loader.elf': osvKernel(old) })
    await refused(at(), new RegExp(`OSv ${old.slice(1)} is too old`))
  }
  for (const fit of ['v0.57.0-79-gce3293f6', 'v0.58.0', 'v1.0.0']) {
    writeFiles(at(), { 'loader.elf': osvKernel(fit) })
    assert.equal((await take(at())).version, fit.slice(1))
  }
})

test('links are not followed out of the folder', async () => {
  writeFiles(at('real'), { 'loader.elf': stripped })
  fs.mkdirSync(at('linked'))
  fs.symlinkSync(at('real/loader.elf'), at('linked/loader.elf'))
  await refused(at('linked'), /not a regular file/)
})

test('any file is a kernel or an error', () => {
  fs.mkdirSync(at(), { recursive: true })
  const file = at('loader.elf')
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(fc.nat(stripped.length - 1), fc.nat(255)).map(([place, byte]) => {
      const changed = Buffer.from(stripped)
      changed[place] = byte
      return changed
    }),
  )
  fc.assert(
    fc.property(bytes, (content) => {
      fs.writeFileSync(file, content)
      try {
        assert.equal(osvFiles(file).files.length, 1)
      } catch (error) {
        assert.ok(error instanceof UfrError, String(error))
      }
    }),
    { numRuns: 300 },
  )
})
