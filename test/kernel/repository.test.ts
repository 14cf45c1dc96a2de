import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { UfrError } from '../../src/base/errors.ts'
import { receivedBytes } from '../../src/kernel/build/git.ts'
import { checkInside } from '../../src/kernel/build/output.ts'
import { checkRef, parseRepository } from '../../src/kernel/build/repository.ts'
import { useHome } from './home.ts'

const home = useHome()

function refused(use: () => unknown, code = 'UFR-USAGE'): void {
  assert.throws(use, (error) => error instanceof UfrError && error.code === code)
}

test('addresses of all kinds that git fetches over', () => {
  const cases: [string, string, string, boolean][] = [
    ['https://host.example/a/nanos.git', 'https://host.example/a/nanos.git', 'nanos', false],
    ['https://host.example:8443/a/b/', 'https://host.example:8443/a/b/', 'b', false],
    ['https://ada:secret@host.example/x.git', 'https://host.example/x.git', 'x', false],
    ['https://token@host.example/x', 'https://host.example/x', 'x', false],
    ['ssh://git@host.example:22/x.git', 'ssh://git@host.example:22/x.git', 'x', false],
    ['ssh://git:secret@host.example/x.git', 'ssh://git@host.example/x.git', 'x', false],
    ['git@host.example:a/nanos.git', 'git@host.example:a/nanos.git', 'nanos', false],
    ['host:x', 'host:x', 'x', false],
    ['git://host.example/x', 'git://host.example/x', 'x', false],
    ['file:///srv/git/nanos/.git', 'file:///srv/git/nanos/.git', 'nanos', true],
    ['https://host.example/', 'https://host.example/', 'host.example', false],
    ['https://host.example/..', 'https://host.example/..', 'source', false],
    ['https://host.example/%2e%2e', 'https://host.example/%2e%2e', 'source', false],
    ['https://host.example/-x', 'https://host.example/-x', 'source', false],
  ]
  for (const [given, shown, name, local] of cases)
    assert.deepEqual(parseRepository(given), { url: given, shown, name, local }, given)
})

test('folders, however they are written; one that is not there', () => {
  const folder = home.beside('a repository')
  fs.mkdirSync(folder)
  const relative = path.relative(process.cwd(), folder)
  for (const given of [folder, relative, `${folder}/`])
    assert.deepEqual(parseRepository(given), { url: folder, shown: folder, name: 'source', local: true })
  refused(() => parseRepository(home.beside('nothing')), 'UFR-BUILD-SOURCE')
})

test('what git would take for an option, or for a command to run, is refused', () => {
  const bad = [
    '',
    '-u',
    '--upload-pack=touch x',
    'ext::sh -c touch% x',
    'EXT::sh',
    'fd::17',
    'helper::https://host/x',
    'ext+x::y',
    'ssh://-oProxyCommand=touch/x',
    'ssh://a@-oProxyCommand=touch/x',
    '-oProxyCommand=x:y',
    'a@-oProxyCommand=x:y',
    'https://',
    'ftp://host/x',
    'javascript://host/x',
    'https://host/x\n--upload-pack=y',
    'https://host/\0',
    'host:x\ty',
  ]
  for (const given of bad) refused(() => parseRepository(given))
})

test('refs by the rules of git, and none that is an option', () => {
  const good = ['main', 'v1.16.1', 'feature/x', 'refs/pull/12/head', 'HEAD', 'a'.repeat(40), 'ü', 'x@y', '#1']
  for (const ref of good) checkRef(ref)
  const bad = ['', '-x', '--upload-pack=x', 'a b', 'a..b', 'a:b', 'a^', 'a~1', 'a@{1}', '@', 'a*', '[a', 'a?']
  const more = ['/a', 'a/', 'a.', '.a', 'a/.b', 'a//b', 'a.lock', 'a\\b', 'a\nb', 'a\0', 'x'.repeat(300)]
  for (const ref of [...bad, ...more]) refused(() => checkRef(ref))
})

test('outputs are paths in the clone', () => {
  for (const given of ['.', 'a', 'a/b', './a', 'a/../b', '..a', 'a b', '-x']) checkInside('--output', given)
  for (const given of ['', '/', '/etc/passwd', '..', '../x', 'a/../../x', './..', 'a\0'])
    refused(() => checkInside('--output', given))
})

test('whatever is given, it is refused or taken', () => {
  const use = (check: (text: string) => unknown) => (text: string) => {
    try {
      check(text)
    } catch (error) {
      assert.ok(error instanceof UfrError, String(error))
    }
  }
  const text = fc.oneof(fc.string(), fc.webUrl(), fc.string({ unit: fc.constantFrom(...'-:/@.\\~ ax') }))
  fc.assert(fc.property(text, use(parseRepository)), { numRuns: 2000 })
  fc.assert(fc.property(text, use(checkRef)), { numRuns: 1000 })
  fc.assert(
    fc.property(text, (given) => {
      const { url, shown, name, local } = (() => {
        try {
          return parseRepository(given)
        } catch {
          return { url: 'x', shown: 'x', name: 'x', local: false }
        }
      })()
      assert.ok(!url.startsWith('-') && !shown.startsWith('-'))
      assert.match(name, /^[A-Za-z0-9_][A-Za-z0-9_.+-]*$/)
      assert.ok(local || !url.startsWith('/'))
    }),
    { numRuns: 1000 },
  )
})

test("git's progress is understood", () => {
  const line = (text: string) => receivedBytes(text)
  assert.equal(line('Receiving objects:  12% (3/25), 1.50 MiB | 2.00 MiB/s\r'), 1.5 * 2 ** 20)
  const two = 'Receiving objects:  1% (1/99), 12 bytes | x\rReceiving objects: 2% (2/99), 2.00 KiB | x'
  assert.equal(line(two), 2048)
  assert.equal(line('remote: Counting objects: 5, done.'), undefined)
})
