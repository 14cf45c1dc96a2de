import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { beforeEach, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { UfrError } from '../../src/base/errors.ts'
import { extractTarGz, regularFile } from '../../src/kernel/download/archive.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const [archive, into] = [() => home.beside('a.tar.gz'), () => home.beside('into')]
beforeEach(() => fs.mkdirSync(into(), { recursive: true }))

function pack(entries: Record<string, string>, options: string[] = []): void {
  const from = home.beside('from')
  for (const [name, text] of Object.entries(entries)) {
    fs.mkdirSync(path.dirname(`${from}/${name}`), { recursive: true })
    if (text.startsWith('->')) fs.symlinkSync(text.slice(2), `${from}/${name}`)
    else fs.writeFileSync(`${from}/${name}`, text)
  }
  execFileSync('tar', ['-czf', archive(), '-C', from, ...options, '.'])
}

const isFormat = (pattern: RegExp) => (error: unknown) =>
  error instanceof UfrError && error.code === 'UFR-FORMAT' && pattern.test(error.message)

test('all files of an archive, or those named, come out', async () => {
  pack({ 'a/b': 'one', c: 'two' }, ['--transform', 's,^\\./,,'])
  await extractTarGz(archive(), into())
  assert.deepEqual(filesBelow(into()), ['a/b', 'c'])
  fs.rmSync(into(), { recursive: true })
  fs.mkdirSync(into())
  await extractTarGz(archive(), into(), { members: ['a/b'] })
  assert.deepEqual(filesBelow(into()), ['a/b'])
})

test('a truncated, damaged or oversized archive is an error', async () => {
  pack({ a: 'x'.repeat(100_000), b: String(Math.random()) })
  const whole = fs.readFileSync(archive())
  fs.writeFileSync(archive(), whole.subarray(0, whole.length - 20))
  await assert.rejects(extractTarGz(archive(), into()), isFormat(/cannot be unpacked/))
  fs.writeFileSync(archive(), 'no archive at all')
  await assert.rejects(extractTarGz(archive(), into()), isFormat(/cannot be unpacked/))
  fs.writeFileSync(archive(), gzipSync('no tar inside'))
  await assert.rejects(extractTarGz(archive(), into()), isFormat(/cannot be unpacked/))
  fs.writeFileSync(archive(), whole)
  await assert.rejects(
    extractTarGz(archive(), into(), { maxBytes: 50_000 }),
    isFormat(/unpacks to more than 50000/),
  )
  await assert.rejects(
    extractTarGz(archive(), into(), { members: ['missing'] }),
    isFormat(/cannot be unpacked/),
  )
  await assert.rejects(extractTarGz(home.beside('none'), into()), isFormat(/ENOENT/))
})

test('nothing gets out of the folder', async () => {
  pack({ evil: 'x' }, ['--transform', 's,evil,../outside,', '--absolute-names'])
  await extractTarGz(archive(), into()).catch(() => {})
  assert.equal(fs.existsSync(home.beside('outside')), false)
})

test('only regular files are taken, and none through a link', () => {
  fs.mkdirSync(`${into()}/real`)
  fs.writeFileSync(`${into()}/real/file`, '')
  fs.symlinkSync('real', `${into()}/link`)
  fs.symlinkSync('/etc/passwd', `${into()}/passwd`)
  assert.equal(regularFile(into(), 'real/file'), `${into()}/real/file`)
  assert.equal(regularFile(into(), 'real/none'), undefined)
  assert.equal(regularFile(into(), 'none/file'), undefined)
  for (const name of ['link/file', 'passwd', 'real', '../x', '', 'real//file']) {
    assert.throws(() => regularFile(into(), name), isFormat(/./))
  }
})
