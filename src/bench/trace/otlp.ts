import { randomBytes } from 'node:crypto'
import type { Span } from './spans.ts'

/** SPAN_KIND_INTERNAL (opentelemetry-proto: trace/v1/trace.proto). */
const internal = 1

/**
 * Spans in OpenTelemetry's protocol as JSON (OTLP/JSON: hex ids, times in nanoseconds as texts), all in one line, as
 * the collector's otlpjsonfile receiver reads files; a POST to /v1/traces takes the same.
 * @param random gives ids; tests give others.
 */
export function otlpTrace(
  root: Span,
  version: string,
  random: (bytes: number) => Buffer = randomBytes,
): string {
  const traceId = random(16).toString('hex')
  const spans = flatten(root, undefined, traceId, random)
  const resource = { attributes: attributes({ 'service.name': 'ufr', 'service.version': version }) }
  const document = { resourceSpans: [{ resource, scopeSpans: [{ scope: { name: 'ufr', version }, spans }] }] }
  return `${JSON.stringify(document)}\n`
}

function flatten(
  { name, start, end, attributes: own, children }: Span,
  parent: string | undefined,
  traceId: string,
  random: (bytes: number) => Buffer,
): object[] {
  const spanId = random(8).toString('hex')
  const span = {
    traceId,
    spanId,
    ...(parent !== undefined && { parentSpanId: parent }),
    name,
    kind: internal,
    startTimeUnixNano: nanoseconds(start),
    endTimeUnixNano: nanoseconds(end),
    attributes: attributes(own),
  }
  return [span, ...children.flatMap((child) => flatten(child, spanId, traceId, random))]
}

/** Through whole microseconds: a number of nanoseconds since 1970 has more digits than a double. */
function nanoseconds(milliseconds: number): string {
  return `${BigInt(Math.round(milliseconds * 1000))}000`
}

function attributes(values: Span['attributes']): object[] {
  return Object.entries(values).map(([key, value]) => ({ key, value: anyValue(value) }))
}

function anyValue(value: string | number | boolean): object {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
}
