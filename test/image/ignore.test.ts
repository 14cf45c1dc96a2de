import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseIgnore, readIgnore } from '../../src/image/folder/ignore.ts'

function ignored(lines: string[], file: string, isFolder = false): boolean {
  return parseIgnore(lines)(file, isFolder)
}

test('lines in the manner of .gitignore', () => {
  for (const [lines, file, isFolder, expected] of [
    [['a'], 'a', false, true],
    [['a'], 'x/y/a', false, true],
    [['/a'], 'a', false, true],
    [['/a'], 'x/a', false, false],
    [['a/'], 'a', false, false],
    [['a/'], 'x/a', true, true],
    [['a/b'], 'a/b', false, true],
    [['a/b'], 'x/a/b', false, false],
    [['**/a/b'], 'x/a/b', false, true],
    [['a/**'], 'a', true, false],
    [['a/**'], 'a/b/c', false, true],
    [['*.log'], 'x/y.log', false, true],
    [['*.log', '!y.log'], 'x/y.log', false, false],
    [['!y.log', '*.log'], 'x/y.log', false, true],
    [['# a', '', '  '], '# a', false, false],
    [['\\#a'], '#a', false, true],
    [['\\!a'], '!a', false, true],
    [['a  '], 'a', false, true],
    [['a\\ '], 'a ', false, true],
    [['/', '!'], 'a', true, false],
  ] as const) {
    assert.equal(ignored([...lines], file, isFolder), expected, `${lines.join(' | ')}: ${file}`)
  }
})

test('a line and its negation cancel out, and lines about nothing change nothing', () => {
  const name = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abc') })
  const line = fc.string({ minLength: 1, maxLength: 6, unit: fc.constantFrom(...'abc*?/') })
  fc.assert(
    fc.property(fc.array(line), line, name, fc.boolean(), (lines, one, file, isFolder) => {
      assert.equal(
        ignored([...lines, one, `!${one}`], file, isFolder) && ignored([one], file, isFolder),
        false,
      )
      assert.equal(ignored([...lines, '# x', ''], file, isFolder), ignored(lines, file, isFolder))
      assert.equal(ignored([file], `${one.replaceAll('/', '_')}/${file}`), true)
    }),
    { numRuns: 500 },
  )
})

test('agrees with git', (t) => {
  if (spawnSync('git', ['--version']).status !== 0) return t.skip('git is not installed')
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-ignore-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  execFileSync('git', ['init', '-q', folder])
  const names = ['a', 'b', 'ab', 'a.b']
  const files = names.concat(names.flatMap((one) => names.map((two) => `x/${one}/${two}`)))
  for (const file of files) {
    fs.mkdirSync(path.join(folder, path.dirname(file)), { recursive: true })
    if (!fs.existsSync(path.join(folder, file))) fs.writeFileSync(path.join(folder, file), '')
  }
  const line = fc.string({ minLength: 1, maxLength: 7, unit: fc.constantFrom(...'aabbx.**//!?') })
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), (lines) => {
      // git calls a slash alone, or two at once, something of their own; nobody means anything by them.
      fc.pre(lines.every((l) => !l.includes('//') && !/^!*\/?$/.test(l) && !/\*\*[^/]|[^/!]\*\*/.test(l)))
      fs.writeFileSync(path.join(folder, '.gitignore'), `${lines.join('\n')}\n`)
      const git = spawnSync('git', ['-C', folder, 'check-ignore', '--no-index', '--stdin'], {
        input: files.join('\n'),
        // The user's own settings can name further files with patterns.
        env: { ...process.env, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' },
      })
      const ignore = parseIgnore(lines)
      const ours = files.filter((file) => {
        const parts = file.split('/')
        return parts.some((_, i) => ignore(parts.slice(0, i + 1).join('/'), i < parts.length - 1))
      })
      assert.deepEqual(ours, git.stdout.toString().split('\n').filter(Boolean), lines.join(' | '))
    }),
    { numRuns: 150 },
  )
})

test('readIgnore: the defaults come first, the file may be missing, not be a folder', (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-ignore-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const defaults = readIgnore(folder)
  for (const file of ['ufr.json', '.ufrignore', 'x/.DS_Store', '.a.js.swp'])
    assert.equal(defaults(file, false), true)
  for (const file of ['.git', 'x/.git', 'node_modules/.cache', 'x/node_modules/.cache']) {
    assert.equal(defaults(file, true), true)
  }
  for (const file of ['x/ufr.json', 'index.mjs', '.env', 'node_modules'])
    assert.equal(defaults(file, false), false)
  fs.writeFileSync(path.join(folder, '.ufrignore'), '\ufeff*.md\r\n!.git\r\n')
  const own = readIgnore(folder)
  assert.equal(own('a.md', false), true)
  assert.equal(own('.git', true), false)
  fs.rmSync(path.join(folder, '.ufrignore'))
  fs.mkdirSync(path.join(folder, '.ufrignore'))
  assert.throws(() => readIgnore(folder), { code: 'UFR-TREE', message: /\.ufrignore is not a file/ })
})
