import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { test } from 'node:test'
import { type Files, invocationPath, startHandler, until } from './node-guest-process.ts'

const limit = { timeout: 30_000 }
const typeModule = { 'package.json': '{"type":"module"}' }

const modules: Record<string, { files: Files; handler?: string }> = {
  'index.mjs': { files: { 'index.mjs': 'export const handler = async (e) => ({ name: e.name })' } },
  'index.js as CommonJS': { files: { 'index.js': 'exports.handler = async (e) => ({ name: e.name })' } },
  'index.js as an ES module by package.json': {
    files: { ...typeModule, 'index.js': 'export const handler = async (e) => ({ name: e.name })' },
  },
  'index.cjs': { files: { ...typeModule, 'index.cjs': 'exports.handler = async (e) => ({ name: e.name })' } },
  '.js goes before .mjs': {
    files: { 'index.mjs': 'throw 1', 'index.js': 'exports.handler = async (e) => ({ name: e.name })' },
  },
  'a subfolder': {
    files: { 'src/api/app.mjs': 'export const run = async (e) => ({ name: e.name })' },
    handler: 'src/api/app.run',
  },
  "a subfolder's own package.json": {
    files: {
      'src/package.json': '{"type":"module"}',
      'src/app.js': 'export const run = (e, c, done) => done(null, e)',
    },
    handler: 'src/app.run',
  },
  'nested exports': {
    files: { 'index.mjs': 'export const api = { v1: { get: async (e) => ({ name: e.name }) } }' },
    handler: 'index.api.v1.get',
  },
  'the default export': {
    files: { 'index.mjs': 'export default async (e) => ({ name: e.name })' },
    handler: 'index.default',
  },
  'top-level await and imports': {
    files: {
      'index.mjs': `import { greet } from './lib/greet.mjs'
        const load = await new Promise((resolve) => setTimeout(resolve, 20, greet))
        export const handler = async (e) => load(e)`,
      'lib/greet.mjs': 'export const greet = (e) => ({ name: e.name })',
    },
  },
  'packages in node_modules': {
    files: {
      'index.mjs': "import pick from 'pick'\nexport const handler = async (e) => pick(e)",
      'node_modules/pick/package.json': '{"name":"pick","main":"lib.js"}',
      'node_modules/pick/lib.js': 'module.exports = ({ name }) => ({ name })',
    },
  },
  'a handler that is itself a package': {
    files: {
      'node_modules/pick/package.json': '{"name":"pick","main":"lib.js"}',
      'node_modules/pick/lib.js': 'exports.handler = async ({ name }) => ({ name })',
    },
    handler: 'pick.handler',
  },
  'names that URLs treat specially': {
    files: { 'a #b/100%.mjs': 'export const handler = async (e) => ({ name: e.name })' },
    handler: 'a #b/100%.handler',
  },
}

for (const [name, { files, handler }] of Object.entries(modules)) {
  test(`module: ${name}`, limit, async (t) => {
    const guest = await startHandler(t, files, handler)
    const answer = await guest.invoke({ name: 'Ada' })
    assert.deepEqual(answer.json(), { name: 'Ada' })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['content-type'], 'application/json')
    assert.equal(answer.headers['x-amz-function-error'], undefined)
  })
}

test(
  'an ES module in a .js file without package.json is taken as one where Node itself can',
  limit,
  async (t) => {
    const guest = await startHandler(t, { 'index.js': 'await null\nexport const handler = async () => 1' })
    assert.equal((await guest.invoke()).json(), 1)
  },
)

const answers: Record<string, { code: string; answer: unknown }> = {
  'async, undefined': { code: 'async () => {}', answer: null },
  'async, a function, which JSON has no word for': { code: 'async () => () => {}', answer: null },
  'async, a string': { code: "async () => 'é'", answer: 'é' },
  'a promise of another library': { code: '() => ({ then: (yes) => yes(7) })', answer: 7 },
  'callback at once': { code: '(e, c, done) => { done(null, 1); done(null, 2) }', answer: 1 },
  'callback later': { code: '(e, c, done) => { setTimeout(done, 30, null, 3) }', answer: 3 },
  'callback, then waits for the event loop': {
    code: '(e, c, done) => { const r = { n: 0 }; done(null, r); setTimeout(() => { r.n = 1 }, 60) }',
    answer: { n: 1 },
  },
  'callback without waiting for the event loop': {
    code: `(e, c, done) => {
      c.callbackWaitsForEmptyEventLoop = false
      const r = { n: 0 }; setTimeout(() => { r.n = 1 }, 1e9); done(null, r)
    }`,
    answer: { n: 0 },
  },
  'context.succeed': { code: '(e, c) => { setTimeout(() => {}, 1e9); c.succeed(4) }', answer: 4 },
  'context.done': { code: '(e, c) => { setTimeout(() => {}, 1e9); c.done(null, 5) }', answer: 5 },
  'a plain return value does not count': { code: '() => 6', answer: null },
  'a promise of a plain function that is never settled': {
    code: '() => new Promise(() => {})',
    answer: null,
  },
}

for (const [form, { code, answer }] of Object.entries(answers)) {
  test(`answer: ${form}`, limit, async (t) => {
    const guest = await startHandler(t, { 'index.js': `exports.handler = ${code}` })
    const got = await guest.invoke()
    assert.deepEqual(got.json(), answer)
    assert.equal(got.headers['x-amz-function-error'], undefined)
  })
}

test('who leaves work behind has it done before null is answered, each time', limit, async (t) => {
  const code = `let done = 0
    exports.handler = () => { setTimeout(() => console.log('done', ++done), 50) }`
  const guest = await startHandler(t, { 'index.js': code })
  for (const round of [1, 2, 3]) {
    assert.equal((await guest.invoke()).json(), null)
    await until(() => guest.stdout().endsWith(`done ${round}\n`))
  }
})

test('a connection that stays open does not keep the event loop from becoming empty', limit, async (t) => {
  const guest = await startHandler(t, { 'index.js': 'exports.handler = () => {}' })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2 })
  t.after(() => agent.destroy())
  const request = { method: 'POST', path: invocationPath, agent }
  for (let round = 0; round < 3; round++) {
    const both = await Promise.all([guest.send(request, '{}'), guest.send(request, '{}')])
    assert.deepEqual([both[0].json(), both[1].json()], [null, null])
  }
})

test('the context is as on AWS', limit, async (t) => {
  const code = `exports.handler = async (e, c) => {
    const rest = { left: c.getRemainingTimeInMillis(), trace: process.env._X_AMZN_TRACE_ID }
    return { ...c, ...rest, types: [typeof c.done, typeof c.succeed, typeof c.fail] }
  }`
  const environment = {
    AWS_LAMBDA_FUNCTION_NAME: 'hello',
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
    AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/hello',
    AWS_LAMBDA_LOG_STREAM_NAME: 'stream',
  }
  const guest = await startHandler(t, { 'index.js': code }, 'index.handler', { environment })
  const arn = 'arn:aws:lambda:eu-central-1:123456789012:function:hello'
  const answer = await guest.invoke(undefined, {
    'Lambda-Runtime-Aws-Request-Id': '8476a536-e9f4-11e8-9739-2dfe598c3fcd',
    'Lambda-Runtime-Deadline-Ms': String(Date.now() + 60_000),
    'Lambda-Runtime-Invoked-Function-Arn': arn,
    'Lambda-Runtime-Trace-Id': 'Root=1-5bef4de7;Sampled=1',
    'Lambda-Runtime-Client-Context': '{"client":{"app":"x"}}',
    'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"y"}',
  })
  const { left, ...rest } = answer.json() as { left: number }
  assert.ok(left > 50_000 && left <= 60_000, `${left} ms left`)
  assert.deepEqual(rest, {
    callbackWaitsForEmptyEventLoop: true,
    functionName: 'hello',
    functionVersion: '$LATEST',
    invokedFunctionArn: arn,
    memoryLimitInMB: '256',
    awsRequestId: '8476a536-e9f4-11e8-9739-2dfe598c3fcd',
    logGroupName: '/aws/lambda/hello',
    logStreamName: 'stream',
    identity: { cognitoIdentityId: 'y' },
    clientContext: { client: { app: 'x' } },
    trace: 'Root=1-5bef4de7;Sampled=1',
    types: ['function', 'function', 'function'],
  })

  const bare = (await guest.invoke()).json() as { awsRequestId: string; trace?: string; left: number }
  assert.match(bare.awsRequestId, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(bare.trace, undefined)
  assert.ok(bare.left > 290_000 && bare.left <= 300_000, `${bare.left} ms left`)
})

test(
  'time left that is told as such goes before a deadline, since a clock may be wrong',
  limit,
  async (t) => {
    const code = `exports.handler = async (e, c) => {
    const before = c.getRemainingTimeInMillis()
    await new Promise((resolve) => setTimeout(resolve, 100))
    return [before, c.getRemainingTimeInMillis()]
  }`
    const guest = await startHandler(t, { 'index.js': code })
    const headers = { 'Ufr-Deadline-In-Ms': '5000', 'Lambda-Runtime-Deadline-Ms': '1000' }
    const [before, after] = (await guest.invoke({}, headers)).json() as [number, number]
    assert.ok(before > 4900 && before <= 5000, `${before} ms left`)
    assert.ok(after <= before - 95, `${after} ms left after 100 ms`)
  },
)

test('one event at a time, in the order they came', limit, async (t) => {
  const code = `let running = 0, most = 0
    export const handler = async ({ n }) => {
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 30))
      console.log('event', n)
      running--
      return most
    }`
  const guest = await startHandler(t, { 'index.mjs': code })
  const first = guest.invoke({ n: 0 })
  await until(() => guest.stdout().includes('event 0'))
  const rest = await Promise.all([1, 2, 3, 4].map((n) => guest.invoke({ n })))
  assert.deepEqual(
    [await first, ...rest].map((answer) => answer.json()),
    [1, 1, 1, 1, 1],
  )
})

test('an event whose sender has gone away is not taken, and the next one is', limit, async (t) => {
  const code = `export const handler = async ({ n, ms }) => {
      console.log('event', n)
      await new Promise((resolve) => setTimeout(resolve, ms ?? 0))
      return n
    }`
  const guest = await startHandler(t, { 'index.mjs': code })
  const slow = guest.invoke({ n: 1, ms: 600 })
  await until(() => guest.stdout().includes('event 1'))
  const gone = http.request({
    host: '127.0.0.1',
    port: guest.port,
    method: 'POST',
    path: invocationPath,
    agent: false,
  })
  gone.on('error', () => {})
  gone.end('{"n":2}')
  await once(gone, 'finish')
  setTimeout(() => gone.destroy(), 100)
  assert.equal((await slow).json(), 1)
  assert.equal((await guest.invoke({ n: 3 })).json(), 3)
  await until(() => guest.stdout().includes('event 3'))
  assert.doesNotMatch(guest.stdout(), /event 2/)
})

test('logs stay plain text, and the ready mark is written once', limit, async (t) => {
  const code =
    "console.log('loading')\nexport const handler = async () => { console.log('out'); console.error('err') }"
  const guest = await startHandler(t, { 'index.mjs': code })
  await guest.invoke()
  await guest.invoke()
  await until(() => guest.stdout().endsWith('out\nout\n') && guest.stderr().endsWith('err\nerr\n'))
  assert.equal(guest.stdout(), `loading\n\x1b_ufr;ready;${guest.port}\x1b\\out\nout\n`)
  assert.equal(guest.stderr(), 'err\nerr\n')
})

test('large events and results', limit, async (t) => {
  const guest = await startHandler(t, { 'index.mjs': 'export const handler = async ({ s }) => s' })
  const s = 'é'.repeat(3 * 1024 * 1024 - 100)
  assert.equal((await guest.invoke({ s })).json(), s)
})

test('what is no event is refused, and the function not called', limit, async (t) => {
  const code = "export const handler = async (event) => { console.log('called'); return event }"
  const guest = await startHandler(t, { 'index.mjs': code })
  const post = { method: 'POST', path: invocationPath }
  const invalid = await guest.send(post, '{"a":')
  assert.equal(invalid.status, 400)
  assert.equal(invalid.headers['x-amzn-errortype'], 'InvalidRequestContentException')
  assert.match(JSON.stringify(invalid.json()), /cannot be read as JSON/)
  const header = { 'Lambda-Runtime-Client-Context': '{' }
  assert.equal((await guest.send({ ...post, headers: header }, '{}')).status, 400)
  assert.equal((await guest.send({ ...post, method: 'GET' })).status, 405)
  assert.equal((await guest.send({ ...post, path: '/' }, '{}')).status, 404)
  assert.equal((await guest.send(post, Buffer.alloc(33 * 1024 * 1024, ' '))).status, 413)
  assert.doesNotMatch(guest.stdout(), /called/)
  // No body at all is an empty event, as with AWS's Invoke.
  assert.deepEqual((await guest.send({ ...post, path: `${invocationPath}?x=1` })).json(), {})
})
