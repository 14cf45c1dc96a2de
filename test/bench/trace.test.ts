import assert from 'node:assert/strict'
import { test } from 'node:test'
import { chromeTrace } from '../../src/bench/trace/chrome.ts'
import { otlpTrace } from '../../src/bench/trace/otlp.ts'
import { type Span, spansOf } from '../../src/bench/trace/spans.ts'
import { formatOf } from '../../src/cli/trace.ts'

const begun = 1_795_491_642_000.25
const phases = { vmm: 0, vcpu: 5, kernel: 20, entry: 40, ready: 90, response: 100 }
const whole = {
  begun,
  prepared: begun + 50,
  spawned: begun + 60,
  ended: begun + 170,
  phases,
  attributes: { 'ufr.function': 'hello' },
  image: { 'ufr.image.cached': true, 'ufr.image.bytes': 7, 'ufr.image.buildMs': 1.5 },
}

const names = (span: Span): string[] => [span.name, ...span.children.flatMap(names)]

test('a run is a tree of spans that lie within each other', () => {
  const root = spansOf(whole)
  assert.deepEqual(names(root), [
    'ufr run',
    'prepare and build the image',
    'choose the VMM, make the link',
    'cold start',
    ...['VMM', 'to the kernel', 'to the program', 'runtime', 'work'],
    'stop',
  ])
  const within = ({ start, end, children }: Span): void => {
    for (const child of children) {
      assert.ok(child.start >= start && child.end <= end && child.start <= child.end, child.name)
      within(child)
    }
  }
  within(root)
})

test('of a run that failed there is as much as it came to', () => {
  assert.deepEqual(names(spansOf({ begun, prepared: begun + 5, ended: begun + 9 })), [
    'ufr run',
    'prepare and build the image',
  ])
  const silent = { vmm: 0, vcpu: 5, kernel: null, entry: null, ready: null, response: null }
  const died = spansOf({ ...whole, phases: silent })
  assert.deepEqual(names(died).slice(3), ['cold start', 'VMM', 'until the end'])
})

test("Chrome's trace has complete events in whole microseconds", () => {
  const { traceEvents } = JSON.parse(chromeTrace(spansOf(whole)))
  const complete = traceEvents.filter(({ ph }: { ph: string }) => ph === 'X')
  assert.equal(complete.length, 10)
  for (const { ts, dur } of complete)
    assert.ok(Number.isSafeInteger(ts) && Number.isSafeInteger(dur) && dur >= 0)
  const kernel = complete.find(({ name }: { name: string }) => name === 'to the kernel')
  assert.deepEqual([kernel.ts, kernel.dur, kernel.tid], [1_795_491_642_065_250, 15_000, 2])
})

test("OpenTelemetry's spans have ids, parents, and nanoseconds as texts, in one line", () => {
  let next = 0
  const text = otlpTrace(spansOf(whole), '0.1.0', (bytes) => Buffer.alloc(bytes, ++next))
  assert.equal(text.split('\n').length, 2)
  const { spans } = JSON.parse(text).resourceSpans[0].scopeSpans[0]
  const [root, prepared, , cold] = spans
  assert.deepEqual(
    [root.traceId, root.spanId, root.parentSpanId],
    ['01'.repeat(16), '02'.repeat(8), undefined],
  )
  for (const { traceId, kind } of spans) assert.deepEqual([traceId, kind], [root.traceId, 1])
  assert.equal(cold.parentSpanId, root.spanId)
  assert.equal(spans[4].parentSpanId, cold.spanId)
  assert.deepEqual(
    [prepared.startTimeUnixNano, prepared.endTimeUnixNano],
    ['1795491642000250000', '1795491642050250000'],
  )
  assert.deepEqual(prepared.attributes, [
    { key: 'ufr.image.cached', value: { boolValue: true } },
    { key: 'ufr.image.bytes', value: { intValue: '7' } },
    { key: 'ufr.image.buildMs', value: { doubleValue: 1.5 } },
  ])
})

test("the file's name says the format", () => {
  assert.deepEqual(['a.json', 'a.otlp.json', 'a.otlp', 'a.OTLP.jsonl', 'otlp.json'].map(formatOf), [
    'chrome',
    'otlp',
    'otlp',
    'otlp',
    'chrome',
  ])
})
