import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { commandScript } from '../../script/lab/guest.ts'
import { latin1 } from '../../script/lab/latin1.ts'

const folder = latin1(os.tmpdir())
const root = path.join(import.meta.dirname, '../..')

/** Runs the script that the guest would run. */
function run(words: string[], environment: [string, string][] = [], where = folder) {
  const all: [string, string][] = [['PATH', latin1(process.env['PATH']!)], ...environment]
  const script = commandScript({ words, environment: all, folder: where })
  return spawnSync('sh', ['-s'], { input: Buffer.from(script, 'latin1'), env: { FOREIGN: 'x' } })
}

test('words and variables come through as bytes, whatever they are', () => {
  const texts = fc.string({ unit: fc.integer({ min: 1, max: 255 }).map((byte) => String.fromCharCode(byte)) })
  fc.assert(
    fc.property(fc.array(texts, { maxLength: 6 }), texts, (words, value) => {
      const { stdout } = run(['sh', '-c', 'printf "%s\\0" "$VALUE" "$@"', 'sh', ...words], [['VALUE', value]])
      assert.equal(stdout.toString('latin1'), [value, ...words].map((each) => `${each}\0`).join(''))
    }),
    { numRuns: 60 },
  )
})

test('the environment is the one given and no other; the folder is the one given', () => {
  const { stdout } = run(['env'], [['A', 'b']])
  assert.match(stdout.toString(), /^PATH=.*\nA=b\n/)
  assert.ok(!stdout.toString().includes('FOREIGN'))
  assert.equal(run(['pwd', '-P']).stdout.toString().trim(), fs.realpathSync(os.tmpdir()))
  assert.equal(run(['true'], [], '/not/there').status, 125)
})

test('statuses are those of the command, and of one that is not there', () => {
  assert.equal(run(['sh', '-c', 'exit 7']).status, 7)
  assert.equal(run(['not-a-command-of-any-kind']).status, 127)
  assert.equal(run(['A=b']).status, 127)
})

test('the caller is seen as bytes: words that are no text, and only variables that matter', () => {
  const code = `import { commandLine, environment } from ${JSON.stringify(path.join(root, 'script/lab/caller.ts'))}
console.log(JSON.stringify([commandLine(), environment()]))`
  const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-lab-')), 'caller.ts')
  fs.writeFileSync(file, code)
  try {
    const node = `exec "$0" --disable-warning=ExperimentalWarning "$1" a '' $(printf '\\377') '--x y'`
    const env = { PATH: process.env['PATH']!, UFR_A: 'ä', CI: '1', SECRET: 'x', UFR_HOME: '/h' }
    const text = execFileSync('sh', ['-c', node, process.execPath, file], { env, encoding: 'utf8' })
    const [words, variables] = JSON.parse(text) as [string[], [string, string][]]
    assert.deepEqual(words, ['a', '', '\xff', '--x y'])
    const seen = new Map(variables)
    assert.equal(seen.get('UFR_A'), latin1('ä'))
    assert.equal(seen.get('CI'), '1')
    assert.equal(seen.get('UFR_HOME'), '/h')
    assert.equal(seen.get('UFR_IN_LAB'), '1')
    assert.equal(seen.get('SECRET'), undefined)
    assert.ok(seen.get('PATH')?.split(':').includes(path.dirname(process.execPath)))
  } finally {
    fs.rmSync(path.dirname(file), { recursive: true })
  }
})
