import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import { fetchFrom, folderWith, invocationPath, until } from './node-guest-process.ts'
import { lackingPython, startPython, startPythonHandler } from './python-guest-process.ts'

const options = { skip: lackingPython }
const at = { method: 'POST', path: invocationPath }

test('a handler gets event and context, as AWS documents them', options, async (t) => {
  const guest = await startPythonHandler(
    t,
    `import os
def lambda_handler(event, context):
    client = context.client_context
    return {
        'event': event, 'id': context.aws_request_id, 'name': context.function_name,
        'version': context.function_version, 'arn': context.invoked_function_arn,
        'memory': context.memory_limit_in_mb, 'group': context.log_group_name, 'stream': context.log_stream_name,
        'left': context.get_remaining_time_in_millis(), 'user': context.identity.cognito_identity_id,
        'custom': client and client.custom, 'app': client and client.client.app_title,
        'trace': os.environ.get('_X_AMZN_TRACE_ID'),
    }`,
    {
      AWS_LAMBDA_FUNCTION_NAME: 'f',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/f',
      AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]',
      AWS_REGION: 'eu-north-1',
    },
  )
  const plain = (await guest.invoke({ a: [1, 2.5, null, true, 'ü'] })).json() as Record<string, unknown>
  assert.deepEqual(plain['event'], { a: [1, 2.5, null, true, 'ü'] })
  assert.match(String(plain['id']), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  assert.deepEqual(
    [plain['name'], plain['version'], plain['memory'], plain['group'], plain['stream']],
    ['f', '$LATEST', '512', '/aws/lambda/f', '[$LATEST]'],
  )
  assert.equal(plain['arn'], 'arn:aws:lambda:eu-north-1:000000000000:function:f')
  assert.deepEqual([plain['user'], plain['custom'], plain['trace']], [null, null, null])
  const full = (
    await guest.invoke(
      {},
      {
        'Lambda-Runtime-Aws-Request-Id': 'r-1',
        'Lambda-Runtime-Deadline-Ms': '1',
        'Ufr-Deadline-In-Ms': '5000',
        'Lambda-Runtime-Trace-Id': 'Root=1',
        'Lambda-Runtime-Invoked-Function-Arn': 'arn:x',
        'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"me"}',
        'Lambda-Runtime-Client-Context': '{"custom":{"k":1},"client":{"app_title":"T"}}',
      },
    )
  ).json() as Record<string, unknown>
  assert.deepEqual(
    [full['id'], full['arn'], full['user'], full['custom'], full['app'], full['trace']],
    ['r-1', 'arn:x', 'me', { k: 1 }, 'T', 'Root=1'],
  )
  assert.ok(Number(full['left']) > 3000 && Number(full['left']) <= 5000, String(full['left']))
})

test('what a handler returns is written as JSON by its rules', options, async (t) => {
  const guest = await startPythonHandler(
    t,
    `from decimal import Decimal
results = {
    'none': None, 'text': 'a"\\n\\u00fc\\U0001f600', 'numbers': [1, -2.5, 1e100, 10**30, Decimal('1.5')],
    'nested': {'a': ({},)}, 'keys': {1: True, None: 2}, 'set': {1}, 'bytes': b'x', 'big': 'x' * (6 * 2**20 + 200),
}
loop = []
loop.append(loop)
def lambda_handler(event, context):
    return loop if event == 'loop' else results[event]`,
  )
  const text = async (event: string) => (await guest.invoke(event)).text
  assert.equal(await text('none'), 'null')
  assert.equal(await text('text'), '"a\\"\\nü😀"')
  assert.equal(await text('numbers'), `[1, -2.5, 1e+100, 1${'0'.repeat(30)}, 1.5]`)
  assert.equal(await text('nested'), '{"a": [{}]}')
  assert.equal(await text('keys'), '{"1": true, "null": 2}')
  for (const [event, message] of [
    ['set', /Unable to marshal response: Object of type set is not JSON serializable/],
    ['bytes', /Object of type bytes/],
    ['loop', /Circular reference/],
  ] as const) {
    const answer = await guest.invoke(event)
    const report = answer.json() as Record<string, string>
    assert.equal(answer.headers['x-amz-function-error'], 'Unhandled')
    assert.equal(report['errorType'], 'Runtime.MarshalError')
    assert.match(report['errorMessage']!, message)
  }
  const big = (await guest.invoke('big')).json() as Record<string, string>
  assert.equal(big['errorType'], 'Function.ResponseSizeTooLarge')
})

test('an exception is answered with type, message and frames of the function only', options, async (t) => {
  const guest = await startPythonHandler(
    t,
    `class NotThere(Exception):
    pass
class Evil(Exception):
    def __str__(self):
        raise ValueError
def inner(event):
    raise NotThere('no ' + event)
def lambda_handler(event, context):
    if event == 'evil':
        raise Evil()
    inner(event)`,
  )
  const answer = await guest.invoke('milk', { 'Lambda-Runtime-Aws-Request-Id': 'r-2' })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['x-amz-function-error'], 'Unhandled')
  const report = answer.json() as Record<string, string[]>
  assert.deepEqual(
    [report['errorMessage'], report['errorType'], report['requestId']],
    ['no milk', 'NotThere', 'r-2'],
  )
  assert.equal(report['stackTrace']?.length, 2)
  assert.match(report['stackTrace']![0]!, /^ {2}File ".*\/lambda_function\.py", line 11, in lambda_handler\n/)
  assert.match(report['stackTrace']![1]!, /line 7, in inner\n {4}raise NotThere/)
  await until(() =>
    /\[ERROR\] NotThere: no milk\nTraceback \(most recent call last\):\n/.test(guest.stdout()),
  )
  const evil = (await guest.invoke('evil')).json() as Record<string, string>
  assert.match(evil['errorMessage']!, /cannot be shown: ValueError/)
})

const initErrors: Record<
  string,
  { files?: Record<string, string>; handler?: string; type: string; message: RegExp }
> = {
  'a module that is not there': {
    files: { 'lambda_function.py': 'import no_such_module_x' },
    type: 'Runtime.ImportModuleError',
    message: /^Unable to import module 'lambda_function': No module named 'no_such_module_x'$/,
  },
  'a handler that is not there': {
    files: { 'lambda_function.py': 'x = 1' },
    type: 'Runtime.HandlerNotFound',
    message: /^Handler 'lambda_handler' missing on module 'lambda_function'$/,
  },
  'a handler that is no function': {
    files: { 'lambda_function.py': 'lambda_handler = 1' },
    type: 'Runtime.HandlerNotFound',
    message: /is a int$/,
  },
  'a syntax error': {
    files: { 'lambda_function.py': 'def lambda_handler(event, context)\n  return 1' },
    type: 'Runtime.UserCodeSyntaxError',
    message: /^Syntax error in module 'lambda_function': .*line 1\)$/,
  },
  'a name without a function': {
    handler: 'lambda_function',
    type: 'Runtime.MalformedHandlerName',
    message: /^Bad handler/,
  },
  'a module of the interpreter': {
    handler: 'sys.exit',
    type: 'Runtime.ImportModuleError',
    message: /built-in module sys/,
  },
  'an exception while it loads': {
    files: { 'lambda_function.py': '1 / 0' },
    type: 'ZeroDivisionError',
    message: /^division by zero$/,
  },
}

for (const [name, { files, handler, type, message }] of Object.entries(initErrors)) {
  test(`what goes wrong at init is the answer to each event: ${name}`, options, async (t) => {
    const environment: Record<string, string> = handler === undefined ? {} : { _HANDLER: handler }
    const guest = await startPythonHandler(t, files ?? { 'lambda_function.py': 'x = 1' }, environment)
    for (const id of ['r-1', 'r-2']) {
      const answer = await guest.invoke({}, { 'Lambda-Runtime-Aws-Request-Id': id })
      const report = answer.json() as Record<string, string>
      assert.equal(answer.headers['x-ufr-init-error'], '1')
      assert.deepEqual([report['errorType'], report['requestId']], [type, id])
      assert.match(report['errorMessage']!, message)
    }
    await until(() => new RegExp(`\\[ERROR\\] ${type}: `).test(guest.stdout()))
  })
}

test('handlers in folders and packages, and layers, are found', options, async (t) => {
  const files = {
    'src/app.py': 'from . import part\ndef handler(event, context):\n    return [part.x, __name__]',
    'src/part.py': 'x = 5',
    'other.py': 'import sys\ndef handler(event, context):\n    return [sys.path[:3], sys.argv]',
  }
  const guest = await startPythonHandler(t, files, { _HANDLER: 'src/app.handler' })
  assert.deepEqual((await guest.invoke()).json(), [5, 'src.app'])
  const dotted = await startPythonHandler(t, files, { _HANDLER: 'src.app.handler' })
  assert.deepEqual((await dotted.invoke()).json(), [5, 'src.app'])
  const other = await startPythonHandler(t, files, { _HANDLER: 'other.handler' })
  const [path] = (await other.invoke()).json() as [string[]]
  assert.equal(path[0], other.folder)
  assert.match(path[1]!, /^\/opt\/python\/lib\/python3\.\d+\/site-packages$/)
  assert.equal(path[2], '/opt/python')
})

test('logging is set up as on AWS, and what is printed comes at once', options, async (t) => {
  const text = `import logging
log = logging.getLogger()
log.setLevel(logging.INFO)
def lambda_handler(event, context):
    print('printed')
    log.info('said %d', 5)
    logging.getLogger('part').debug('not said')
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception('failed')`
  const guest = await startPythonHandler(t, text)
  await guest.invoke({}, { 'Lambda-Runtime-Aws-Request-Id': 'r-3' })
  await until(() =>
    /printed\n\[INFO\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tr-3\tsaid 5\n/.test(guest.stdout()),
  )
  await until(() => /\[ERROR\]\t\S+\tr-3\tfailed\nTraceback/.test(guest.stdout()))
  assert.doesNotMatch(guest.stdout(), /not said/)

  const json = await startPythonHandler(t, text.replace('log.setLevel(logging.INFO)', ''), {
    AWS_LAMBDA_LOG_FORMAT: 'JSON',
    AWS_LAMBDA_LOG_LEVEL: 'INFO',
  })
  await json.invoke({}, { 'Lambda-Runtime-Aws-Request-Id': 'r-4' })
  await until(() => /"ZeroDivisionError"[^\n]*\n/.test(json.stdout()))
  const lines = json
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{'))
  const [said, failed] = lines.map((line) => JSON.parse(line))
  assert.deepEqual([said.level, said.message, said.requestId, said.logger], ['INFO', 'said 5', 'r-4', 'root'])
  assert.equal(failed.errorType, 'ZeroDivisionError')
})

test('a handler that exits ends the guest with its status', options, async (t) => {
  const guest = await startPythonHandler(
    t,
    'import sys\ndef lambda_handler(event, context):\n    sys.exit(event)',
  )
  await assert.rejects(guest.invoke(7))
  assert.equal(await guest.ended, 7)
})

test('requests that are no invocations are refused as AWS refuses them', options, async (t) => {
  const guest = await startPythonHandler(t, 'def lambda_handler(event, context):\n    return event')
  const send = (request: object, body?: string | Buffer) => fetchFrom(guest.port, { ...at, ...request }, body)
  const refused = async (answer: Promise<{ status: number; headers: object }>) => {
    const { status, headers } = await answer
    return [status, (headers as Record<string, string>)['x-amzn-errortype']]
  }
  assert.deepEqual(await refused(send({ path: '/x' })), [404, 'ResourceNotFoundException'])
  assert.deepEqual(await refused(send({ method: 'GET' })), [405, 'InvalidRequestContentException'])
  assert.deepEqual(await refused(send({}, '{"a"')), [400, 'InvalidRequestContentException'])
  for (const body of ['1 2', '"\x01"', '[1,', 'nul', Buffer.from([0xff, 0x22]), '['.repeat(200_000)]) {
    assert.deepEqual(await refused(send({}, body)), [400, 'InvalidRequestContentException'], String(body))
  }
  const large = { headers: { 'Content-Length': String(33 * 2 ** 20) } }
  assert.deepEqual(await refused(send(large, Buffer.alloc(33 * 2 ** 20))), [413, 'RequestTooLargeException'])
  // Node.js sends what has no length in chunks.
  assert.equal((await send({ headers: { 'Transfer-Encoding': 'chunked' } }, '{"a":1}')).text, '{"a": 1}')
  assert.equal((await send({ headers: { Expect: '100-continue' } }, ' [1, NaN] ')).text, '[1, NaN]')
  assert.equal((await send({})).text, '{}')
})

test('who connects and says nothing, or nonsense, keeps nobody from being served', options, async (t) => {
  const guest = await startPythonHandler(t, 'def lambda_handler(event, context):\n    return event')
  const silent = net.connect(guest.port, '127.0.0.1')
  t.after(() => silent.destroy())
  for (const bytes of [
    '\r\n\r\n',
    'GET',
    '\0\xff\r\n\r\n',
    `POST ${invocationPath} HTTP/1.1\r\nContent-Length: x\r\n\r\n`,
  ]) {
    const socket = net.connect(guest.port, '127.0.0.1')
    socket.on('error', () => {}).end(bytes, 'latin1')
  }
  assert.equal((await guest.invoke(5)).text, '5')
})

const server = `import socketserver, sys, threading
server = socketserver.TCPServer((sys.argv[1], int(sys.argv[2])), socketserver.BaseRequestHandler)
print('args', sys.argv[1:], __name__, sys.path[0], sep='|')
threading.Timer(0.2, server.shutdown).start()
server.serve_forever()`

test(
  'a web function tells on which port it listens, and where only the guest can connect',
  options,
  async (t) => {
    const folder = folderWith(t, { 'app/server.py': server })
    const guest = startPython(t, folder, ['-m', 'ufr_run', '1', 'app/server.py', '', '0'])
    const port = await guest.ready
    assert.equal(await guest.ended, 0)
    assert.deepEqual(guest.marks(), [port])
    await until(() => new RegExp(`args\\|\\['', '0'\\]\\|__main__\\|${folder}/app`).test(guest.stdout()))
    const inside = startPython(t, folder, ['-m', 'ufr_run', '1', 'app/server.py', '127.0.0.1', '0'])
    assert.equal(await inside.ended, 0)
    assert.match(inside.stdout(), /\x1b_ufr;ready;\d+;127\.0\.0\.1\x1b\\/)
  },
)

test('a server that does not listen by Python is found by knocking', options, async (t) => {
  const listener = `import _socket, time
s = _socket.socket(); s.bind(('0.0.0.0', PORT)); _socket.socket.listen(s); time.sleep(5)`
  const free = net.createServer().listen(0)
  const { port } = free.address() as net.AddressInfo
  await new Promise((resolve) => free.close(resolve))
  const folder = folderWith(t, { 'server.py': listener.replace('PORT', String(port)) })
  const guest = startPython(t, folder, ['-m', 'ufr_run', String(port), 'server.py'])
  assert.equal(await guest.ready, port)
})

test('programs run as by the interpreter: files, modules, code, and how they end', options, async (t) => {
  const folder = folderWith(t, {
    'main.py':
      'import sys\nprint(__name__, __file__, sys.argv)\nif len(sys.argv) > 1: raise ValueError("end")',
    'pack/__main__.py': 'import sys\nprint("pack", __name__, sys.argv[1:])',
    'pack/__init__.py': '',
    'exits.py': 'import sys\nsys.exit(3)',
    'wrong.py': 'def f(:\n',
  })
  const run = async (...args: string[]) => {
    const guest = startPython(t, folder, ['-m', 'ufr_run', '-', ...args])
    return { status: await guest.ended, stdout: guest.stdout(), stderr: guest.stderr() }
  }
  const plain = await run('main.py')
  assert.deepEqual([plain.status, plain.stderr], [0, ''])
  assert.equal(plain.stdout, `__main__ ${folder}/main.py ['main.py']\n`)
  const raised = await run('main.py', 'x')
  assert.equal(raised.status, 1)
  assert.match(
    raised.stderr,
    /^Traceback \(most recent call last\):\n {2}File "\S+main\.py", line 3, in <module>\n/,
  )
  assert.match(raised.stderr, /\nValueError: end\n$/)
  assert.equal((await run('-m', 'pack', 'a')).stdout, "pack __main__ ['a']\n")
  assert.equal((await run('pack', 'a')).stdout, "pack __main__ ['a']\n")
  assert.equal((await run('-c', 'import sys; print(sys.argv)', 'a')).stdout, "['-c', 'a']\n")
  assert.equal((await run('exits.py')).status, 3)
  assert.match((await run('wrong.py')).stderr, /wrong\.py", line 1\n[\s\S]*SyntaxError/)
  assert.equal((await run('none.py')).status, 1)
})
