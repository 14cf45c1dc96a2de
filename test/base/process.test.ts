import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { findCommand, lastLines, runCommand } from '../../src/base/process.ts'

function isError(code: string, pattern: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof UfrError)
    assert.equal(error.code, code)
    assert.match(error.message, pattern)
    return true
  }
}

test('runCommand gives back what a command prints, byte by byte', async () => {
  const result = await runCommand('printf', ['%b', 'a\\0377b'])
  assert.deepEqual([...result.output], [97, 0o377, 98])
  assert.equal((await runCommand('cat', [], { input: 'through' })).stdout, 'through')
  assert.equal((await runCommand('sh', ['-c', 'exit 3'], { accept: [3] })).status, 3)
})

test('runCommand passes arguments as they are, without a shell', async () => {
  assert.equal((await runCommand('printf', ['%s', '$(id); `id` && "x"'])).stdout, '$(id); `id` && "x"')
})

test('a failing command is an error with its last lines', async () => {
  const run = runCommand('sh', ['-c', 'seq 20 >&2; exit 7'])
  await assert.rejects(run, (error) => {
    assert.ok(error instanceof UfrError)
    assert.equal(error.code, 'UFR-COMMAND')
    assert.match(error.message, /sh failed with status 7/)
    assert.deepEqual(error.detail.slice(-2), ['19', '20'])
    return true
  })
})

test('a command that finds the disk full is UFR-DATA', async () => {
  const full = runCommand('sh', ['-c', 'echo "tar: a: Cannot write: No space left on device" >&2; exit 2'])
  await assert.rejects(full, isError('UFR-DATA', /no space is left/))
})

test('a missing command says how to install it; a missing folder is not a missing command', async () => {
  const missing = runCommand('ufr-no-such-command', [], { install: 'apt-get install nothing' })
  await assert.rejects(missing, (error) => {
    assert.ok(error instanceof UfrError)
    assert.match(error.message, /not installed/)
    assert.equal(error.fix, 'Install it: apt-get install nothing')
    return true
  })
  await assert.rejects(
    runCommand('true', [], { cwd: '/no/such/folder' }),
    isError('UFR-COMMAND', /cannot be started/),
  )
})

test('a command that takes too long or prints too much is ended', async () => {
  const begin = Date.now()
  await assert.rejects(
    runCommand('sleep', ['30'], { timeout: 100 }),
    isError('UFR-COMMAND', /longer than 0.1 s/),
  )
  await assert.rejects(
    runCommand('yes', [], { maxOutput: 10_000 }),
    isError('UFR-COMMAND', /more than 10000 bytes/),
  )
  assert.ok(Date.now() - begin < 10_000)
})

test('a command that does not read its input is no error by that alone', async () => {
  const input = Buffer.alloc(1 << 20)
  assert.equal((await runCommand('true', [], { input })).status, 0)
})

test('findCommand looks along PATH and takes only programs', () => {
  assert.match(findCommand('sh') ?? '', /\/sh$/)
  assert.equal(findCommand('sh', '/no/such:/dev'), undefined)
  assert.equal(findCommand('etc', '/'), undefined)
})

test('lastLines leaves out empty lines', () => {
  assert.deepEqual(lastLines('a\n\nb \r\n\n', 2), ['a', 'b'])
})
