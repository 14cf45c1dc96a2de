import type { Span } from './spans.ts'

const process = 1
const rows: Record<Span['row'], { id: number; title: string }> = {
  host: { id: 1, title: 'ufr on the host' },
  guest: { id: 2, title: 'VMM and guest' },
}

/**
 * Spans as chrome://tracing and Perfetto open them: complete events in microseconds, in the Trace Event Format's JSON
 * object form.
 */
export function chromeTrace(root: Span): string {
  const titles = Object.values(rows).map(({ id, title }) => metadata('thread_name', id, title))
  const traceEvents = [metadata('process_name', 0, 'ufr run'), ...titles, ...events(root)]
  return `${JSON.stringify({ displayTimeUnit: 'ms', traceEvents })}\n`
}

function metadata(name: string, tid: number, value: string): object {
  return { ph: 'M', name, pid: process, tid, args: { name: value } }
}

function events({ name, start, end, attributes, row, children }: Span): object[] {
  const own = {
    ph: 'X',
    name,
    cat: row,
    pid: process,
    tid: rows[row].id,
    ts: microseconds(start),
    dur: microseconds(end - start),
    args: attributes,
  }
  return [own, ...children.flatMap(events)]
}

function microseconds(milliseconds: number): number {
  return Math.round(milliseconds * 1000)
}
