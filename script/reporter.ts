import path from 'node:path'
import { inspect } from 'node:util'

interface TestEvent {
  type: string
  data: {
    name: string
    file?: string
    nesting: number
    skip?: string | boolean
    message?: string
    details?: {
      duration_ms?: number
      type?: string
      error?: Error & { cause?: unknown; failureType?: string }
    }
  }
}

/**
 * What `script/test` prints: a line for each failure and each skipped test, the slowest files, and the sum alone on the
 * last line, where CI looks for it. Suites and files do not count, only tests, and the checks that ran before them.
 */
export default async function* reporter(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const count = { passed: checks('UFR_CHECKS_PASSED'), failed: checks('UFR_CHECKS_FAILED'), skipped: 0 }
  const milliseconds = new Map<string, number>()
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue
    const file = path.relative(process.cwd(), data.file ?? '')
    const isFile = data.nesting === 0 && data.name === data.file
    const kind = data.details?.type
    if (data.nesting === 0) {
      milliseconds.set(file, (milliseconds.get(file) ?? 0) + (data.details?.duration_ms ?? 0))
    }
    // A suite that fails only because of a test in it is counted with that test.
    const { error } = data.details ?? {}
    if (type === 'test:fail' && error?.failureType === 'subtestsFailed') continue
    if (type === 'test:fail') {
      count.failed++
      yield `FAILED  ${file}: ${data.name}\n${indent(inspect(error?.cause ?? error))}\n`
    } else if (data.skip !== undefined && data.skip !== false) {
      count.skipped++
      yield `skipped ${file}: ${data.name}${typeof data.skip === 'string' ? ` (${data.skip})` : ''}\n`
    } else if (kind !== 'suite' && !isFile) count.passed++
  }
  const slowest = [...milliseconds].sort((a, b) => b[1] - a[1]).slice(0, 5)
  yield `slowest: ${slowest.map(([file, ms]) => `${file} ${(ms / 1000).toFixed(1)} s`).join(', ')}\n`
  yield `${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped\n`
}

function checks(variable: string): number {
  return Number(process.env[variable] ?? 0)
}

function indent(text: string): string {
  return text.replace(/^/gm, '        ')
}
