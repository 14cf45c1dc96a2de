import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { homePath } from '../../src/base/paths.ts'
import { findCommand } from '../../src/base/process.ts'
import { noProgress } from '../../src/base/progress.ts'
import { findKernel, kernelFiles, listKernels } from '../../src/kernel/store.ts'
import { importNanos } from '../../src/unikernel/nanos/import.ts'
import { elfFixture } from '../kernel/elf-fixture.ts'
import { filesBelow, useHome } from '../kernel/home.ts'
import { commit, nanosKernel, releaseFiles, writeBuildTree, writeFiles } from './nanos-folders.ts'

const home = useHome()
const at = (name = '') => home.beside(`from/${name}`)

async function refused(from: string, pattern: RegExp): Promise<void> {
  await assert.rejects(importNanos(from, {}, noProgress()), (error) => {
    assert.ok(error instanceof UfrError)
    assert.ok(['UFR-KERNEL-FILE', 'UFR-FORMAT'].includes(error.code))
    assert.match(error.message, pattern)
    return true
  })
  assert.deepEqual(listKernels(), { kernels: [], broken: [] })
}

test('a build tree: kernel, boot loader and klibs, by the commit it was built from', async () => {
  writeBuildTree(at())
  const { kernel, already } = await importNanos(at(), {}, noProgress())
  assert.equal(already, false)
  assert.equal(kernel.version, commit.slice(0, 8))
  assert.deepEqual(filesBelow(kernel.folder), ['boot.img', 'kernel.img', 'kernel.json', 'klibs/tls'])
  assert.deepEqual(fs.readFileSync(kernelFiles(kernel, 'kernel')[0] ?? ''), nanosKernel())
  assert.equal(kernel.provenance.how, 'import')
  assert.equal(kernel.provenance.from, path.resolve(at()))
  assert.equal((await importNanos(at(), {}, noProgress())).already, true)
  assert.deepEqual(findKernel('nanos').digest, kernel.digest)
})

test('a build tree whose commit is tagged has that version; one that moved on keeps what was built', async (t) => {
  if (findCommand('git') === undefined) return t.skip('git is not installed')
  writeFiles(at(), { 'release.sh': 'version=9.9.9' })
  const git = (...args: string[]) => {
    const who = ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'commit.gpgsign=false']
    return execFileSync('git', [...who, ...args], { cwd: at(), stdio: 'pipe' })
      .toString()
      .trim()
  }
  git('init', '-q')
  git('add', '.')
  git('commit', '-q', '-m', 'one')
  const built = git('rev-parse', 'HEAD')
  writeFiles(at(), {
    'output/platform/pc/bin/kernel.img': elfFixture({ payload: `built from ${built}` }),
    'output/platform/pc/gitversion.c': `"${built}"`,
  })
  git('commit', '-q', '--allow-empty', '-m', 'two')
  assert.equal((await importNanos(at(), {}, noProgress())).kernel.version, built.slice(0, 8))
  git('tag', '0.1.99', built)
  assert.equal((await importNanos(at(), {}, noProgress())).kernel.version, '0.1.99')
})

test('a release folder is known by its name, any other by the kernel itself', async () => {
  writeFiles(at('0.1.54'), releaseFiles())
  const { kernel } = await importNanos(at('0.1.54'), {}, noProgress())
  assert.equal(kernel.version, '0.1.54')
  assert.deepEqual(filesBelow(kernel.folder), [
    'boot.img',
    'kernel.img',
    'kernel.json',
    'klibs/ntp',
    'klibs/tls',
  ])
  fs.renameSync(at('0.1.54'), at('mine'))
  assert.match((await importNanos(at('mine'), {}, noProgress())).kernel.version, /^sha256-[0-9a-f]{12}$/)
})

test('a kernel file alone, and a folder without boot loader and klibs', async () => {
  writeFiles(at(), { 'kernel.img': nanosKernel() })
  const file = (await importNanos(at('kernel.img'), {}, noProgress())).kernel
  assert.match(file.version, /^sha256-[0-9a-f]{12}$/)
  assert.deepEqual(
    file.files.map((each) => each.role),
    ['kernel'],
  )
  assert.equal((await importNanos(at(), {}, noProgress())).already, true)
})

test('what is no kernel is named, and nothing is kept', async () => {
  await refused(at('none'), /does not exist/)
  writeFiles(at('other'), { 'README.md': 'x' })
  await refused(at('other'), /holds no Nanos kernel/)
  const whole = nanosKernel()
  writeFiles(at('short'), { 'kernel.img': whole.subarray(0, whole.length - 100) })
  await refused(
    at('short'),
    new RegExp(`kernel.img is truncated: it has ${whole.length - 100} bytes of ${whole.length}`),
  )
  writeFiles(at('arm'), { 'kernel.img': elfFixture({ machine: 183 }) })
  await refused(at('arm'), /not for 64-bit x86/)
  writeFiles(at('boot'), { 'kernel.img': whole, 'boot.img': Buffer.alloc(2048) })
  await refused(at('boot'), /boot.img is no boot loader/)
  writeFiles(at('klib'), { 'kernel.img': whole, 'klibs/tls': elfFixture().subarray(0, 200) })
  await refused(at('klib'), /klibs\/tls is truncated/)
  assert.deepEqual(filesBelow(homePath()), [])
})

test('links are not followed out of the folder', async () => {
  writeFiles(at('real'), { 'kernel.img': nanosKernel() })
  fs.mkdirSync(at('linked'))
  fs.symlinkSync(at('real/kernel.img'), at('linked/kernel.img'))
  await refused(at('linked'), /not a regular file/)
})
