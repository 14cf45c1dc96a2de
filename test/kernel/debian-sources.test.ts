import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { debianArchives } from '../../src/kernel/debian/sources.ts'

function list(text: string, name = 'sources.list'): string[] {
  return debianArchives([{ name, text }]).map(
    ({ kind, uri, updates, trusted }) =>
      `${kind} ${uri}${updates ? ' updates' : ''}${trusted ? ' trusted' : ''}`,
  )
}

test('the one-line format: Debian and its security archive', () => {
  const text = `
# deb http://old.example/debian bookworm main
deb http://mirror.example/debian/ bookworm main contrib # the mirror
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://mirror.example/debian bookworm-updates main
deb http://mirror.example/debian-security bookworm-security main
`
  assert.deepEqual(list(text), [
    'main http://mirror.example/debian updates',
    'security http://mirror.example/debian-security',
  ])
})

test('the deb822 format: several stanzas, continued lines, comments inside', () => {
  const text = `Types: deb deb-src
# an older mirror
URIs: http://a.example/debian
  http://b.example/debian/
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://a.example/debian-security
Suites: trixie-security
Components: main

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
`
  assert.deepEqual(list(text, 'debian.sources'), [
    'main http://a.example/debian updates',
    'main http://b.example/debian updates',
    'security http://a.example/debian-security',
  ])
  assert.deepEqual(list(text.replaceAll('\n', '\r\n'), 'debian.sources').length, 3)
})

test('what is not Debian itself is left out', () => {
  const others = [
    'deb https://node.example/node_20.x nodistro main',
    'deb https://cloud.example/apt cloud-sdk-bookworm main',
    'deb [signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.example/debian bookworm main',
    'deb https://docker.example/linux/debian bookworm stable',
    'deb http://postgres.example/pub bookworm-pgdg main',
    'deb http://ubuntu.example/ubuntu noble main',
    'deb [arch=arm64] http://mirror.example/debian bookworm main',
    'deb cdrom:[Debian]/ bookworm main',
    'deb http://mirror.example/debian bookworm-backports main',
    'deb-src http://mirror.example/debian bookworm main',
    'deb http://mirror.example/debian',
    'nonsense',
  ]
  for (const line of others) assert.deepEqual(list(line), [], line)
  assert.deepEqual(list('deb http://mirror.example/debian bookworm main', 'a.list.disabled'), [])
})

test('a mirror that the machine trusts stays trusted; other ways of access stay too', () => {
  assert.deepEqual(list('deb [trusted=yes] file:/srv/debian bookworm main'), [
    'main file:/srv/debian trusted',
  ])
  assert.deepEqual(list('deb mirror+file:/etc/apt/mirrors bookworm main'), [
    'main mirror+file:/etc/apt/mirrors',
  ])
})

test('any text is taken without complaint', () => {
  const line = fc.array(
    fc.constantFrom('deb', 'Types:', 'URIs:', ' ', '[', ']', '=', '#', '\n', 'main', 'x:y', 'é'),
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        line.map((parts) => parts.join(' ')),
      ),
      (text) => {
        list(text)
        list(text, 'a.sources')
      },
    ),
    { numRuns: 1000 },
  )
})
