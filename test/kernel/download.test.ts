import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import fs from 'node:fs'
import { test } from 'node:test'
import { UfrError } from '../../src/base/errors.ts'
import { download, downloadStatus, downloadText } from '../../src/kernel/download/download.ts'
import { filesBelow, useHome } from './home.ts'
import { fileHandler, serve } from './server.ts'

const home = useHome()
const quick = { backoff: 1, connectTimeout: 2000, idleTimeout: 2000 }
const content = randomBytes(300_000)
const target = () => home.beside('out/file')
const left = () => filesBelow(home.beside('out'))

function sum(algorithm: 'md5' | 'sha256', bytes: Buffer): string {
  return createHash(algorithm).update(bytes).digest('hex')
}

async function failure(promise: Promise<unknown>): Promise<UfrError> {
  const error = await promise.then(
    () => assert.fail('it did not fail'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof UfrError, String(error))
  return error
}

test('a download is the file, its sums and nothing beside it', async () => {
  await using server = await serve(fileHandler(() => content))
  const got = await download(`${server.base}/a/file`, target(), quick)
  assert.deepEqual(fs.readFileSync(target()), content)
  assert.deepEqual(left(), ['file'])
  assert.equal(got.sha256, sum('sha256', content))
  assert.equal(got.md5, sum('md5', content))
  assert.equal(got.bytes, content.length)
  assert.equal(got.resumedAt, 0)
  assert.equal(got.from, `${server.base}/a/file`)
})

test('progress is told of all bytes', async () => {
  await using server = await serve(fileHandler(() => content))
  const amounts: [number, number | undefined][] = []
  const progress = {
    step() {},
    note() {},
    done() {},
    amount: (...each: [number, number | undefined]) => void amounts.push(each),
  }
  await download(`${server.base}/f`, target(), { ...quick, progress })
  assert.deepEqual(amounts.at(-1), [content.length, content.length])
})

test('a connection that is cut again and again is taken up where it ended', async () => {
  await using server = await serve(
    fileHandler(
      () => content,
      () => (server.seen.length < 4 ? 80_000 : undefined),
    ),
  )
  const got = await download(`${server.base}/f`, target(), quick)
  assert.deepEqual(fs.readFileSync(target()), content)
  assert.equal(got.resumedAt, 0)
  const starts = server.seen.map((line) => Number(/bytes=(\d+)-/.exec(line)?.[1] ?? 0))
  assert.equal(server.seen.length, 4)
  assert.deepEqual(
    starts,
    [...starts].sort((a, b) => a - b),
  )
  assert.equal(new Set(starts).size, 4)
})

test('a download that was given up is resumed by the next one', async () => {
  let broken = true
  const cut = () => (!broken ? undefined : server.seen.length === 1 ? 100_000 : 0)
  await using server = await serve(fileHandler(() => content, cut))
  const error = await failure(download(`${server.base}/f`, target(), quick))
  assert.equal(error.code, 'UFR-DOWNLOAD')
  const before = fs.statSync(`${target()}.part`).size
  assert.ok(before > 0)
  broken = false
  const got = await download(`${server.base}/f`, target(), quick)
  assert.equal(got.resumedAt, before)
  assert.deepEqual(fs.readFileSync(target()), content)
  assert.deepEqual(left(), ['file'])
})

/** Leaves half a download of `bytes` behind, as a killed process does. */
function leaveHalf(url: string, bytes: Buffer, validator: string): void {
  fs.mkdirSync(home.beside('out'), { recursive: true })
  fs.writeFileSync(`${target()}.part`, bytes.subarray(0, 100_000))
  fs.writeFileSync(`${target()}.part.json`, JSON.stringify({ url, validator, total: bytes.length }))
}

test('a file that changed meanwhile is had from its start', async () => {
  await using server = await serve(fileHandler(() => content))
  leaveHalf(`${server.base}/f`, randomBytes(content.length), '"of yesterday"')
  const got = await download(`${server.base}/f`, target(), quick)
  assert.equal(got.resumedAt, 0)
  assert.deepEqual(server.seen, ['GET /f bytes=100000-'])
  assert.deepEqual(fs.readFileSync(target()), content)
})

test('a server that knows no ranges sends it all again', async () => {
  await using server = await serve((_request, response) =>
    response.writeHead(200, { etag: '"e"' }).end(content),
  )
  leaveHalf(`${server.base}/f`, content, '"e"')
  assert.equal((await download(`${server.base}/f`, target(), quick)).resumedAt, 0)
  assert.deepEqual(fs.readFileSync(target()), content)
})

test('half a download of another address, or without a record, is not taken up', async () => {
  await using server = await serve(fileHandler(() => content))
  leaveHalf('http://elsewhere.example/f', content, '"e"')
  await download(`${server.base}/f`, target(), quick)
  fs.writeFileSync(`${target()}.part`, 'something else')
  fs.writeFileSync(`${target()}.part.json`, '{"url":')
  await download(`${server.base}/f`, target(), quick)
  assert.deepEqual(server.seen, ['GET /f', 'GET /f'])
  assert.deepEqual(fs.readFileSync(target()), content)
})

test('a server that answers with another range than asked for is not believed', async () => {
  await using server = await serve((request, response) => {
    if (request.headers.range === undefined)
      response.writeHead(200, { 'content-length': content.length }).end(content)
    else response.writeHead(206, { 'content-range': `bytes 5-9/${content.length}` }).end('wrong')
  })
  leaveHalf(`${server.base}/f`, content, '"e"')
  await download(`${server.base}/f`, target(), quick)
  assert.deepEqual(fs.readFileSync(target()), content)
})

test('what is whole already but was not renamed is had once more', async () => {
  await using server = await serve(fileHandler(() => content.subarray(0, 100_000)))
  const whole = content.subarray(0, 100_000)
  leaveHalf(`${server.base}/f`, whole, `"${sum('md5', whole)}"`)
  await download(`${server.base}/f`, target(), quick)
  assert.deepEqual(fs.readFileSync(target()), whole)
})

test('a bad first half is not blamed on the server: the file is had once more', async () => {
  await using server = await serve(fileHandler(() => content))
  leaveHalf(`${server.base}/f`, randomBytes(content.length), `"${sum('md5', content)}"`)
  const got = await download(`${server.base}/f`, target(), {
    ...quick,
    expected: { sha256: sum('sha256', content) },
  })
  assert.equal(got.resumedAt, 0)
  assert.deepEqual(server.seen, ['GET /f bytes=100000-', 'GET /f'])
})

test('a wrong sum is an error that shows both, and nothing is kept', async () => {
  await using server = await serve(fileHandler(() => content))
  for (const [algorithm, wrong] of [
    ['sha256', '0'.repeat(64)],
    ['md5', 'f'.repeat(32)],
  ] as const) {
    const error = await failure(
      download(`${server.base}/f`, target(), { ...quick, expected: { [algorithm]: wrong } }),
    )
    assert.equal(error.code, 'UFR-CHECKSUM')
    assert.deepEqual(error.detail, [`expected ${wrong}`, `actual   ${sum(algorithm, content)}`])
    assert.deepEqual(left(), [])
  }
})

test('server errors are tried again, a missing file is not', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/gone') response.writeHead(404).end()
    else if (server.seen.length < 3) response.writeHead(503).end()
    else response.end(content)
  })
  await download(`${server.base}/busy`, target(), quick)
  assert.equal(server.seen.length, 3)
  const error = await failure(download(`${server.base}/gone`, target(), quick))
  assert.equal(server.seen.length, 4)
  assert.match(error.message, /\/gone cannot be downloaded: the server answered 404/)
  assert.equal(downloadStatus(error), 404)
})

test('a server that is not there is given up after four attempts, with address, cause and next step', async () => {
  const server = await serve(() => {})
  await server[Symbol.asyncDispose]()
  const error = await failure(download(`${server.base}/f`, target(), quick))
  assert.equal(error.code, 'UFR-DOWNLOAD')
  assert.match(
    error.message,
    new RegExp(`${server.base}/f cannot be downloaded: no connection: .*ECONNREFUSED`),
  )
  assert.match(error.fix, /import/)
  assert.deepEqual(left(), [])
})

test('silence ends an attempt: before the answer and within it', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/later') response.writeHead(200, { 'content-length': 100 }).write('some')
  })
  const options = { attempts: 2, backoff: 1, connectTimeout: 150, idleTimeout: 150 }
  const never = await failure(download(`${server.base}/never`, target(), options))
  assert.match(never.message, /no answer within 0.15 s/)
  const later = await failure(download(`${server.base}/later`, target(), options))
  assert.match(later.message, /nothing came for 0.15 s/)
})

test('a body that ends early is not taken for the file', async () => {
  await using server = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 1000 }).write('short', () => response.destroy())
  })
  const error = await failure(download(`${server.base}/f`, target(), { ...quick, attempts: 2 }))
  assert.match(error.message, /cut after \d of 1000 bytes|no connection/)
  assert.ok(!fs.existsSync(target()))
})

test('a file beyond the limit is refused, whether its length is told or not', async () => {
  await using server = await serve((request, response) => {
    if (request.url === '/told') response.writeHead(200, { 'content-length': 5000 })
    response.end(Buffer.alloc(5000))
  })
  for (const name of ['told', 'untold']) {
    const error = await failure(download(`${server.base}/${name}`, target(), { ...quick, maxBytes: 4999 }))
    assert.match(error.message, /larger than 4999 bytes/)
  }
  assert.equal(server.seen.length, 2)
})

test('redirects are followed, five at most, and only to http and https', async () => {
  await using server = await serve((request, response) => {
    const [, kind, count] = (request.url ?? '').split('/')
    const to =
      kind === 'file' ? 'file:///etc/passwd' : kind === 'loop' ? request.url : `/hop/${Number(count) - 1}`
    if (count === '0') response.end(content)
    else response.writeHead(302, { location: to ?? '' }).end()
  })
  await download(`${server.base}/hop/5`, target(), quick)
  assert.deepEqual(fs.readFileSync(target()), content)
  const many = await failure(download(`${server.base}/hop/6`, target(), quick))
  assert.match(many.message, /more than 5 redirects/)
  const loop = await failure(download(`${server.base}/loop/1`, target(), quick))
  assert.match(loop.message, /more than 5 redirects/)
  const away = await failure(download(`${server.base}/file/1`, target(), quick))
  assert.match(away.message, /no http or https address/)
})

test('downloadText reads small files only', async () => {
  await using server = await serve((request, response) => {
    response.end(request.url === '/small' ? 'text\n' : Buffer.alloc(70_000))
  })
  assert.equal(await downloadText(`${server.base}/small`, quick), 'text\n')
  assert.match((await failure(downloadText(`${server.base}/large`, quick))).message, /larger than 65536/)
})

test('a folder that cannot be written is UFR-DATA, not a failure of the network', async () => {
  await using server = await serve(fileHandler(() => content))
  fs.writeFileSync(home.beside('out'), 'a file where the folder should be')
  const error = await failure(download(`${server.base}/f`, target(), quick))
  assert.equal(error.code, 'UFR-DATA')
})
