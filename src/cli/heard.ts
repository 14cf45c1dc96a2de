import { isUtf8 } from 'node:buffer'

/** Most of a program's output, and of the console, that a report takes. */
const reportBytes = 16 * 1024 * 1024

/** What the guest printed: passed on as it comes, or kept for a report. */
export interface Heard {
  output(bytes: Buffer): void
  errors(bytes: Buffer): void
  kernelLines(bytes: Buffer): void
  /** A program's standard output is its result, not its log. */
  toResult: boolean
  /** What was kept. */
  printed(): Buffer
  console(): Buffer
  /** Whether the program printed more than was kept. */
  cut(): boolean
}

/** @param keep whether it is all for a report. */
export function hear(keep: boolean): Heard {
  const verbose = Boolean(process.env['UFR_DEBUG'])
  const printed = keeper()
  const console = keeper()
  const heard: Heard = {
    toResult: false,
    output(chunk) {
      if (keep) printed.add(chunk)
      if (keep) console.add(chunk)
      else (heard.toResult ? process.stdout : process.stderr).write(Buffer.from(chunk))
    },
    errors(chunk) {
      if (keep) console.add(chunk)
      else process.stderr.write(Buffer.from(chunk))
    },
    kernelLines(chunk) {
      if (keep) console.add(chunk)
      else if (verbose) process.stderr.write(Buffer.from(chunk))
    },
    printed: printed.all,
    console: console.all,
    cut: printed.cut,
  }
  return heard
}

function keeper(): { add(chunk: Buffer): void; all(): Buffer; cut(): boolean } {
  const chunks: Buffer[] = []
  let bytes = 0
  return {
    add(chunk) {
      const room = reportBytes - bytes
      bytes += chunk.length
      if (room > 0) chunks.push(Buffer.from(chunk.subarray(0, characterStart(chunk, room))))
    },
    all: () => Buffer.concat(chunks),
    cut: () => bytes > reportBytes,
  }
}

/** The greatest index up to `end` that is not within a UTF-8 character. */
function characterStart(bytes: Buffer, end: number): number {
  let at = Math.min(end, bytes.length)
  while (at > 0 && at < bytes.length && (bytes[at]! & 0xc0) === 0x80) at--
  return at
}

/** Bytes for JSON: as text where they are UTF-8, else as base64. */
export function textOf(bytes: Buffer): { text: string; base64?: true } {
  return isUtf8(bytes) ? { text: bytes.toString() } : { text: bytes.toString('base64'), base64: true }
}
