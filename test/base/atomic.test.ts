import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import {
  createFileAtomic,
  createFolderAtomic,
  dataError,
  removeFolderAtomic,
  temporaryPrefix,
  withTemporaryFolder,
  writeFileAtomic,
} from '../../src/base/atomic.ts'
import { UfrError } from '../../src/base/errors.ts'

let folder = ''
beforeEach(() => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-atomic-'))
})
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }))

test('writeFileAtomic replaces a file whole and leaves nothing else behind', () => {
  const file = path.join(folder, 'below', 'file')
  writeFileAtomic(file, 'one')
  writeFileAtomic(file, 'two', { mode: 0o600 })
  assert.equal(fs.readFileSync(file, 'utf8'), 'two')
  assert.equal(fs.statSync(file).mode & 0o777, 0o600)
  assert.deepEqual(fs.readdirSync(path.dirname(file)), ['file'])
})

test('writeFileAtomic keeps the old file where the new one cannot take its place', () => {
  const taken = path.join(folder, 'taken')
  fs.mkdirSync(path.join(taken, 'inside'), { recursive: true })
  assert.throws(() => writeFileAtomic(taken, 'text'))
  assert.deepEqual(fs.readdirSync(folder), ['taken'])
})

test('createFileAtomic writes only what is not there yet', () => {
  const file = path.join(folder, 'file')
  assert.equal(createFileAtomic(file, 'first'), true)
  assert.equal(createFileAtomic(file, 'second'), false)
  assert.equal(fs.readFileSync(file, 'utf8'), 'first')
  assert.deepEqual(fs.readdirSync(folder), ['file'])
})

test('createFolderAtomic makes a folder whole, once, or not at all', async () => {
  const made = path.join(folder, 'made')
  const build = (text: string) => (to: string) => fs.writeFileSync(path.join(to, 'file'), text)
  assert.equal(await createFolderAtomic(made, build('one')), true)
  assert.equal(await createFolderAtomic(made, build('two')), false)
  assert.equal(fs.readFileSync(path.join(made, 'file'), 'utf8'), 'one')
  const failing = createFolderAtomic(path.join(folder, 'other'), (to) => {
    fs.writeFileSync(path.join(to, 'half'), '')
    throw new Error('no more')
  })
  await assert.rejects(failing, /no more/)
  assert.deepEqual(fs.readdirSync(folder), ['made'])
})

test('withTemporaryFolder removes its folder, unwritable parts too, and what was left behind long ago', async () => {
  const old = path.join(folder, `${temporaryPrefix}old`)
  const young = path.join(folder, `${temporaryPrefix}young`)
  for (const each of [old, young]) fs.mkdirSync(path.join(each, 'inside'), { recursive: true })
  fs.utimesSync(old, 0, 0)
  await withTemporaryFolder(folder, (temporary) => {
    fs.mkdirSync(path.join(temporary, 'locked'))
    fs.writeFileSync(path.join(temporary, 'locked', 'file'), '')
    fs.chmodSync(path.join(temporary, 'locked'), 0o500)
  })
  assert.deepEqual(fs.readdirSync(folder), [`${temporaryPrefix}young`])
})

test('removeFolderAtomic removes a folder; none is no error', () => {
  fs.mkdirSync(path.join(folder, 'a', 'b'), { recursive: true })
  removeFolderAtomic(path.join(folder, 'a'))
  removeFolderAtomic(path.join(folder, 'a'))
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('a full disk and a forbidden folder are UFR-DATA; a file that could not be read is not', () => {
  const system = (code: string, file: string) =>
    Object.assign(new Error(`${code}: ${file}`), { code, path: file })
  const full = dataError(system('ENOSPC', '/elsewhere'), '/data')
  assert.ok(full instanceof UfrError)
  assert.equal(full.code, 'UFR-DATA')
  assert.match(full.message, /\/data cannot be written: no space is left/)
  assert.ok(dataError(system('EACCES', '/data/file'), '/data') instanceof UfrError)
  assert.ok(dataError(system('EACCES', '/'), '/data') instanceof UfrError)
  const reading = system('EACCES', '/elsewhere/secret')
  assert.equal(dataError(reading, '/data'), reading)
})

test('a file where the data folder should be is an error that names it', () => {
  const file = path.join(folder, 'file')
  fs.writeFileSync(file, '')
  const isDataError = (error: unknown) => error instanceof UfrError && error.code === 'UFR-DATA'
  assert.throws(() => writeFileAtomic(path.join(file, 'below'), ''), isDataError)
  assert.throws(() => createFileAtomic(path.join(file, 'below'), ''), isDataError)
  assert.throws(() => writeFileAtomic(path.join(file, 'further', 'below'), ''), isDataError)
})
