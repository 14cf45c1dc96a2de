import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Answer, type Files, startHandler, until } from './node-guest-process.ts'

const limit = { timeout: 30_000 }

interface Report {
  errorType: string
  errorMessage: string
  trace: string[]
}

function report(answer: Answer): Report {
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['x-amz-function-error'], 'Unhandled')
  assert.equal(answer.headers['content-type'], 'application/json')
  const body = answer.json() as Report
  assert.deepEqual(Object.keys(body).sort(), ['errorMessage', 'errorType', 'trace'])
  return body
}

const failures: Record<string, { code: string; type: string; message: string | RegExp; trace?: RegExp }> = {
  'async throws': {
    code: "async () => { throw new RangeError('far') }",
    type: 'RangeError',
    message: 'far',
    trace: /^RangeError: far\n +at .*index\.js:1/,
  },
  'throws before it returns': { code: "() => { throw new TypeError('x') }", type: 'TypeError', message: 'x' },
  'callback with an error': { code: "(e, c, done) => done(new Error('x'))", type: 'Error', message: 'x' },
  'callback with a string': { code: "(e, c, done) => done('x')", type: 'string', message: 'x' },
  'context.fail': { code: "(e, c) => { c.fail(new Error('x')) }", type: 'Error', message: 'x' },
  'context.fail of nothing': { code: '(e, c) => { c.fail() }', type: 'string', message: 'handled' },
  'a class of its own': {
    code: "async () => { class E extends Error { name = 'OutOfStock' }; throw new E('none left') }",
    type: 'OutOfStock',
    message: 'none left',
  },
  'something like an error': {
    code: "async () => { throw { name: 'N', message: 'm', stack: 'N: m\\n at x' } }",
    type: 'N',
    message: 'm',
    trace: /^N: m\n at x$/,
  },
  'no error at all': { code: 'async () => { throw 42 }', type: 'number', message: '42', trace: /^$/ },
  'something that cannot be shown': {
    code: "async () => { throw { get name() { throw new Error('no') } } }",
    type: 'handled',
    message: /cannot be shown: no/,
    trace: /^$/,
  },
  'a result that goes round in a circle': {
    code: 'async () => { const a = {}; a.a = a; return a }',
    type: 'Error',
    message: /^the handler's result cannot be turned into JSON: Converting circular/,
  },
  'a BigInt in the result': { code: 'async () => 1n', type: 'Error', message: /JSON: .*BigInt/ },
  'a result that is too large': {
    code: "async () => 'x'.repeat(6 * 1024 * 1024 + 99)",
    type: 'Function.ResponseSizeTooLarge',
    message: /6291557 bytes .* 6291556/,
  },
  'an async function that never ends': {
    code: 'async () => { await new Promise(() => {}) }',
    type: 'Runtime.NodeJsExit',
    message: /event loop is empty/,
  },
}

for (const [name, { code, type, message, trace }] of Object.entries(failures)) {
  test(`failure: ${name}`, limit, async (t) => {
    const files = {
      'index.js': `exports.handler = (...a) => a[0].ok ? a[2](null, 'ok') : handler(...a)\nvar handler`,
    }
    files['index.js'] = `const handler = ${code}; exports.handler = handler`
    const guest = await startHandler(t, files)
    const answer = await guest.invoke()
    const got = report(answer)
    assert.equal(got.errorType, type)
    if (typeof message === 'string') assert.equal(got.errorMessage, message)
    else assert.match(got.errorMessage, message)
    if (trace) assert.match(got.trace.join('\n'), trace)
    assert.equal(answer.headers['x-ufr-init-error'], undefined)
    // The function lives on, and its log has the error on one line.
    assert.equal(report(await guest.invoke()).errorType, type)
    const log = /^[0-9a-f-]{36}\tERROR\tInvoke Error\t\{".*\}\n/
    if (!type.startsWith('Function.')) await until(() => log.test(guest.stderr()))
  })
}

test('the largest result that is allowed', limit, async (t) => {
  const guest = await startHandler(t, { 'index.js': "exports.handler = async () => 'x'.repeat(6291556 - 2)" })
  assert.equal((await guest.invoke()).text.length, 6291556)
})

const initFailures: Record<
  string,
  { files: Files; handler?: string; type: string; message: RegExp; trace?: RegExp }
> = {
  'no such module': {
    files: {},
    type: 'Runtime.ImportModuleError',
    message: /^Error: Cannot find module 'index'/,
  },
  'a package that is not there, CommonJS': {
    files: { 'index.js': "require('left-pad')" },
    type: 'Runtime.ImportModuleError',
    message: /^Error: Cannot find module 'left-pad'/,
    trace: /^Runtime\.ImportModuleError: Error: Cannot find module 'left-pad'/,
  },
  'a package that is not there, ES module': {
    files: { 'index.mjs': "import 'left-pad'" },
    type: 'Runtime.ImportModuleError',
    message: /Cannot find package 'left-pad'/,
  },
  'no such export': {
    files: { 'index.mjs': 'export const main = 1, other = 2' },
    type: 'Runtime.HandlerNotFound',
    message: /^index\.handler does not exist: the module exports main, other$/,
  },
  'no such nested export': {
    files: { 'index.mjs': 'export const a = {}' },
    handler: 'index.a.b.c',
    type: 'Runtime.HandlerNotFound',
    message: /^index\.a\.b\.c does not exist/,
  },
  'not a function': {
    files: { 'index.js': "exports.handler = 'x'" },
    type: 'Runtime.HandlerNotFound',
    message: /is no function but string/,
  },
  'a module that exports null': {
    files: { 'index.js': 'module.exports = null' },
    type: 'Runtime.HandlerNotFound',
    message: /exports nothing/,
  },
  'a handler without a dot': {
    files: {},
    handler: 'index',
    type: 'Runtime.MalformedHandlerName',
    message: /"index"/,
  },
  'a handler that climbs': {
    files: {},
    handler: '../x/index.handler',
    type: 'Runtime.MalformedHandlerName',
    message: /\.\./,
  },
  'a syntax error, CommonJS': {
    files: { 'index.js': 'exports.handler = (' },
    type: 'Runtime.UserCodeSyntaxError',
    message: /^SyntaxError: /,
    trace: /index\.js:1/,
  },
  'a syntax error, ES module': {
    files: { 'index.mjs': 'export const handler = (' },
    type: 'Runtime.UserCodeSyntaxError',
    message: /^SyntaxError: /,
  },
  'an import of what is not exported': {
    files: { 'index.mjs': "import { nothing } from 'node:fs'" },
    type: 'Runtime.UserCodeSyntaxError',
    message: /nothing/,
  },
  'throws while it loads, CommonJS': {
    files: { 'index.js': "throw new RangeError('no')" },
    type: 'RangeError',
    message: /^no$/,
    trace: /index\.js:1/,
  },
  'throws while it loads, ES module': {
    files: { 'index.mjs': "class E extends Error { name = 'ConfigError' }\nthrow new E('no')" },
    type: 'ConfigError',
    message: /^no$/,
  },
  'throws no error while it loads': { files: { 'index.mjs': 'throw null' }, type: 'null', message: /^null$/ },
  'throws later, while it loads': {
    files: { 'index.mjs': "setTimeout(() => { throw new Error('late') }, 20)\nawait new Promise(() => {})" },
    type: 'Error',
    message: /^late$/,
  },
  'a promise rejected while it loads': {
    files: { 'index.js': "Promise.reject(new Error('no'))\nexports.handler = async () => 1" },
    type: 'Runtime.UnhandledPromiseRejection',
    message: /^Error: no$/,
    trace: /^Runtime\.UnhandledPromiseRejection: Error: no\nError: no\n +at .*index\.js:1/,
  },
  'a top-level await that never ends': {
    files: { 'index.mjs': 'await new Promise(() => {})' },
    type: 'Runtime.ExitError',
    message: /top-level await/,
  },
  'a streaming mode that is not known': {
    files: {
      'index.js':
        "exports.handler = async () => 1; exports.handler[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'x'",
    },
    type: 'Runtime.MalformedStreamingHandler',
    message: /"x"/,
  },
}

for (const [name, { files, handler, type, message, trace }] of Object.entries(initFailures)) {
  test(`init failure: ${name}`, limit, async (t) => {
    const guest = await startHandler(t, files, handler)
    await until(() => guest.stderr().includes('\tERROR\t'))
    for (const round of [1, 2]) {
      const answer = await guest.invoke()
      const got = report(answer)
      assert.equal(got.errorType, type, `round ${round}: ${answer.text}`)
      assert.match(got.errorMessage, message)
      if (trace) assert.match(got.trace.join('\n'), trace)
      assert.equal(answer.headers['x-ufr-init-error'], '1')
    }
    assert.deepEqual(guest.marks(), [guest.port])
  })
}

const crashes: Record<string, { code: string; type: string; message: string; status: number }> = {
  'an exception that nobody catches': {
    code: "() => new Promise(() => setTimeout(() => { throw new RangeError('far') }, 10))",
    type: 'RangeError',
    message: 'far',
    status: 129,
  },
  'a rejection that nobody handles': {
    code: "async () => { Promise.reject(new Error('no')); await new Promise((r) => setTimeout(r, 5000)) }",
    type: 'Runtime.UnhandledPromiseRejection',
    message: 'Error: no',
    status: 128,
  },
  'a rejection with nothing': {
    code: 'async () => { Promise.reject(); await new Promise((r) => setTimeout(r, 5000)) }',
    type: 'Runtime.UnhandledPromiseRejection',
    message: 'undefined',
    status: 128,
  },
}

for (const [name, { code, type, message, status }] of Object.entries(crashes)) {
  test(`crash: ${name} is the answer, and the process ends`, limit, async (t) => {
    const guest = await startHandler(t, { 'index.js': `exports.handler = ${code}` })
    const got = report(await guest.invoke())
    assert.equal(got.errorType, type)
    assert.equal(got.errorMessage, message)
    assert.equal(await guest.ended, status)
    assert.match(guest.stderr(), /\tERROR\tUn(caught|handled)/)
  })
}

test('the function hardly runs on after a crash', limit, async (t) => {
  const code = `const { writeSync } = require('fs')
    exports.handler = async () => {
      setTimeout(() => { writeSync(1, 'thrown\\n'); throw new Error('x') }, 20)
      setInterval(() => writeSync(1, 'tick\\n'), 1)
      await new Promise(() => {})
    }`
  const guest = await startHandler(t, { 'index.js': code })
  assert.equal(report(await guest.invoke()).errorMessage, 'x')
  await guest.ended
  // What is left is the time that the answer takes to be written, and none of the 100 ms for it to leave the guest.
  const after = guest.stdout().split('thrown')[1]!.split('tick').length - 1
  assert.ok(after < 50, `ran for ${after} rounds`)
})

test('a crash between invocations ends the process with its error in the log', limit, async (t) => {
  const code = "exports.handler = async () => { setTimeout(() => { throw new Error('afterwards') }, 50) }"
  const guest = await startHandler(t, { 'index.js': code })
  assert.equal((await guest.invoke()).json(), null)
  assert.equal(await guest.ended, 129)
  assert.match(guest.stderr(), /afterwards/)
})

test('process.exit ends the process and the connection at once', limit, async (t) => {
  const guest = await startHandler(t, {
    'index.js': "exports.handler = async () => { console.log('bye'); process.exit(3) }",
  })
  await assert.rejects(guest.invoke(), { code: 'ECONNRESET' })
  assert.equal(await guest.ended, 3)
  assert.match(guest.stdout(), /bye/)
})

test('process.exit while loading ends the process before any mark', limit, async (t) => {
  await assert.rejects(startHandler(t, { 'index.js': 'process.exit(7)' }), /ended with 7 before it was ready/)
})

test('a port that is taken is said, and ends the process', limit, async (t) => {
  const files = { 'index.js': 'exports.handler = async () => 1' }
  const first = await startHandler(t, files)
  const environment = { UFR_PORT: String(first.port) }
  const second = startHandler(t, files, 'index.handler', { environment })
  await assert.rejects(second, /ended with 1 before it was ready[\s\S]*cannot listen: .*EADDRINUSE/)
})
