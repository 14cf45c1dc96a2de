import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import {
  findKernel,
  findKernelIfAny,
  kernelFile,
  kernelFiles,
  listKernels,
  makeDefault,
  type NewKernel,
  registerKernel,
  removeKernel,
  verifyKernel,
} from '../../src/kernel/store.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()

function kernel(version: string, content = version, name = 'nanos'): NewKernel {
  return {
    name,
    version,
    files: [
      { role: 'kernel', path: 'kernel.img', from: Buffer.from(content) },
      { role: 'klib', path: 'klibs/b', from: Buffer.from('b') },
      { role: 'klib', path: 'klibs/a', from: Buffer.from('a'), mode: 0o755 },
    ],
    provenance: { how: 'import', from: '/somewhere' },
    details: { release: 'x' },
  }
}

function throwsCode(use: () => unknown, code: string, pattern: RegExp): UfrError {
  let caught: unknown
  assert.throws(use, (error) => {
    caught = error
    return error instanceof UfrError && error.code === code && pattern.test(`${error.message} ${error.fix}`)
  })
  return caught as UfrError
}

test('a registered kernel is found again, with its files in their order', async () => {
  const file = home.beside('source')
  fs.writeFileSync(file, 'from a file', { mode: 0o600 })
  const wanted = kernel('0.1.54')
  wanted.files.push({ role: 'boot', path: 'boot.img', from: file })
  const { kernel: made, already } = await registerKernel(wanted)
  assert.equal(already, false)
  assert.deepEqual(findKernel('nanos'), made)
  assert.deepEqual(findKernel('nanos', '0.1.54'), made)
  assert.equal(made.isDefault, true)
  assert.equal(fs.readFileSync(kernelFile(made, 'kernel'), 'utf8'), '0.1.54')
  assert.equal(fs.readFileSync(kernelFile(made, 'boot'), 'utf8'), 'from a file')
  assert.equal(fs.statSync(kernelFile(made, 'boot')).mode & 0o777, 0o644)
  const klibs = kernelFiles(made, 'klib')
  assert.deepEqual(
    klibs.map((each) => path.relative(made.folder, each)),
    ['klibs/b', 'klibs/a'],
  )
  assert.equal(fs.statSync(klibs[1] ?? '').mode & 0o777, 0o755)
  verifyKernel(made)
  throwsCode(() => kernelFile(made, 'initrd'), 'UFR-STORE-RECORD', /no initrd/)
})

test('the same content again is no error, and changes nothing but the default', async () => {
  const first = await registerKernel(kernel('1'))
  await registerKernel(kernel('2'))
  const again = await registerKernel({ ...kernel('1'), provenance: { how: 'import', from: '/elsewhere' } })
  assert.equal(again.already, true)
  assert.equal(again.kernel.provenance.at, first.kernel.provenance.at)
  assert.equal(findKernel('nanos').version, '1')
})

test('other content under a version that is taken gets a version of its own', async () => {
  const first = (await registerKernel(kernel('1', 'one'))).kernel
  const second = (await registerKernel(kernel('1', 'two'))).kernel
  assert.notEqual(first.digest, second.digest)
  assert.equal(second.version, `1-${second.digest.slice(0, 8)}`)
  assert.equal((await registerKernel(kernel('1', 'two'))).already, true)
  assert.equal(fs.readFileSync(kernelFile(findKernel('nanos', '1'), 'kernel'), 'utf8'), 'one')
})

test('the default is the last one registered; without it, the newest', async () => {
  await registerKernel(kernel('1'))
  await sleep(5)
  await registerKernel(kernel('2'))
  await sleep(5)
  await registerKernel(kernel('3'))
  makeDefault(findKernel('nanos', '1'))
  assert.equal(findKernel('nanos').version, '1')
  assert.equal(removeKernel('nanos', '1'), homePath('kernels/nanos/1'))
  assert.equal(findKernel('nanos').version, '3')
  assert.deepEqual(
    listKernels().kernels.map((each) => each.version),
    ['3', '2'],
  )
})

test('a kernel that is not there says how to get one, and which there are', async () => {
  throwsCode(
    () => findKernel('nanos'),
    'UFR-KERNEL-MISSING',
    /ufr kernel pull nanos`, or `ufr kernel import nanos PATH/,
  )
  assert.equal(findKernelIfAny('nanos'), undefined)
  await registerKernel(kernel('1'))
  const error = throwsCode(() => findKernel('nanos', '2'), 'UFR-KERNEL-MISSING', /no nanos@2/)
  assert.deepEqual(error.detail, ['There is: nanos@1'])
  throwsCode(() => removeKernel('nanos', '2'), 'UFR-KERNEL-MISSING', /no nanos@2/)
})

test('names and versions never leave the store', async () => {
  for (const [name, version] of [
    ['..', '1'],
    ['nanos', '..'],
    ['nanos', 'a/b'],
    ['nanos', '.tmp'],
    ['', '1'],
    ['a/b', '1'],
  ]) {
    throwsCode(() => findKernel(name ?? '', version), 'UFR-USAGE', /cannot name a kernel/)
    await assert.rejects(registerKernel({ ...kernel('1'), name: name ?? '', version: version ?? '' }))
  }
  const outside = kernel('1')
  outside.files.push({ role: 'boot', path: '../../outside', from: Buffer.from('') })
  await assert.rejects(registerKernel(outside))
  assert.deepEqual(listKernels().kernels, [])
})

test('broken entries are named with their fix, and do not hide others', async () => {
  const damage: [string, (folder: string) => void, RegExp][] = [
    ['1', (folder) => fs.rmSync(path.join(folder, 'kernel.img')), /kernel.img is missing/],
    ['2', (folder) => fs.truncateSync(path.join(folder, 'kernel.img'), 0), /has 0 bytes instead of 1/],
    ['3', (folder) => fs.rmSync(path.join(folder, 'kernel.json')), /ENOENT/],
    ['4', (folder) => fs.truncateSync(path.join(folder, 'kernel.json'), 40), /JSON/],
    ['5', (folder) => fs.writeFileSync(path.join(folder, 'kernel.json'), '{"schemaVersion":2}'), /newer ufr/],
    ['6', (folder) => edit(folder, '"bytes": 1', '"bytes": "1"'), /bytes is no number/],
    ['7', (folder) => edit(folder, 'klibs/a', '../../../a'), /not a path/],
    ['8', (folder) => edit(folder, '"klib"', '"boot"'), /digest/],
    ['9', (folder) => edit(folder, '"version": "9"', '"version": "90"'), /is of nanos@90/],
  ]
  for (const [version, harm, pattern] of damage) {
    const { kernel: made } = await registerKernel(kernel(version))
    harm(made.folder)
    const error = throwsCode(() => findKernel('nanos', version), 'UFR-STORE-RECORD', pattern)
    assert.ok(error.message.includes(made.folder))
    assert.match(error.fix, new RegExp(`ufr kernel rm nanos@${version}`))
  }
  await registerKernel(kernel('10'))
  assert.deepEqual(
    listKernels().kernels.map((each) => each.version),
    ['10'],
  )
  assert.deepEqual(
    listKernels().broken.map((each) => each.version),
    damage.map(([version]) => version),
  )
  removeKernel('nanos', '1')
  assert.equal(listKernels().broken.length, damage.length - 1)
})

function edit(folder: string, from: string, to: string): void {
  const file = path.join(folder, 'kernel.json')
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace(from, to))
}

test('a changed file of the same size is found by verifyKernel', async () => {
  const { kernel: made } = await registerKernel(kernel('1', 'abc'))
  fs.writeFileSync(kernelFile(made, 'kernel'), 'abd')
  throwsCode(
    () => verifyKernel(findKernel('nanos')),
    'UFR-STORE-RECORD',
    /kernel.img is not what was registered/,
  )
})

test('a failed registration leaves nothing behind', async () => {
  const failing = kernel('1')
  failing.files.push({ role: 'boot', path: 'boot.img', from: home.beside('missing') })
  await assert.rejects(registerKernel(failing), /ENOENT/)
  assert.deepEqual(filesBelow(homePath()), [])
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
})

test('a kernel can be registered again over a broken one only after that is removed', async () => {
  const { kernel: made } = await registerKernel(kernel('1'))
  fs.rmSync(path.join(made.folder, 'kernel.json'))
  const other = await registerKernel(kernel('1'))
  assert.notEqual(other.kernel.version, '1')
  removeKernel('nanos', '1')
  assert.equal((await registerKernel(kernel('1'))).kernel.version, '1')
})

test('processes that register at once do not harm each other', { timeout: 60_000 }, async () => {
  const store = JSON.stringify(path.resolve(import.meta.dirname, '../../src/kernel/store.ts'))
  const script = `
import { registerKernel, removeKernel } from ${store}
const results = []
for (let i = 0; i < 20; i++) {
  const from = Buffer.alloc(20000, 'same')
  const files = [{ role: 'kernel', path: 'kernel.img', from }]
  const made = await registerKernel({ name: 'nanos', version: String(i), files, provenance: { how: 'build', from: 'test' } })
  results.push(made.already + ' ' + made.kernel.version)
}
process.stdout.write(JSON.stringify(results))`
  const children = [0, 1, 2].map(() =>
    spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'pipe' }),
  )
  const outputs = await Promise.all(
    children.map(async (child) => {
      const chunks: Buffer[] = []
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
      child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
      await once(child, 'close')
      return JSON.parse(Buffer.concat(chunks).toString()) as string[]
    }),
  )
  const made = outputs.flat().filter((line) => line.startsWith('false'))
  assert.deepEqual(made.sort(), Array.from({ length: 20 }, (_, i) => `false ${i}`).sort())
  const { kernels, broken } = listKernels()
  assert.deepEqual(broken, [])
  assert.equal(kernels.length, 20)
  for (const each of kernels) verifyKernel(each)
  assert.ok(filesBelow(homePath('kernels')).every((name) => !name.includes('.tmp-')))
})
