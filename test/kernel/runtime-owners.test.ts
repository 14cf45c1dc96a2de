import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { noteOwner, type Owners, runtimeOrigins, writeOwners } from '../../src/kernel/runtime-owners.ts'

function write(folder: string, files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.join(folder, path.dirname(name)), { recursive: true })
    fs.writeFileSync(path.join(folder, name), text)
  }
}

test('the files of a runtime are known by the packages that they came from', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-owners-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const [packages, made] = [path.join(folder, 'packages'), path.join(folder, 'made')]
  const owners: Owners = new Map()
  write(packages, { 'usr/lib/liba.so.1.2': 'library a' })
  noteOwner(owners, packages, 'liba 1.2')
  write(packages, { 'usr/lib/python3/x.py': 'import y', 'usr/share/ca.crt': 'one' })
  noteOwner(owners, packages, 'ca-certificates 7')
  const placed = {
    'lib/liba.so.1': 'library a',
    'usr/lib/python3/x.pyc': 'compiled',
    'etc/ssl/certs/ca-certificates.crt': 'one and two',
    'usr/bin/node': 'node',
    'etc/own': 'made here',
  }
  for (const [name, text] of Object.entries(placed)) write(made, { [`root/${name}`]: text })
  writeOwners(made, packages, owners, { 'usr/bin/node': 'npm' })
  const origin = runtimeOrigins(path.join(made, 'root'), 'node 24')
  const from = Object.fromEntries(Object.keys(placed).map((name) => [name, origin(name)?.from]))
  assert.deepEqual(from, {
    'lib/liba.so.1': 'node 24: liba 1.2',
    'usr/lib/python3/x.pyc': 'node 24: ca-certificates 7',
    'etc/ssl/certs/ca-certificates.crt': 'node 24: ca-certificates 7',
    'usr/bin/node': 'node 24: npm',
    'etc/own': undefined,
  })
})

test('a runtime that was made without such a list has no origins', () => {
  assert.equal(runtimeOrigins('/not/there/root', 'node 24')('usr/bin/node'), undefined)
})
