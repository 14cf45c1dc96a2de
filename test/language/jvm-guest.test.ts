import assert from 'node:assert/strict'
import net from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import { allJdks, compiledKotlin, lackingJdk, lackingKotlin, startJava } from './jvm-guest-process.ts'
import { fetchFrom, invocationPath, until } from './node-guest-process.ts'

const options = { skip: lackingJdk }
const at = { method: 'POST', path: invocationPath }
const one = (name: string) => `cases.Cases${name}`

interface Report {
  errorMessage: string
  errorType: string
  stackTrace: string[]
  cause?: Report
}

test('events become what a handler wants, and results JSON', options, async (t) => {
  const guest = await startJava(t, 'ufr.guest.Any')
  const same = async (handler: string, event: unknown, expected = event) =>
    assert.deepEqual(await guest.call(one(handler), event), expected, handler)

  const order = {
    ...{ id: 'a', count: 3, paid: true, colour: 'GREEN' },
    items: [{ name: 'tea', price: 1.5, sizes: [1, 2], note: 'n' }],
    ...{ totals: { x: 1 }, weight: 2.5 },
  }
  await same('::order', order)
  // What is null is left out, as AWS's runtime has it.
  const empty = { count: 0, paid: false, items: [] }
  await same('::order', {}, empty as never)
  // Names are taken whatever their case; what the class does not have is left out; numbers become what is wanted.
  await same('::order', { ID: 7, Count: 2.9, unknown: {}, paid: 'true' }, {
    ...empty,
    ...{ id: '7', count: 2, paid: true },
  } as never)
  await same(
    '::item',
    { name: 'tea', price: 1e-3, sizes: [], note: null },
    {
      ...{ name: 'tea', price: 0.001, sizes: [], note: null },
    },
  )
  await same('::item', {}, { note: null } as never)
  const first = { name: 'a', price: 1, sizes: [1], note: null }
  await same('::pair', { first, second: [{ RED: 1 }, { GREEN: 2 }] })
  await same(
    '::times',
    {
      ...{ at: '2026-01-02T03:04:05Z', lasts: 'PT1S', id: '00000000-0000-4000-8000-000000000000' },
      ...{ uri: 'https://a.example/b', large: 12345678901234567890n.toString(), letter: 'x', bytes: 'AQI=' },
    },
    {
      ...{ at: 1767323045, lasts: 1, id: '00000000-0000-4000-8000-000000000000' },
      ...{ uri: 'https://a.example/b', large: Number('12345678901234567890'), letter: 'x', bytes: 'AQI=' },
    } as never,
  )
  await same(
    '::classes',
    [1, 2 ** 40, 1.5, 'a', true, null, [], {}],
    'Integer Long Double String Boolean null ArrayList LinkedHashMap' as never,
  )
  await same('::length', 'ü😀', 3 as never)
  await same('::length', 42, 2 as never)
  await same('::add', [1, 2, '3'], 6 as never)
  await same('::sets', { 2: [1, 1, 2], 3: [1] }, 'LinkedHashSet 9' as never)
  await same('::sorted', { b: [], a: [first] }, { a: [first], b: [] })
  await same('::chain', { value: 1, next: { value: 2, next: { value: 3, next: null } } }, 6 as never)
  await same('::flag', null, true as never)
  await same('::nested', { inner: { number: 4 } }, 4 as never)
  await same('$Derived', { first, second: [1, 2] }, 'a 3' as never)
  await same('$Plain::handle', { a: 1 })
  await same('::nothing', {}, null as never)
  await same('::silent', {}, null as never)
  await same('::onlyContext', {}, 'LambdaContext' as never)
  // Of several methods the one with the most parameters, as on AWS.
  await same('::overloaded', {}, 2 as never)
  await same('::streams', { a: [1] }, [{ a: [1] }])
  await same('::oddities', {}, {
    ...{ nan: 'NaN', infinite: '-Infinity', date: 1234, optional: [1], chars: 'a"' },
    ...{ lone: '\ud800x\udc00', control: '\u0000\u001f\u007f\u2028', RED: null },
    ...{ 7: { GREEN: { a: 2, b: 1 } }, hidden: { own: 'x', URL: 0, ok: true, xAxis: 3 }, colour: 'ONE' },
  } as never)
})

test('values of the platform, and what is nearly right, are as on AWS', options, async (t) => {
  const guest = await startJava(t, 'ufr.guest.Any')
  // What AWS's own serialization library (1.2.0) writes and reads was looked at for each of these.
  assert.deepEqual(await guest.call(one('::platform')), {
    ...{ instant: 1.5, zero: 0, lasts: -1.5, offset: 0, day: [2020, 1, 2], time: [1, 2] },
    ...{ both: [2020, 1, 2, 3, 4, 5, 6], month: [2020, 1], zone: 'Europe/Berlin', entry: { a: 1 } },
    ...{ buffer: 'AQI=', chars: 'a"', class: 'java.lang.String', path: 'file:///x' },
    ...{ uuid: '00000000-0000-0001-0000-000000000002', list: [1, null] },
  })
  const untouched = { flag: false, letter: '\0', ratio: 0 }
  const loose: [event: unknown, expected: Record<string, unknown>][] = [
    [{ number: '' }, {}],
    [{ number: '7' }, { number: 7 }],
    [{ number: [7] }, { number: 7 }],
    [{ flag: 1 }, { flag: true }],
    [{ flag: 'True' }, { flag: true }],
    [{ letter: 65 }, { letter: 'A' }],
    [{ colour: 'BLUE' }, {}],
    [{ colour: 1 }, { colour: 'GREEN' }],
    [{ date: '2020-01-01' }, { date: 1577836800000 }],
    [{ date: '2020-01-01T01:00:00.000+01:00' }, { date: 1577836800000 }],
    [{ text: [1] }, { text: '1' }],
    [
      { list: 'x', array: 1 },
      { list: ['x'], array: [1] },
    ],
    [{ chars: 'ab' }, { chars: 'ab' }],
    [
      { instant: 1.5, lasts: 1.5 },
      { instant: 1.5, lasts: 1.5 },
    ],
    [
      { instant: '1970-01-01T00:00:02Z', lasts: 'PT2S' },
      { instant: 2, lasts: 2 },
    ],
    [
      { ratio: 'NaN', buffer: 'AQI=' },
      { ratio: 'NaN', buffer: 'AQI=' },
    ],
    [{ loose: '' }, {}],
    [{ loose: [{ number: 1 }] }, { loose: { ...untouched, number: 1 } }],
  ]
  for (const [event, expected] of loose) {
    assert.deepEqual(
      await guest.call(one('::loose'), event),
      { ...untouched, ...expected },
      JSON.stringify(event),
    )
  }
  assert.equal(await guest.call(one('::loose'), []), null)
  const notice = {
    'event-name': 'no',
    eventName: 'e',
    at: '1970-01-01T00:00:01Z',
    'detail-type': 'd',
    Records: [1],
  }
  assert.equal(await guest.call(one('::notice'), notice), 'e 1000 d [1]')
})

test('what does not fit is told by its place in the event', options, async (t) => {
  const guest = await startJava(t, 'ufr.guest.Any')
  const wrong = async (handler: string, event: unknown, message: RegExp, type: string) => {
    const { errorMessage, errorType } = (await guest.call(one(handler), event)) as Report
    assert.match(errorMessage, message)
    assert.equal(errorType, type)
  }
  const misfit = (handler: string, event: unknown, message: RegExp) =>
    wrong(handler, event, message, 'java.lang.IllegalArgumentException')
  await misfit(
    '::order',
    { items: [{}, { sizes: [1, 'x'] }] },
    /^the event's items\[1\]\.sizes\[1\] is "x", .* int$/,
  )
  await misfit('::order', { count: 2 ** 40 }, /^the event's count is 1099511627776, /)
  await misfit('::order', [1, 2], /^the event is an array, .*Order$/)
  await misfit('::order', { totals: { a: { b: 1 } } }, /^the event's totals\.a is an object, .*Long$/)
  await misfit('::times', { at: 'noon' }, /^the event's at is "noon", .*Instant$/)
  await misfit('::length', { a: 1 }, /^the event is an object, .*String$/)
  await misfit('::shape', { name: 'x' }, /^the event cannot become cases\.Cases\$Shape, which is abstract$/)
  await wrong(
    '::tooMany',
    '',
    /tooMany does not take an event, a context, or both/,
    'java.lang.NoSuchMethodException',
  )
  await wrong('::none', '', /^cases\.Cases has no public method none$/, 'java.lang.NoSuchMethodException')
  await wrong('$Plain::hidden', '', /has no public method hidden/, 'java.lang.NoSuchMethodException')
  await wrong(
    '$Plain',
    '',
    /implements neither RequestHandler nor RequestStreamHandler/,
    'java.lang.NoSuchMethodException',
  )
  await wrong('$NeedsMore', '', /no public constructor without parameters/, 'java.lang.NoSuchMethodException')
  await wrong('$Broken::handle', '', /^For input string: "x"$/, 'java.lang.NumberFormatException')
  await wrong('.Missing', '', /cases\.Cases\.Missing/, 'java.lang.ClassNotFoundException')
  await wrong('::endless', '', /^it has more than 500 levels/, 'ufr.guest.JsonException')
})

test(
  'an error is answered as AWS does, with its causes and the frames of the function',
  options,
  async (t) => {
    const guest = await startJava(t, one('::fails'))
    const answer = await guest.invoke('milk', { 'Lambda-Runtime-Aws-Request-Id': 'r-2' })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['x-amz-function-error'], 'Unhandled')
    const report = answer.json() as Report
    assert.deepEqual([report.errorMessage, report.errorType], ['no milk', 'cases.Cases$NotFound'])
    assert.equal(report.stackTrace.length, 1)
    assert.match(report.stackTrace[0]!, /^cases\.Cases\.fails\(Cases\.java:\d+\)$/)
    assert.equal(report.cause?.errorType, 'java.lang.NumberFormatException')
    await until(() => /r-2 Invoke Error: cases\.Cases\$NotFound: no milk\n\tat cases/.test(guest.stderr()))
    assert.match(guest.stderr(), /Caused by: java\.lang\.NumberFormatException/)
    const io = (await guest.invoke('io')).json() as Report
    assert.deepEqual([io.errorMessage, io.errorType], ['the disk is gone', 'java.io.IOException'])
    assert.match(((await guest.invoke('evil')).json() as Report).errorMessage, /cannot be shown/)
    assert.match(
      ((await guest.invoke({ a: 1 })).json() as Report).errorMessage,
      /does not fit java\.lang\.String/,
    )
  },
)

test('streams are handed over as they are, their errors too', options, async (t) => {
  const guest = await startJava(t, one('$Streams::handleRequest'))
  assert.equal((await fetchFrom(guest.port, at, 'no JSON')).text, 'NOSJ on')
  const failed = await fetchFrom(guest.port, at)
  assert.equal(failed.headers['x-amz-function-error'], 'Unhandled')
  assert.deepEqual((failed.json() as Report).errorType, 'java.io.IOException')
  assert.equal((await fetchFrom(guest.port, at, 'on')).text, 'no')
})

test('a handler gets the context that AWS documents', options, async (t) => {
  const guest = await startJava(t, one('::looks'), {
    environment: {
      ...{ AWS_LAMBDA_FUNCTION_NAME: 'f', AWS_LAMBDA_FUNCTION_VERSION: '$LATEST', AWS_REGION: 'eu-north-1' },
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
      ...{ AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/f', AWS_LAMBDA_LOG_STREAM_NAME: '[$LATEST]' },
    },
  })
  const { id, left, ...plain } = (await guest.invoke({ a: 1 })).json() as Record<string, unknown>
  assert.match(String(id), /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
  assert.ok(Number(left) > 0)
  assert.deepEqual(plain, {
    ...{ event: { a: 1 }, name: 'f', version: '$LATEST', memory: 512 },
    arn: 'arn:aws:lambda:eu-north-1:000000000000:function:f',
    ...{ group: '/aws/lambda/f', stream: '[$LATEST]' },
  })
  const headers = {
    ...{
      'Lambda-Runtime-Aws-Request-Id': 'r-1',
      'Lambda-Runtime-Deadline-Ms': '1',
      'Ufr-Deadline-In-Ms': '5000',
    },
    ...{ 'Lambda-Runtime-Trace-Id': 'Root=1', 'Lambda-Runtime-Invoked-Function-Arn': 'arn:x' },
    'Lambda-Runtime-Cognito-Identity': '{"cognitoIdentityId":"me"}',
    'Lambda-Runtime-Client-Context': '{"custom":{"k":"v"},"client":{"app_title":"T"}}',
  }
  const full = (await guest.invoke({}, headers)).json() as Record<string, unknown>
  const { arn, user, custom, app, trace } = full
  assert.deepEqual(
    [full['id'], arn, user, custom, app, trace],
    ['r-1', 'arn:x', 'me', { k: 'v' }, 'T', 'Root=1'],
  )
  assert.ok(Number(full['left']) > 1000 && Number(full['left']) <= 5000, String(full['left']))
  await until(() => guest.stdout().includes('logged r-1\n') && guest.stderr().includes('to stderr\n'))
  assert.equal((await guest.invoke({}, { 'Lambda-Runtime-Client-Context': '{' })).status, 400)
})

test('what goes wrong before the first event is the answer to each', options, async (t) => {
  const cases: [handler: string, type: string, message: RegExp][] = [
    ['', 'java.lang.IllegalArgumentException', /no handler is named/],
    ['app.Missing::handle', 'java.lang.ClassNotFoundException', /^Class not found: app\.Missing$/],
    [one('$Broken::handle'), 'java.lang.NumberFormatException', /For input string/],
  ]
  for (const [handler, type, message] of cases) {
    const guest = await startJava(t, handler)
    for (let i = 0; i < 2; i++) {
      const answer = await guest.invoke()
      assert.equal(answer.headers['x-ufr-init-error'], '1')
      const { errorType, errorMessage } = answer.json() as Report
      assert.equal(errorType, type)
      assert.match(errorMessage, message)
    }
    assert.match(guest.stderr(), /Init Error: /)
    guest.child.kill('SIGKILL')
  }
})

test('a machine in a state that nobody knows ends after its answer', options, async (t) => {
  const guest = await startJava(t, one('::exhausts'), { options: ['-Xmx32m'] })
  const { errorType } = (await guest.invoke()).json() as Report
  assert.equal(errorType, 'java.lang.OutOfMemoryError')
  assert.equal(await guest.ended, 1)
  const exits = await startJava(t, one('::exits'))
  await assert.rejects(exits.invoke(7))
  assert.equal(await exits.ended, 7)
})

test('requests that are none, and those that are too large', options, async (t) => {
  const guest = await startJava(t, one('::large'))
  const tooLarge = (await guest.invoke(6 * 2 ** 20 + 101)).json() as Report
  assert.equal(tooLarge.errorType, 'Function.ResponseSizeTooLarge')
  assert.equal(((await guest.invoke(6 * 2 ** 20 - 2)).json() as string).length, 6 * 2 ** 20 - 2)
  const refused = [
    await fetchFrom(guest.port, { ...at, path: '/' }),
    await fetchFrom(guest.port, { ...at, method: 'GET' }),
    await fetchFrom(guest.port, { ...at, headers: { 'Content-Length': 2 ** 25 + 1 } }),
    await fetchFrom(guest.port, at, '{"a":'),
  ]
  assert.deepEqual(
    refused.map(({ status }) => status),
    [404, 405, 413, 400],
  )
  assert.match(refused[3]!.text, /cannot be read as JSON: its end at line 1, column 6/)
  for (const bytes of [
    '\0\0\n\n',
    `GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(300)}\r\n`,
    `POST ${'x'.repeat(70_000)}`,
    `POST ${invocationPath} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    `POST ${invocationPath} HTTP/1.1\r\nContent-Length: -1\r\n\r\n`,
  ]) {
    await closedAfter(guest.port, bytes)
  }
  const chunked = `POST ${invocationPath} HTTP/1.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\n3\r\n0\r\n\r\n`
  assert.match(await closedAfter(guest.port, chunked), /"xxx"$/)
  assert.equal((await guest.invoke(1)).text, '"x"')
})

/** Sends bytes and gives what comes until the guest closes. */
async function closedAfter(port: number, bytes: string): Promise<string> {
  const socket = net.connect(port, '127.0.0.1')
  let text = ''
  socket.setEncoding('utf8').on('error', () => {})
  socket.write(bytes)
  const closed = new Promise((resolve) => socket.on('close', resolve))
  socket.on('data', (more) => {
    text += more
  })
  setTimeout(() => socket.destroy(new Error('not closed')), 10_000).unref()
  await closed
  return text
}

test('JSON is read and written as JSON.parse and JSON.stringify do', options, async (t) => {
  const guest = await startJava(t, one('::echo'))
  const echoed = (text: string) => fetchFrom(guest.port, at, text)
  const value = fc.jsonValue({ maxDepth: 4 })
  await fc.assert(
    fc.asyncProperty(value, async (each) => {
      const answer = await echoed(JSON.stringify(each))
      assert.equal(plain(answer.json()), plain(each))
    }),
    { numRuns: 300 },
  )
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u00e',
    '\\u0041',
    'true',
    'null',
    'nul',
    '-',
    '0',
    '1',
    '.',
    'e',
    'E+',
    ' ',
    '\n',
    '\t',
    '\u0001',
    '\u00a0',
    '"a"',
    '"a":',
    '1e400',
    '01',
    '-0',
    'ü',
    '\ufeff',
    '\\/',
    '12345678901234567890',
  )
  const texts = fc.oneof(
    fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join('')),
    fc.tuple(value, fc.nat(), piece).map(([each, place, more]) => {
      const text = JSON.stringify(each)
      const cut = place % (text.length + 1)
      return place % 2 ? text.slice(0, cut) + more + text.slice(cut) : text.slice(0, cut) + more
    }),
  )
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      // Nothing at all is an event without members.
      fc.pre(text.trim() !== '' || text.length > 0)
      const answer = await echoed(text)
      let expected: string | undefined
      try {
        expected = plain(JSON.parse(text))
      } catch {
        assert.equal(answer.status, 400, text)
        return
      }
      assert.equal(answer.status, 200, `${text}: ${answer.text}`)
      assert.equal(plain(answer.json()), expected, text)
    }),
    { numRuns: 700 },
  )
  const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  assert.equal((await echoed(deep(499))).status, 200)
  assert.match((await echoed(deep(1001))).text, /more than 1000 levels/)
  assert.equal((await fetchFrom(guest.port, at, Buffer.from('"\xff"', 'latin1'))).status, 400)
})

/**
 * What is to come of a value: as AWS's runtime has it, members that are null are left out, and numbers that Java has no
 * other form for are texts.
 */
function plain(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (each === Number.POSITIVE_INFINITY) return 'Infinity'
    if (each === Number.NEGATIVE_INFINITY) return '-Infinity'
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).filter(([, inner]) => inner !== null))
  })
}

test('Kotlin: functions, data classes with defaults, objects', { skip: lackingKotlin }, async (t) => {
  const classPath = await compiledKotlin(t, {
    'Functions.kt': `package k
import com.amazonaws.services.lambda.runtime.*
data class Address(val street: String, val zip: Int = 1000)
data class Person(val name: String, val age: Int = 7, val tags: List<String> = listOf("a"), val address: Address? = null,
  val ratio: Double = 0.5, val isActive: Boolean = true)
fun echo(person: Person) = person
fun plain(event: Map<String, Any?>, context: Context): Any? = event["a"]
suspend fun suspends(event: String) = event
object Only : RequestHandler<Person, String> {
  override fun handleRequest(person: Person, context: Context) = person.address!!.street
}
class Klass { fun handle(people: List<Person>) = people.map { it.age } }
class Mutable { var a: Int = 1; lateinit var b: String }
fun mutable(m: Mutable) = mapOf("a" to m.a, "b" to m.b)
enum class Kind { X }
fun kinds(k: Map<Kind, Set<Kind>>) = k
`,
  })
  const guest = await startJava(t, 'ufr.guest.Any', { classPath })
  const defaults = { age: 7, tags: ['a'], ratio: 0.5, isActive: true }
  assert.deepEqual(await guest.call('k.FunctionsKt::echo', { name: 'Ada' }), { name: 'Ada', ...defaults })
  const full = { name: 'B', age: 1, tags: [], address: { street: 's', zip: 2 }, ratio: 1, isActive: false }
  assert.deepEqual(await guest.call('k.FunctionsKt::echo', full), full)
  assert.deepEqual(await guest.call('k.FunctionsKt::plain', { a: [1, null] }), [1, null])
  assert.equal(await guest.call('k.Only', { name: 'A', address: { street: 'x' } }), 'x')
  assert.deepEqual(await guest.call('k.Klass::handle', [{ name: 'A' }, { name: 'B', age: 2 }]), [7, 2])
  assert.deepEqual(await guest.call('k.FunctionsKt::mutable', { b: 'y' }), { a: 1, b: 'y' })
  assert.deepEqual(await guest.call('k.FunctionsKt::kinds', { X: ['X'] }), { X: ['X'] })
  const missing = (await guest.call('k.FunctionsKt::echo', { age: 1 })) as Report
  assert.match(missing.errorMessage, /^the event does not fit k\.Person: .*name/)
  const inner = (await guest.call('k.FunctionsKt::echo', { name: 'A', address: {} })) as Report
  assert.match(inner.errorMessage, /^the event's address does not fit k\.Address: .*street/)
  assert.match(
    ((await guest.call('k.FunctionsKt::suspends', '')) as Report).errorMessage,
    /does not take an event/,
  )
})

for (const jdk of allJdks().slice(1)) {
  test(`it runs on Java ${jdk.version} as well`, async (t) => {
    const guest = await startJava(t, one('$Derived'), { on: jdk })
    const first = { name: 'a', price: 1, sizes: [], note: null }
    assert.equal((await guest.invoke({ first, second: [1] })).json(), 'a 1')
  })
}
