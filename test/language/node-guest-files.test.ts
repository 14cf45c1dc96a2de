import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { test } from 'node:test'
import { contentBytes } from '../../src/image/content.ts'
import { folderTree } from '../../src/image/folder/folder.ts'
import { guestFiles } from '../../src/language/node/guest-files.ts'
import { markNames } from '../../src/link/marks.ts'
import { fetchFrom, guestFolder, startGuest, startHandler } from './node-guest-process.ts'

const root = path.join(import.meta.dirname, '../..')
const limit = { timeout: 30_000 }

test('the files for the guest stand by themselves, and are the same each time', () => {
  const files = guestFiles()
  assert.deepEqual([...files.keys()], ['/opt/ufr/handler.mjs', '/opt/ufr/web.cjs'])
  for (const [name, bytes] of files) {
    const text = Buffer.from(bytes).toString()
    assert.doesNotMatch(text, /^(import|export)\b/m, `${name} imports or exports`)
    assert.doesNotMatch(text, /\.m?ts'/, `${name} names a TypeScript file`)
    assert.ok(
      text.includes(`\\x1b_ufr;${markNames.ready};`),
      `${name} writes another mark than the host reads`,
    )
  }
  assert.deepEqual(guestFiles(), files)
})

test('making them warns of nothing', limit, () => {
  const module = path.join(root, 'src/language/node/guest-files.ts')
  const code = `import { guestFiles } from ${JSON.stringify(module)}; guestFiles(); process.emitWarning('mine')`
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], { encoding: 'utf8' })
  assert.match(stderr, /Warning: mine/)
  assert.doesNotMatch(stderr, /Experimental/)
})

test('examples/hello-node answers', limit, async (t) => {
  const files: Record<string, string> = {}
  for (const [name, entry] of folderTree(path.join(root, 'examples/hello-node'), []).sorted()) {
    if (entry.kind === 'file') files[name] = contentBytes(entry.content).toString()
  }
  const guest = await startHandler(t, files)
  const answer = (await guest.invoke({ name: 'Ada' })).json() as { message: string }
  assert.equal(answer.message, 'Hello, Ada!')
})

test('examples/web-node answers on its port', limit, async (t) => {
  const folder = path.join(root, 'examples/web-node')
  const guest = startGuest(t, folder, ['-r', guestFolder(t).web, 'server.js'])
  // Somebody else may have the port on the host, but not in a guest.
  const port = await guest.ready.catch((error) => {
    if (/EADDRINUSE/.test(String(error))) return undefined
    throw error
  })
  if (port === undefined) return t.skip('port 8083 of this host is taken')
  assert.equal(port, 8083)
  assert.match((await fetchFrom(port, {})).text, /^Hello/)
})
