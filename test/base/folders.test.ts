import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { writeFileAtomic } from '../../src/base/atomic.ts'
import { makeFolders } from '../../src/base/folders.ts'

test('folders are made with those above them, and again without harm', (t) => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-folders-'))
  t.after(() => fs.rmSync(root, { recursive: true, force: true }))
  const deep = path.join(root, 'a/b/c')
  makeFolders(deep)
  makeFolders(deep)
  assert.ok(fs.statSync(deep).isDirectory())
  fs.writeFileSync(path.join(root, 'file'), '')
  assert.throws(() => makeFolders(path.join(root, 'file/x')), { code: 'EEXIST' })
})

test('where no folder can be made that is said, and not tried for ever', () => {
  assert.throws(() => makeFolders('/proc/ufr/data'), { code: 'ENOENT' })
  assert.throws(() => writeFileAtomic('/proc/ufr/data/file', ''), { code: 'UFR-DATA' })
})
