import fs from 'node:fs'
import path from 'node:path'
import { temporaryName, writeFileAtomic } from '../base/atomic.ts'
import { UfrError } from '../base/errors.ts'
import { chromeTrace } from '../bench/trace/chrome.ts'
import { otlpTrace } from '../bench/trace/otlp.ts'
import { spansOf, type Traced } from '../bench/trace/spans.ts'
import type { Run } from '../instance/run.ts'
import { packageVersion } from './version.ts'

export type TraceFormat = 'chrome' | 'otlp'

/** Notes when a run comes to what, and writes it to the file that --trace names. */
export interface Tracer {
  prepared(): void
  /** The machine has been started. */
  started(run: Run): void
  /**
   * Waits for the end of the run and writes what became of it, also of one that failed once its image was there.
   * @throws what the run throws; UfrError UFR-DATA where the file cannot be written.
   */
  whenOver<T>(run: Promise<T>): Promise<T>
}

/**
 * The tracer for --trace, undefined where it is not given.
 * @throws UfrError UFR-USAGE for a file that is a folder or a format without a file, UFR-DATA for a place that cannot
 * be written: known before anything is run.
 */
export function readTrace(options: Record<string, unknown>): Tracer | undefined {
  const { trace, traceFormat } = options
  if (typeof trace !== 'string') {
    if (traceFormat === undefined) return undefined
    throw new UfrError('UFR-USAGE', '--trace-format says how a trace is written, and --trace is missing', {
      fix: 'Name a file: --trace trace.json',
    })
  }
  const file = path.resolve(trace)
  requireWritable(file)
  const format = (traceFormat as TraceFormat | undefined) ?? formatOf(file)
  // Spans are times of day, and all clocks are read as one.
  const origin = performance.timeOrigin
  const traced: Omit<Traced, 'ended'> = { begun: origin + performance.now() }
  let run: Run | undefined
  let written = false
  function write(): void {
    written = true
    const root = spansOf({ ...traced, ...(run && factsOf(run, origin)), ended: origin + performance.now() })
    const text = format === 'otlp' ? otlpTrace(root, packageVersion()) : chromeTrace(root)
    writeFileAtomic(file, text)
  }
  return {
    prepared() {
      traced.prepared = origin + performance.now()
    },
    started(running) {
      run = running
    },
    async whenOver(running) {
      try {
        const result = await running
        write()
        return result
      } catch (error) {
        if (!written && traced.prepared !== undefined) write()
        throw error
      }
    },
  }
}

/** `.otlp.json` and `.otlp` are OpenTelemetry's, all others Chrome's. */
export function formatOf(file: string): TraceFormat {
  return /\.otlp(\.jsonl?)?$/i.test(file) ? 'otlp' : 'chrome'
}

function factsOf({ prepared, vmm, accel, instance, phases }: Run, origin: number) {
  const { spec, unikernel, image } = prepared
  return {
    spawned: origin + instance.vm.times.spawned,
    phases: phases(),
    attributes: {
      'ufr.function': spec.name,
      'ufr.runtime': spec.runtime,
      'ufr.unikernel': unikernel.name,
      'ufr.kernelVersion': unikernel.kernel.version,
      'ufr.vmm': vmm.name,
      'ufr.accel': accel,
    },
    image: {
      'ufr.image.digest': image.record.digest,
      'ufr.image.bytes': image.bytes,
      'ufr.image.buildMs': image.buildMs,
      'ufr.image.cached': image.cached,
    },
  }
}

function requireWritable(file: string): void {
  const there = fs.statSync(file, { throwIfNoEntry: false })
  if (there && !there.isFile()) {
    throw new UfrError('UFR-USAGE', `${file} is no regular file, and the trace is to be one`, {
      fix: 'Name a file: --trace trace.json',
    })
  }
  const trial = temporaryName(file)
  try {
    fs.writeFileSync(trial, '', { flag: 'wx' })
    fs.rmSync(trial)
  } catch (cause) {
    throw new UfrError('UFR-DATA', `${file} cannot be written: ${(cause as Error).message}`, {
      cause,
      fix: 'Name a file in a folder that is there and that you can write.',
    })
  }
}
