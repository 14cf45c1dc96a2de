import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { findCommand } from '../../src/base/process.ts'
import { filesBelow } from '../kernel/home.ts'
import { releaseFiles, writeFiles } from '../unikernel/nanos-folders.ts'
import { command, runProgram, scratch, ufr } from './command.ts'
import { homeWithKernel, writeProgram } from './home.ts'

const mebibyte = 2 ** 20
const isRoot = process.getuid?.() === 0

/** A small file system of the test's own, gone after it; undefined where this machine does not allow that. */
function mountSmall(t: TestContext, size: string): string | undefined {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-cli-mount-')))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch {
    fs.rmdirSync(folder)
    return undefined
  }
  t.after(() => {
    execFileSync('umount', ['--lazy', folder])
    fs.rmdirSync(folder)
  })
  return folder
}

function resize(folder: string, size: string): void {
  execFileSync('mount', ['-o', `remount,size=${size}`, folder])
}

const halfWritten = (files: string[]) => files.filter((file) => /\.tmp-|^volumes|^images/.test(file))

test('a full disk: an error that says so, nothing half-written, and the same command works with room', async (t) => {
  const home = mountSmall(t, '2m')
  if (!home) return t.skip('no file system can be mounted here')
  const folder = scratch(t)
  const release = path.join(folder, '0.1.54')
  writeFiles(release, releaseFiles())
  const imported = await ufr(['kernel', 'import', 'nanos', release], { home })
  assert.equal(imported.status, 0, imported.stderr)
  const data = Buffer.alloc(4 * mebibyte, 'some text of the function\n')
  const code = writeProgram(path.join(folder, 'code'), { data })

  const full = await ufr(['build', code], { home })
  assert.deepEqual([full.status, full.stdout], [3, ''])
  assert.match(full.stderr, /^UFR-DATA: .*volumes cannot be written: no space is left\n {2}Free space there/m)
  assert.deepEqual(halfWritten(filesBelow(home)), [])
  assert.equal((await ufr(['image', 'ls'], { home })).stdout.split('\n').length, 2)

  resize(home, '16m')
  const built = await ufr(['build', code], { home })
  assert.equal(built.status, 0, built.stderr)
  assert.match(built.stderr, /built in/)
  const { output } = await ufr(['image', 'cat', built.stdout.trim(), 'root/var/task/data'], { home })
  assert.ok(output.equals(data))
})

test('a full disk under -o and under extract: what is there stays, nothing half-written comes', async (t) => {
  const small = mountSmall(t, '1m')
  if (!small) return t.skip('no file system can be mounted here')
  const { folder, home } = await homeWithKernel(t)
  const code = writeProgram(path.join(folder, 'code'), { data: Buffer.alloc(2 * mebibyte, 'x') })
  const image = path.join(small, 'image')
  fs.writeFileSync(image, 'the image from before')
  const built = await ufr(['build', code, '-o', image], { home })
  assert.equal(built.status, 3)
  assert.match(built.stderr, /^UFR-DATA: .* cannot be written: no space is left\n {2}.* with -o/m)
  assert.equal(fs.readFileSync(image, 'utf8'), 'the image from before')
  assert.deepEqual(fs.readdirSync(small), ['image'])

  const good = await ufr(['build', code], { home })
  fs.mkdirSync(path.join(small, 'there'))
  for (const target of ['there', 'new/below']) {
    const { status, stderr } = await ufr(['image', 'extract', good.stdout.trim(), path.join(small, target)], {
      home,
    })
    assert.equal(status, 3)
    assert.match(stderr, /^UFR-DATA: .* cannot be written: no space is left\n/)
    assert.deepEqual(filesBelow(small), ['image'])
    assert.ok(!fs.existsSync(path.join(small, 'new')))
  }
})

test('a full disk while a kernel is imported leaves no kernel', async (t) => {
  const home = mountSmall(t, '1m')
  if (!home) return t.skip('no file system can be mounted here')
  const folder = scratch(t)
  const release = path.join(folder, '0.1.54')
  writeFiles(release, { ...releaseFiles('x'.repeat(2 * mebibyte)) })
  const { status, stderr } = await ufr(['kernel', 'import', 'nanos', release], { home })
  assert.equal(status, 3)
  assert.match(stderr, /^UFR-DATA: .* cannot be written: no space is left\n/)
  assert.deepEqual(filesBelow(home), [])
  resize(home, '8m')
  assert.equal((await ufr(['kernel', 'import', 'nanos', release], { home })).status, 0)
})

/** The command as somebody to whom the modes of folders apply: root is above them by capabilities only. */
function asUser(args: string[], home: string) {
  const drop = isRoot ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all', '--'] : []
  return runProgram([...drop, ...command, ...args], { home })
}

test('a data folder that cannot be written is told, and what needs no writing works', async (t) => {
  if (isRoot && !findCommand('setpriv')) return t.skip('no setpriv on this machine')
  const { folder, home } = await homeWithKernel(t)
  writeProgram(path.join(folder, 'code'))
  const known = writeProgram(path.join(folder, 'known'), { data: 'known' })
  const built = await ufr(['build', known], { home })
  assert.equal(built.status, 0, built.stderr)
  const folders = [
    home,
    ...fs
      .readdirSync(home, { recursive: true, withFileTypes: true })
      .flatMap((entry) => (entry.isDirectory() ? [path.join(entry.parentPath, entry.name)] : [])),
  ]
  for (const each of folders) fs.chmodSync(each, 0o555)
  try {
    await unwritable(folder, home, built.stdout)
  } finally {
    for (const each of folders) fs.chmodSync(each, 0o755)
  }
})

async function unwritable(folder: string, home: string, digest: string): Promise<void> {
  const before = filesBelow(home)
  for (const args of [
    ['build', path.join(folder, 'code')],
    ['kernel', 'import', 'nanos', path.join(folder, '0.1.54')],
    ['kernel', 'rm', 'nanos@0.1.54'],
  ]) {
    const { status, stdout, stderr } = await asUser(args, home)
    assert.deepEqual([status, stdout], [3, ''], stderr)
    assert.match(stderr, /^UFR-DATA: .* cannot be written: .*permission denied.*\n {2}.*UFR_HOME/m)
  }
  const again = await asUser(['build', path.join(folder, 'known')], home)
  assert.deepEqual([again.status, again.stdout], [0, digest], again.stderr)
  const doctor = await asUser(['doctor'], home)
  assert.equal(doctor.status, 3)
  assert.match(doctor.stdout, /^LACK {2}data: .*permission denied.*\n {6}Set UFR_HOME to a folder/m)
  assert.deepEqual(filesBelow(home), before)
}

test('a UFR_HOME that is a file, or below one, is told', async (t) => {
  const folder = scratch(t)
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')
  writeFiles(path.join(folder, '0.1.54'), releaseFiles())
  for (const home of [file, path.join(file, 'below')]) {
    const { status, stderr } = await ufr(['kernel', 'import', 'nanos', path.join(folder, '0.1.54')], { home })
    assert.equal(status, 3, stderr)
    assert.match(stderr, /^UFR-DATA: .* cannot be written: /)
    assert.equal((await ufr(['doctor'], { home })).status, 3)
  }
})

test('an image that cannot be read for lack of rights is told', async (t) => {
  if (isRoot && !findCommand('setpriv')) return t.skip('no setpriv on this machine')
  const file = path.join(scratch(t), 'image')
  fs.writeFileSync(file, 'x', { mode: 0o000 })
  const { status, stderr } = await asUser(['image', 'ls', file], '/nonexistent/ufr')
  assert.equal(status, 2)
  assert.match(stderr, /^UFR-IMAGE-MISSING: .*image cannot be read: EACCES: permission denied/)
})
