import assert from 'node:assert/strict'
import fs from 'node:fs'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { checkSum, fileSha256, fileSums, parseSum } from '../../src/kernel/download/checksum.ts'
import { checkKnownSum, knownSum, recordKnownSum } from '../../src/kernel/download/known.ts'
import { filesBelow, useHome } from './home.ts'

const home = useHome()
const md5 = '900150983cd24fb0d6963f7d28e17f72'
const sha256 = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'

test('sums of a file are those of its bytes', () => {
  const file = home.beside('abc')
  fs.writeFileSync(file, 'abc')
  assert.deepEqual(fileSums(file), { md5, sha256 })
  assert.equal(fileSha256(file), sha256)
})

test('published sums come bare or as md5sum writes them', () => {
  const read = (text: string) => parseSum(text, 'md5', 'a.tar.gz', 'http://host/a.md5')
  assert.equal(read(`${md5}\n`), md5)
  assert.equal(read(md5.toUpperCase()), md5)
  assert.equal(read(`${'0'.repeat(32)}  other.tar.gz\n${md5}  release/a.tar.gz\r\n`), md5)
  assert.equal(read(`${md5} *a.tar.gz`), md5)
  for (const text of ['', '<html>no</html>', md5.slice(1), sha256, `${md5}  other`]) {
    assert.throws(
      () => read(text),
      (error) => error instanceof UfrError && error.code === 'UFR-CHECKSUM',
    )
  }
})

test('sums that differ are both shown', () => {
  checkSum('a', 'md5', md5, md5.toUpperCase())
  assert.throws(
    () => checkSum('a', 'md5', md5, 'x'),
    (error) =>
      error instanceof UfrError &&
      error.detail.includes(`actual   ${md5}`) &&
      error.detail.includes('expected x'),
  )
})

test('the first sum of a version stays: another one is refused, a damaged record too', () => {
  assert.equal(knownSum('nanos', '1'), undefined)
  checkKnownSum('nanos', '1', sha256)
  assert.equal(recordKnownSum('nanos', '1', { sha256, from: 'http://host/' }), true)
  assert.equal(recordKnownSum('nanos', '1', { sha256: 'f'.repeat(64), from: 'http://host/' }), false)
  assert.equal(knownSum('nanos', '1'), sha256)
  checkKnownSum('nanos', '1', sha256)
  assert.throws(
    () => checkKnownSum('nanos', '1', 'f'.repeat(64)),
    (error) =>
      error instanceof UfrError &&
      error.code === 'UFR-CHECKSUM' &&
      error.detail.join().includes(sha256) &&
      error.detail.join().includes('f'.repeat(64)),
  )
  const [file] = filesBelow(home.beside('home'))
  fs.writeFileSync(home.beside(`home/${file}`), '{}')
  assert.throws(() => checkKnownSum('nanos', '1', sha256), /damaged/)
})
