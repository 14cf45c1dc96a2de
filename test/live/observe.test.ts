import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import type { BuildReport } from '../../src/cli/schema/build.ts'
import type { ImageExplainReport } from '../../src/cli/schema/image.ts'
import { folderOf, lacking, ufr } from './ufr.ts'

const handler = `import fs from 'node:fs'
export const handler = async (event) => fs.readFileSync(event.file, 'utf8').trim()
`

const skip = lacking('linux')

test('a function is observed once: what it lacks is added, what it does not use is left out', {
  skip,
}, async (t) => {
  const folder = folderOf(t, {
    'index.mjs': handler,
    'data/used.txt': 'used\n',
    'data/unused.bin': 'x'.repeat(100_000),
    'secret.txt': 'left out\n',
    '.ufrignore': 'secret.txt\n',
    'events/one.json': '{"file":"data/used.txt"}',
    'ufr.json':
      '{"name":"seen","runtime":"nodejs24.x","handler":"index.handler","files":["*.mjs","data/unused.bin"]}',
  })
  const lacks = await ufr(t, ['run', folder, '--unikernel', 'linux', '--event', '{"file":"data/used.txt"}'])
  assert.equal(lacks.status, 1)

  const built = await ufr(t, ['build', folder, '--unikernel', 'linux', '--observe', '--shrink', '--json'])
  assert.equal(built.status, 0, built.stdout + built.stderr)
  const { observed } = JSON.parse(built.stdout) as BuildReport
  assert.deepEqual(observed?.events, ['events/one.json'])
  assert.equal(observed.complete, true)
  assert.deepEqual(
    observed.added.map(({ path: at, from }) => [at, from]),
    [['/var/task/data/used.txt', fs.realpathSync(path.join(folder, 'data/used.txt'))]],
  )

  const explained = await ufr(t, ['image', 'explain', folder, '--unikernel', 'linux', '--json'])
  const report = JSON.parse(explained.stdout) as ImageExplainReport
  const facts = (at: string) => report.files.find((file) => file.path === at)
  assert.equal(facts('/var/task/data/used.txt')?.reason, 'observed')
  assert.equal(facts('/var/task/index.mjs')?.used, 'opened')
  assert.equal(facts('/usr/bin/node')?.used, 'opened')
  assert.equal(facts('/var/task/data/unused.bin'), undefined)
  assert.equal(facts('/var/task/secret.txt'), undefined)
  assert.deepEqual(facts('/lib/x86_64-linux-gnu/libstdc++.so.6')?.neededBy, ['/usr/bin/node'])

  // Later builds go by it, and no longer once the sources have changed.
  const event = ['--event', '{"file":"data/used.txt"}']
  const again = await ufr(t, ['run', folder, '--unikernel', 'linux', ...event])
  assert.equal(again.stdout, '"used"\n', again.stderr)
  fs.appendFileSync(path.join(folder, 'data/used.txt'), 'more\n')
  const changed = await ufr(t, ['build', folder, '--unikernel', 'linux'])
  assert.match(changed.stderr, /What was observed of seen is not used/)
})
