import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { test } from 'node:test'
import { type Answer, invocationPath, startHandler, until } from './node-guest-process.ts'

const limit = { timeout: 30_000 }

function streaming(code: string, options = ''): Record<string, string> {
  return { 'index.mjs': `export const handler = awslambda.streamifyResponse(${code}${options})` }
}

function trailerError(answer: Answer): { errorType: string; errorMessage: string; trace: string[] } {
  const body = JSON.parse(
    Buffer.from(answer.trailers['lambda-runtime-function-error-body']!, 'base64').toString(),
  )
  assert.equal(body.errorType, answer.trailers['lambda-runtime-function-error-type'])
  return body
}

test('a response is sent in chunks, as they are written', limit, async (t) => {
  const code = `async (event, stream, context) => {
      stream.setContentType('text/plain')
      stream.write('one ')
      await new Promise((resolve) => setTimeout(resolve, 500))
      stream.write(Buffer.from('two '))
      stream.write({ three: event.n })
      stream.end(typeof context.getRemainingTimeInMillis)
    }`
  const guest = await startHandler(t, streaming(code))
  const request = http.request({
    host: '127.0.0.1',
    port: guest.port,
    method: 'POST',
    path: invocationPath,
    agent: false,
  })
  request.end('{"n":3}')
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const at = performance.now()
  assert.equal(response.headers['transfer-encoding'], 'chunked')
  assert.equal(response.headers['lambda-runtime-function-response-mode'], 'streaming')
  assert.equal(response.headers['content-type'], 'text/plain')
  assert.match(String(response.headers['trailer']), /Lambda-Runtime-Function-Error-Type/)
  let text = ''
  for await (const chunk of response.setEncoding('utf8')) text += chunk
  assert.equal(text, 'one two {"three":3}function')
  assert.ok(performance.now() - at > 100, 'the first chunk came with the last')
  assert.deepEqual(response.trailers, {})
})

test('HTTP metadata goes before the body: JSON and eight NUL bytes', limit, async (t) => {
  const code = `async (event, stream) => {
      const out = awslambda.HttpResponseStream.from(stream, { statusCode: 201, headers: { a: 'b' }, cookies: ['c=d'] })
      if (event.body) out.write(event.body)
      out.end()
    }`
  const guest = await startHandler(t, streaming(code))
  for (const body of ['hello', '']) {
    const answer = await guest.invoke({ body })
    assert.equal(answer.headers['content-type'], 'application/vnd.awslambda.http-integration-response')
    assert.equal(
      answer.text,
      `{"statusCode":201,"headers":{"a":"b"},"cookies":["c=d"]}${'\0'.repeat(8)}${body}`,
    )
  }
})

test('pipelines, back pressure and a high-water mark', limit, async (t) => {
  const code = `async (event, stream) => {
      const chunk = Buffer.alloc(65536, 'x')
      console.log('mark', stream.writableHighWaterMark)
      await pipeline(Readable.from((function* () { for (let i = 0; i < 200; i++) yield chunk })()), stream)
    }`
  const files = streaming(code, ', { highWaterMark: 1000 }')
  files['index.mjs'] =
    `import { Readable } from 'node:stream'\nimport { pipeline } from 'node:stream/promises'\n${files['index.mjs']}`
  const guest = await startHandler(t, files)
  const answer = await guest.invoke()
  assert.equal(answer.text.length, 200 * 65536)
  assert.deepEqual(answer.trailers, {})
  await until(() => guest.stdout().includes('mark 1000'))
})

test('a response may end after the handler has returned', limit, async (t) => {
  const guest = await startHandler(
    t,
    streaming("async (e, s) => { s.write('a'); setTimeout(() => s.end('b'), 100) }"),
  )
  const answer = await guest.invoke()
  assert.equal(answer.text, 'ab')
  assert.deepEqual(answer.trailers, {})
})

test('an error in mid-stream comes in trailers, short enough for an HTTP client', limit, async (t) => {
  const code = `async ({ times }, stream) => {
      stream.write('begun')
      await new Promise((resolve) => setTimeout(resolve, 20))
      const error = new RangeError('far ü '.repeat(times))
      error.name = 'Odd\\nName ü'
      throw error
    }`
  const guest = await startHandler(t, streaming(code.replace(/.*Odd.*\n/, '')))
  const answer = await guest.invoke({ times: 1 })
  assert.equal(answer.text, 'begun')
  const error = trailerError(answer)
  assert.equal(error.errorType, 'RangeError')
  assert.equal(error.errorMessage, 'far ü ')
  assert.match(error.trace.join('\n'), /index\.mjs/)
  assert.ok(trailerError(await guest.invoke({ times: 100_000 })).errorMessage.startsWith('far ü far ü '))

  const odd = await startHandler(t, streaming(code))
  const type = (await odd.invoke({ times: 1 })).trailers['lambda-runtime-function-error-type']
  assert.equal(type, 'Odd?Name ?')
})

test('an error before the first byte is a plain function error', limit, async (t) => {
  const guest = await startHandler(t, streaming("async () => { throw new RangeError('far') }"))
  const answer = await guest.invoke()
  assert.equal(answer.headers['x-amz-function-error'], 'Unhandled')
  assert.equal((answer.json() as { errorType: string }).errorType, 'RangeError')
})

const unfinished: Record<string, [code: string, type: string, message: RegExp]> = {
  'a stream that is not ended': ["async (e, s) => { s.write('a') }", 'Error', /not ended/],
  'a stream that is destroyed': ["async (e, s) => { s.write('a', () => s.destroy()) }", 'Error', /not ended/],
  'a stream destroyed with an error': [
    "async (e, s) => { s.write('a', () => s.destroy(new RangeError('x'))) }",
    'RangeError',
    /^x$/,
  ],
  'a handler that never ends': [
    "async (e, s) => { s.write('a'); await new Promise(() => {}) }",
    'Runtime.NodeJsExit',
    /empty/,
  ],
  'an exception that nobody catches': [
    "async (e, s) => { s.write('a'); setTimeout(() => { throw new RangeError('x') }, 20); await new Promise(() => {}) }",
    'RangeError',
    /^x$/,
  ],
}

for (const [name, [code, type, message]] of Object.entries(unfinished)) {
  test(`mid-stream failure: ${name}`, limit, async (t) => {
    const guest = await startHandler(t, streaming(code))
    const answer = await guest.invoke()
    assert.equal(answer.text, 'a')
    const error = trailerError(answer)
    assert.equal(error.errorType, type)
    assert.match(error.errorMessage, message)
  })
}

test('a streaming handler has to return a promise, and sets its content type in time', limit, async (t) => {
  const plain = await startHandler(t, streaming('() => {}'))
  assert.match((await plain.invoke()).text, /Runtime\.MalformedStreamingHandler/)
  const late = await startHandler(t, streaming("async (e, s) => { s.write('a'); s.setContentType('b') }"))
  assert.equal(trailerError(await late.invoke()).errorType, 'Runtime.InvalidStreamingOperation')
})

test('the next event is taken after a stream, whatever became of that', limit, async (t) => {
  const code = `async ({ n }, s) => { s.write(String(n)); if (n % 2) throw new Error('odd'); s.end() }`
  const guest = await startHandler(t, streaming(code))
  const all = await Promise.all([0, 1, 2, 3].map((n) => guest.invoke({ n })))
  assert.deepEqual(
    all.map((answer) => answer.text),
    ['0', '1', '2', '3'],
  )
})

test('a host that goes away in mid-stream harms nobody', limit, async (t) => {
  const code = `async ({ endless }, s) => {
      for (let i = 0; i < (endless ? 50 : 1); i++) {
        s.write('x'.repeat(100_000))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      s.end()
    }`
  const guest = await startHandler(t, streaming(code))
  const request = http.request({
    host: '127.0.0.1',
    port: guest.port,
    method: 'POST',
    path: invocationPath,
    agent: false,
  })
  request.on('error', () => {}).end('{"endless":true}')
  await once(request, 'response')
  request.destroy()
  assert.equal((await guest.invoke({})).text.length, 100_000)
})
