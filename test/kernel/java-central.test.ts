import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { test } from 'node:test'
import { noProgress } from '../../src/base/progress.ts'
import { fetchArtifact } from '../../src/kernel/java/central.ts'
import { ensureKotlin } from '../../src/kernel/java/kotlin.ts'
import { ensureMaven } from '../../src/kernel/java/maven.ts'
import { filesBelow, useHome } from './home.ts'
import { fileHandler, serve } from './server.ts'

const home = useHome()
const bytes = Buffer.from('a jar')
const sha256 = createHash('sha256').update(bytes).digest('hex')
const words = { what: 'The thing', instead: 'do without' }

test('what is fetched from Maven Central is what is expected, or nothing', async (t) => {
  await using server = await serve((request, response) => {
    if (/gone/.test(request.url ?? '')) response.writeHead(404).end()
    else fileHandler(() => bytes)(request, response)
  })
  process.env['UFR_MIRROR'] = server.base
  t.after(() => delete process.env['UFR_MIRROR'])
  const file = home.beside('a.jar')
  await fetchArtifact({ path: 'org/a/a.jar', sha256 }, file, noProgress(), words)
  assert.equal(fs.readFileSync(file, 'utf8'), 'a jar')
  assert.match(server.seen[0]!, /^GET \/[^/]+\/maven2\/org\/a\/a\.jar/)
  await assert.rejects(
    fetchArtifact({ path: 'org/gone.jar', sha256 }, home.beside('b'), noProgress(), words),
    {
      code: 'UFR-RUNTIME',
      message: /^The thing cannot be had: /,
      fix: /UFR_MIRROR; or do without\.$/,
    },
  )
  // Neither compiler nor build tool is run that has other bytes than those known here.
  for (const ensure of [ensureKotlin, ensureMaven])
    await assert.rejects(ensure(noProgress()), { code: 'UFR-CHECKSUM' })
  assert.deepEqual(
    filesBelow(home.beside('home')).filter((name) => !/lock$/.test(name)),
    [],
  )
})
