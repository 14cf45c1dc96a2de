import assert from 'node:assert/strict'
import { test } from 'node:test'
import { osvManifest } from '../../../src/image/explain/osv-manifest.ts'

test('a manifest names the program and its libraries, but for those that OSv brings', () => {
  const names = ['libz.so.1', 'libc.so.6', 'libcrypto.so.3', 'libstdc++.so.6', 'libcrypt.so.1', 'libz.so.1']
  const libraries = names.map((name) => ({ name, file: `/lib/${name}` }))
  assert.deepEqual(osvManifest({ name: 'git', file: '/usr/bin/git', kind: 'pie', libraries }), [
    '# (PIE) Position Independent Executable',
    '/git: /usr/bin/git',
    '# --------------------',
    '# Dependencies        ',
    '# --------------------',
    '/usr/lib/libcrypto.so.3: /lib/libcrypto.so.3',
    '/usr/lib/libz.so.1: /lib/libz.so.1',
    '# --------------------',
  ])
})

test('a library goes where OSv looks for libraries', () => {
  const manifest = osvManifest({
    name: 'libz.so.1',
    file: '/lib/libz.so.1.2',
    kind: 'library',
    libraries: [],
  })
  assert.equal(manifest[1], '/usr/lib/libz.so.1: /lib/libz.so.1.2')
})
