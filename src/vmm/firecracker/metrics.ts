import type { Readable } from 'node:stream'

type Metrics = Record<string, unknown>

export interface MetricsReader {
  /** The next that come. */
  next(): Promise<Metrics>
  /** Those that came last. */
  last(): Metrics | undefined
}

const longestLine = 1 << 20

/** Reads what Firecracker counts: an object a line. */
export function readMetrics(stream: Readable): MetricsReader {
  let pending = ''
  let last: Metrics | undefined
  let waiting: ((metrics: Metrics) => void)[] = []

  function receive(line: string): void {
    const metrics = parse(line)
    if (!metrics) return
    last = metrics
    for (const resolve of waiting.splice(0)) resolve(metrics)
  }

  stream.setEncoding('utf8')
  stream.on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n')
    pending = (lines.pop() ?? '').slice(-longestLine)
    for (const line of lines) receive(line)
  })
  stream.on('error', () => {})
  stream.on('close', () => {
    waiting = []
  })
  return {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    last: () => last,
  }
}

/** A line that has lost a part to a full pipe is none. */
function parse(line: string): Metrics | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? (value as Metrics) : undefined
  } catch {
    return undefined
  }
}
