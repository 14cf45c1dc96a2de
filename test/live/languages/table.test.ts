import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { root } from '../ufr.ts'
import { languagesPage } from './page.ts'
import { readResults } from './results.ts'
import { languageLimit, languageLimits, languages } from './table.ts'

test('every example is in the table, and every language of the table has both', () => {
  const wanted = Object.keys(languages).flatMap((name) => [`hello-${name}`, `web-${name}`])
  const there = fs.readdirSync(path.join(root, 'examples')).filter((name) => /^(hello|web)-/.test(name))
  assert.deepEqual(there.sort(), wanted.sort())
})

test('what was recorded is what the limits say: what fails has one, and what works has none', () => {
  for (const result of readResults()) {
    const limit = languageLimit(result.language, result.shape, result)
    assert.equal(result.works, limit === undefined, JSON.stringify(result))
  }
})

test('limits say why, each once', () => {
  for (const limit of languageLimits) {
    assert.match(limit.reason, /\w+ \w+/)
    if (limit.thread) assert.match(limit.thread, /^https:\/\/\S+$/)
  }
  const lines = languagesPage().match(/^\d+\. .*$/gm) ?? []
  assert.equal(new Set(lines).size, lines.length)
})

test('a cell of the page says what was recorded, for both examples', () => {
  const common = { accel: 'tcg', link: 'user', vmmVersion: '1', date: '2026-01-01' } as const
  const on = { language: 'c', kernel: 'nanos', vmm: 'qemu', ...common } as const
  const cell = (results: Parameters<typeof languagesPage>[0]) =>
    /^\| C \| (.*?) \|/m.exec(languagesPage(results))?.[1]
  assert.equal(cell([]), 'not tried')
  const hello = { ...on, shape: 'hello', works: true } as const
  assert.equal(cell([hello]), 'handler works, web not tried')
  assert.equal(cell([hello, { ...hello, shape: 'web' }]), 'works')
  assert.equal(cell([hello, { ...hello, shape: 'web', works: false }]), 'handler works, web fails')
})
