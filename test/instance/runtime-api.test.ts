import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import fc from 'fast-check'
import type { Invocation } from '../../src/instance/runtime-api/protocol.ts'
import { type RuntimeApi, runtimeApi } from '../../src/instance/runtime-api/server.ts'

const limit = { timeout: 30_000 }
const base = '/2018-06-01/runtime'
const soon = () => AbortSignal.timeout(10_000)

/** An API, and a port that leads to it. */
async function started(t: TestContext): Promise<{ api: RuntimeApi; port: number }> {
  const api = runtimeApi()
  const server = net.createServer({ allowHalfOpen: true }, (socket) => api.answer(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    api.close()
    server.close()
  })
  return { api, port: (server.address() as AddressInfo).port }
}

interface Answer {
  status: number
  headers: http.IncomingHttpHeaders
  text: string
}

function ask(
  port: number,
  method: string,
  path: string,
  { body, headers = {} }: { body?: string | Buffer; headers?: Record<string, string> } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const agent = new http.Agent()
    const request = http.request({ host: '127.0.0.1', port, method, path, headers, agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const invocation = (more: Partial<Invocation> = {}): Invocation => ({
  event: Buffer.from('{"name":"Ada"}'),
  requestId: 'id-1',
  deadlineMs: 1_800_000_000_000,
  functionArn: 'arn:aws:lambda:us-east-1:000000000000:function:f',
  ...more,
})

const next = (port: number) => ask(port, 'GET', `${base}/invocation/next`)
const respond = (port: number, body: string | Buffer, headers = {}, id = 'id-1') =>
  ask(port, 'POST', `${base}/invocation/${id}/response`, { body, headers })
const ok = JSON.stringify({ status: 'OK' })

/** An invocation that the runtime has taken and not answered yet. */
async function running(t: TestContext) {
  const { api, port } = await started(t)
  const asked = next(port)
  await api.started
  const outcome = api.invoke(invocation(), soon())
  outcome.catch(() => {})
  await asked
  return { api, port, outcome }
}

test('an event is handed out with its headers, and the answer taken', limit, async (t) => {
  const { api, port } = await started(t)
  const asked = next(port)
  const { at, error } = await api.started
  assert.ok(at > 0)
  assert.equal(error, undefined)
  const about = {
    traceId: 'Root=1-2-3;Parent=4;Sampled=0',
    clientContext: '{"a":1}',
    cognitoIdentity: '{"b":2}',
  }
  const outcome = api.invoke(invocation(about), soon())
  const { status, headers, text } = await asked
  assert.equal(status, 200)
  assert.equal(text, '{"name":"Ada"}')
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['lambda-runtime-aws-request-id'], 'id-1')
  assert.equal(headers['lambda-runtime-deadline-ms'], '1800000000000')
  assert.equal(headers['lambda-runtime-invoked-function-arn'], invocation().functionArn)
  assert.equal(headers['lambda-runtime-trace-id'], about.traceId)
  assert.equal(headers['lambda-runtime-client-context'], about.clientContext)
  assert.equal(headers['lambda-runtime-cognito-identity'], about.cognitoIdentity)
  assert.equal(headers['lambda-runtime-aws-tenant-id'], undefined)
  const reply = await respond(port, '{"ok":true}', { 'content-type': 'application/json' })
  assert.equal(reply.status, 202)
  assert.equal(reply.text, ok)
  assert.equal(reply.headers['content-type'], 'application/json')
  const { body, contentType, streamed, error: none } = await outcome
  assert.equal(body.toString(), '{"ok":true}')
  assert.equal(contentType, 'application/json')
  assert.equal(streamed, false)
  assert.equal(none, undefined)
  // And the next one, on whatever connection.
  const again = api.invoke(invocation({ requestId: 'id-2' }), soon())
  assert.equal((await next(port)).headers['lambda-runtime-aws-request-id'], 'id-2')
  await respond(port, '2', {}, 'id-2')
  assert.equal((await again).body.toString(), '2')
})

test('whoever asks again gets the same event, and one that went away is not waited for', limit, async (t) => {
  const { api, port } = await started(t)
  const gone = net.connect(port, '127.0.0.1')
  gone.write(`GET ${base}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n`)
  await api.started
  gone.destroy()
  const outcome = api.invoke(invocation(), soon())
  assert.equal((await next(port)).text, '{"name":"Ada"}')
  assert.equal((await next(port)).text, '{"name":"Ada"}')
  await respond(port, '1')
  assert.equal((await outcome).body.toString(), '1')
})

test('errors are passed on as they are reported', limit, async (t) => {
  const cases: [header: string | undefined, type: string][] = [
    ['Function.MyError', 'Function.MyError'],
    ['Runtime.ExitError', 'Runtime.ExitError'],
    ['Runtime.not so', 'Runtime.Unknown'],
    ['anything', 'Function.Unknown'],
    [undefined, 'Function.Unknown'],
  ]
  for (const [header, type] of cases) {
    const { port, outcome } = await running(t)
    const body = '{"errorMessage":"no","errorType":"E","stackTrace":[]}'
    const headers = header === undefined ? {} : { 'Lambda-Runtime-Function-Error-Type': header }
    const reply = await ask(port, 'POST', `${base}/invocation/id-1/error`, { body, headers })
    assert.deepEqual([reply.status, reply.text], [202, ok])
    const { error } = await outcome
    assert.equal(error?.type, type)
    assert.equal(error?.body.toString(), body)
  }
})

test('a report with causes for X-Ray loses them', limit, async (t) => {
  const headers = { 'content-type': 'application/vnd.aws.lambda.error.cause+json' }
  for (const [body, left] of [
    [
      '{"errorMessage":"no","errorType":"E","stackTrace":[],"cause":{"x":1}}',
      '{"errorMessage":"no","errorType":"E","stackTrace":[]}',
    ],
    ['{', '"Invalid error body"'],
    ['null', '{}'],
  ] as const) {
    const { port, outcome } = await running(t)
    await ask(port, 'POST', `${base}/invocation/id-1/error`, { body, headers })
    assert.equal((await outcome).error?.body.toString(), left)
  }
})

test('a runtime that cannot start says so', limit, async (t) => {
  const { api, port } = await started(t)
  const headers = { 'lambda-runtime-function-error-type': 'Runtime.NoHandler' }
  const reply = await ask(port, 'POST', `${base}/init/error`, { body: '{"errorType":"X"}', headers })
  assert.deepEqual([reply.status, reply.text], [202, ok])
  const { error } = await api.started
  assert.equal(error?.type, 'Runtime.NoHandler')
  assert.equal(error?.body.toString(), '{"errorType":"X"}')
  const { status, text } = await next(port)
  assert.equal(status, 403)
  assert.equal(JSON.parse(text).errorType, 'InvalidStateTransition')
})

test('what comes in the wrong order is refused', limit, async (t) => {
  const { port } = await running(t)
  const late = await ask(port, 'POST', `${base}/init/error`, { body: '{}' })
  assert.equal(late.status, 403)
  assert.deepEqual(JSON.parse(late.text), {
    errorMessage:
      'State transition from Running to InitError failed for runtime. Error: State transition is not allowed',
    errorType: 'InvalidStateTransition',
  })
})

test('a request id that is not the current one is refused', limit, async (t) => {
  const { port, outcome } = await running(t)
  const invalid = { errorMessage: 'Invalid request ID', errorType: 'InvalidRequestID' }
  for (const what of ['response', 'error']) {
    const { status, text } = await ask(port, 'POST', `${base}/invocation/other/${what}`, {
      body: 'x'.repeat(100_000),
    })
    assert.equal(status, 400)
    assert.deepEqual(JSON.parse(text), invalid)
  }
  await respond(port, '1')
  await outcome
  // Answered already.
  const { status, text } = await respond(port, '2')
  assert.equal(status, 400)
  assert.deepEqual(JSON.parse(text), invalid)
})

test('other paths and methods are refused, and ping is answered', limit, async (t) => {
  const { port } = await started(t)
  const cases: [method: string, path: string, status: number][] = [
    ['GET', '/', 404],
    ['GET', '/2018-06-01/runtime/invocation/next/', 404],
    ['GET', '/2015-03-31/functions/function/invocations', 404],
    ['GET', '/2018-06-01/runtime/restore/next', 404],
    ['POST', '/2018-06-01/runtime/invocation/next', 405],
    ['GET', '/2018-06-01/runtime/init/error', 405],
    ['GET', '/2018-06-01/ping', 200],
  ]
  for (const [method, path, status] of cases)
    assert.equal((await ask(port, method, path)).status, status, path)
})

test('a response may have 6 MiB and 100 bytes, and not one more', limit, async (t) => {
  const most = 6 * 1024 * 1024 + 100
  const first = await running(t)
  const fits = await respond(first.port, Buffer.alloc(most, 'x'))
  assert.equal(fits.status, 202)
  assert.equal((await first.outcome).body.length, most)
  const second = await running(t)
  const { status, text } = await respond(second.port, Buffer.alloc(most + 1, 'x'))
  assert.equal(status, 413)
  assert.deepEqual(JSON.parse(text), {
    errorMessage: `Exceeded maximum allowed payload size (${most} bytes).`,
    errorType: 'RequestEntityTooLarge',
  })
  const { error } = await second.outcome
  assert.equal(error?.type, 'Function.ResponseSizeTooLarge')
  assert.equal(JSON.parse(String(error?.body)).errorType, 'Function.ResponseSizeTooLarge')
})

/** A streamed response by hand: chunks, then trailers. */
async function stream(port: number, chunks: string[], trailers: Record<string, string>, mode = 'streaming') {
  const socket = net.connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(
    `POST ${base}/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n` +
      `Lambda-Runtime-Function-Response-Mode: ${mode}\r\nContent-Type: text/plain\r\n` +
      'Trailer: Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body\r\n\r\n',
  )
  for (const chunk of chunks) socket.write(`${chunk.length.toString(16)}\r\n${chunk}\r\n`)
  const lines = Object.entries(trailers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`0\r\n${lines.join('')}\r\n`)
  const [reply] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return reply.toString()
}

test('a response may be streamed, and broken off in its trailers', limit, async (t) => {
  const first = await running(t)
  assert.match(await stream(first.port, ['one, ', 'two'], {}), /^HTTP\/1.1 202 /)
  const whole = await first.outcome
  assert.equal(whole.body.toString(), 'one, two')
  assert.equal(whole.streamed, true)
  assert.equal(whole.contentType, 'text/plain')
  const second = await running(t)
  const report = JSON.stringify({ errorType: 'E', errorMessage: 'x'.repeat(50_000) })
  const trailers = {
    'Lambda-Runtime-Function-Error-Type': 'Function.Broken',
    'Lambda-Runtime-Function-Error-Body': Buffer.from(report).toString('base64'),
  }
  assert.match(await stream(second.port, ['half'], trailers), /^HTTP\/1.1 202 /)
  const { error } = await second.outcome
  assert.equal(error?.type, 'Function.Broken')
  assert.equal(error?.body.toString(), report)
  const third = await running(t)
  assert.match(
    await stream(third.port, ['x'], {}, 'backwards'),
    /^HTTP\/1.1 400 [\s\S]*InvalidFunctionResponseMode/,
  )
  assert.equal((await third.outcome).error?.type, 'Runtime.InvalidResponseModeHeader')
})

test('a response that breaks off is said to both sides', limit, async (t) => {
  const { port, outcome } = await running(t)
  const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  const head = `POST ${base}/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n`
  socket.end(`${head}half of it`)
  let text = ''
  socket.on('data', (chunk) => (text += chunk))
  await once(socket, 'close')
  assert.match(text, /^HTTP\/1.1 400 [\s\S]*"errorType":"TruncatedHTTPRequest"/)
  assert.equal((await outcome).error?.type, 'Runtime.TruncatedResponse')
  const second = await running(t)
  const gone = net.connect(second.port, '127.0.0.1')
  gone.write(`${head}half of it`, () => gone.destroy())
  assert.equal((await second.outcome).error?.type, 'Runtime.TruncatedResponse')
})

test('a report that is nested too deeply ends nothing but itself', limit, async (t) => {
  const { port, outcome } = await running(t)
  const deep = '['.repeat(1_000_000) + ']'.repeat(1_000_000)
  const headers = { 'Content-Type': 'application/vnd.aws.lambda.error.cause+json' }
  const body = `{"errorMessage":${deep},"errorType":"Deep"}`
  const { status } = await ask(port, 'POST', `${base}/invocation/id-1/error`, { body, headers })
  assert.equal(status, 202)
  assert.equal((await outcome).error?.body.toString(), '"Invalid error body"')
})

test('a client that asks for events without end is broken off', limit, async (t) => {
  const { api, port } = await started(t)
  const socket = net.connect(port, '127.0.0.1')
  const closed = new Promise((resolve) =>
    socket
      .on('error', () => {})
      .resume()
      .on('close', resolve),
  )
  for (let i = 0; i < 2000; i++) socket.write(`GET ${base}/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n`)
  await closed
  const asked = next(port)
  const outcome = api.invoke(invocation(), soon())
  assert.equal((await asked).status, 200)
  await respond(port, '1')
  assert.equal((await outcome).body.toString(), '1')
})

test('after the deadline nothing that is said counts', limit, async (t) => {
  const { api, port } = await started(t)
  const asked = next(port)
  await api.started
  const reason = new Error('too late')
  const deadline = new AbortController()
  const outcome = api.invoke(invocation(), deadline.signal)
  await asked
  deadline.abort(reason)
  await assert.rejects(outcome, reason)
  assert.equal((await respond(port, '1')).status, 400)
})

test('bytes that are no HTTP end their connection only', { timeout: 60_000 }, async (t) => {
  const { api, port } = await started(t)
  const garbage = async (bytes: Uint8Array) => {
    const socket = net.connect(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    socket.end(bytes)
    await new Promise((resolve) => socket.once('close', resolve))
  }
  const valid = Buffer.from(
    `POST ${base}/invocation/id-1/response HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok`,
  )
  const mutated = fc.tuple(fc.nat(valid.length - 1), fc.nat(255)).map(([at, value]) => {
    const bytes = Buffer.from(valid)
    bytes[at] = value
    return bytes
  })
  await fc.assert(fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated), garbage), {
    numRuns: 150,
  })
  await garbage(Buffer.from(`GET / HTTP/1.1\r\nx: ${'y'.repeat(3 << 20)}\r\n\r\n`))
  const asked = next(port)
  const outcome = api.invoke(invocation(), soon())
  assert.equal((await asked).status, 200)
  await respond(port, '1')
  assert.equal((await outcome).body.toString(), '1')
})
