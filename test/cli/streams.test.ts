import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { bytesContent } from '../../src/image/content.ts'
import { planErofs } from '../../src/image/formats/erofs/writer.ts'
import { layoutBytes } from '../../src/image/layout.ts'
import { Tree } from '../../src/image/tree.ts'
import { command, environment, runProgram, scratch, ufr } from './command.ts'
import { errorDocument } from './schemas.ts'

const manyFiles = 20_000
const largeBytes = 8 * 2 ** 20

/** An image whose list of files, and one of whose files, are far larger than what a pipe holds. */
function largeImage(t: TestContext): { file: string; large: Buffer } {
  const large = Buffer.alloc(largeBytes)
  for (let i = 0; i < largeBytes; i += 4) large.writeUInt32LE(i, i)
  const tree = new Tree().file('large', bytesContent(large))
  const small = bytesContent(Buffer.from('x'))
  for (let i = 0; i < manyFiles; i++) tree.file(`many/file-with-a-name-of-some-length-${i}`, small)
  const file = path.join(scratch(t), 'large.img')
  fs.writeFileSync(file, layoutBytes(planErofs(tree, { uuid: Buffer.alloc(16) })))
  return { file, large }
}

/** Runs the command with its standard output in a shell pipeline; `$1` is the image. */
function pipeline(script: string, image: string) {
  const shell = `set -o pipefail\nufr() { "$NODE" "$FLAG" "$MAIN" "$@"; }\n${script}`
  const [NODE, FLAG, MAIN] = command
  return runProgram(['bash', '-c', shell, 'bash', image], { env: { NODE, FLAG, MAIN } })
}

test('large results go through a slow pipe whole', async (t) => {
  const { file, large } = largeImage(t)
  const listed = await pipeline('ufr image ls "$1" | { sleep 0.5; cat; }', file)
  assert.equal(listed.status, 0, listed.stderr)
  assert.equal(listed.stdout.trimEnd().split('\n').length, manyFiles + 2)
  const json = await pipeline('ufr image ls "$1" --json | { sleep 0.5; cat; }', file)
  assert.equal(JSON.parse(json.stdout).entries.length, manyFiles + 2)
  const read = await pipeline('ufr image cat "$1" large | { sleep 0.5; sha256sum; }', file)
  assert.equal(read.stdout.slice(0, 64), createHash('sha256').update(large).digest('hex'))
})

test('a reader that has seen enough is no failure, and nothing is said of it', async (t) => {
  const { file } = largeImage(t)
  for (const script of [
    'ufr image ls "$1" | head -n 1',
    'ufr image ls "$1" --json | head -n 1',
    'ufr image cat "$1" large | head -c 10 | wc -c',
    'ufr --help | true',
    'ufr --version | true',
    // Nobody listens to what goes wrong any more; the status still tells.
    'ufr image ls /nonexistent/image 2> >(true) || [ $? = 2 ]',
  ]) {
    const { status, stderr } = await pipeline(script, file)
    assert.deepEqual([status, stderr], [0, ''], script)
  }
})

test('a full disk under standard output is an error of its own', async (t) => {
  const { file } = largeImage(t)
  for (const words of [['image', 'ls', file], ['image', 'cat', file, 'large'], ['--help']]) {
    const full = fs.openSync('/dev/full', 'w')
    const child = spawn(command[0], [...command.slice(1), ...words], {
      env: environment(),
      stdio: ['ignore', full, 'pipe'],
    })
    fs.closeSync(full)
    let stderr = ''
    child.stderr!.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk
    })
    const [status] = await once(child, 'close')
    assert.equal(status, 3, stderr)
    assert.match(stderr, /^UFR-OUTPUT: standard output cannot be written: no space is left\n[^\n]*\n$/)
  }
})

test('errors go to standard error; with --json they are the document on standard output', async () => {
  const cases: [string[], string, number][] = [
    [['run', '/nonexistent/folder'], 'UFR-FOLDER', 2],
    [['build', '/nonexistent/folder'], 'UFR-FOLDER', 2],
    [['init', '/nonexistent/folder'], 'UFR-FOLDER', 2],
    [['image', 'ls', '/nonexistent/image'], 'UFR-IMAGE-MISSING', 2],
    [['kernel', 'import', 'nanos', '/nonexistent'], 'UFR-KERNEL-FILE', 2],
    [['kernel', 'rm', 'nanos@1'], 'UFR-KERNEL-MISSING', 3],
    [['runtime', 'rm', 'node@1'], 'UFR-RUNTIME', 3],
    [['explain', 'UFR-X'], 'UFR-USAGE', 2],
    [['runn'], 'UFR-USAGE', 2],
    [['run', '--nonsense'], 'UFR-USAGE', 2],
  ]
  for (const [args, code, status] of cases) {
    const plain = await ufr(args)
    assert.deepEqual([plain.status, plain.stdout], [status, ''], args.join(' '))
    assert.ok(plain.stderr.startsWith(`${code}: `), plain.stderr)
    const json = await ufr([...args, '--json'])
    assert.deepEqual([json.status, json.stderr], [status, ''], args.join(' '))
    const { fix, message } = errorDocument(json.stdout)
    assert.equal(errorDocument(json.stdout).code, code)
    assert.equal(plain.stderr, `${code}: ${message}\n  ${fix}\n`)
  }
})
