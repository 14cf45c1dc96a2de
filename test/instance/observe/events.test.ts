import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import { namesIn } from '../../../src/instance/observe/candidates.ts'
import { requestOf, testEvents } from '../../../src/instance/observe/events.ts'

function folderWith(t: TestContext, events: Record<string, string>): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-events-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  fs.mkdirSync(path.join(folder, 'events'))
  for (const [name, text] of Object.entries(events)) fs.writeFileSync(path.join(folder, 'events', name), text)
  return folder
}

test('the events of a folder are asked for in order, and what is given instead of them', (t) => {
  const folder = folderWith(t, { 'b.json': '{"b":1}', 'a.json': '[1]', 'notes.txt': 'no event' })
  const events = testEvents(folder, 'handler', {})
  assert.deepEqual(
    events.map(({ name, event }) => [name, event.toString()]),
    [
      ['events/a.json', '[1]'],
      ['events/b.json', '{"b":1}'],
    ],
  )
  const given = testEvents(folder, 'handler', { event: Buffer.from('{"c":1}') })
  assert.deepEqual(
    given.map(({ event }) => event.toString()),
    ['{"c":1}'],
  )
  assert.equal(testEvents(folder, 'program', {}).length, 1)
})

test('without events a handler gets {} and a web function is asked for /', (t) => {
  const folder = folderWith(t, {})
  assert.equal(testEvents(folder, 'handler', {})[0]?.event.toString(), '{}')
  assert.deepEqual(testEvents(folder, 'web', {})[0]?.request, { method: 'GET', path: '/' })
})

test('an event that is no JSON, or no request for a web function, is named', (t) => {
  assert.throws(() => testEvents(folderWith(t, { 'a.json': '{' }), 'handler', {}), {
    code: 'UFR-CONFIG',
    message: /events\/a\.json is no JSON/,
  })
  assert.throws(() => testEvents(folderWith(t, { 'a.json': '{"name":1}' }), 'web', {}), {
    code: 'UFR-CONFIG',
  })
})

test("API Gateway's events of both formats are requests", () => {
  const first = {
    httpMethod: 'POST',
    path: '/items',
    queryStringParameters: { q: 'a b' },
    headers: { 'X-A': '1', Host: 'example.org' },
    body: 'aGk=',
    isBase64Encoded: true,
  }
  const body = Buffer.from('hi')
  assert.deepEqual(requestOf(first), { method: 'POST', path: '/items?q=a+b', headers: { 'X-A': '1' }, body })
  const second = { rawPath: '/x', rawQueryString: 'y=1', requestContext: { http: { method: 'DELETE' } } }
  assert.deepEqual(requestOf(second), { method: 'DELETE', path: '/x?y=1', headers: {} })
  assert.equal(requestOf({ path: 'no slash' }), undefined)
})

test('any event is a request or none', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      requestOf(value)
    }),
    { numRuns: 300 },
  )
})

test('names of libraries and files of packages are found in a program', () => {
  const text =
    '\0libz.so.1\0x/libno.so\0/usr/share/words/a.txt\0/home/me/secret\0/usr/lib/x/libq.so\0libcut.so.2'
  assert.deepEqual(namesIn(Buffer.from(text)).sort(), [
    '/usr/lib/x/libq.so',
    '/usr/share/words/a.txt',
    'libz.so.1',
  ])
})
