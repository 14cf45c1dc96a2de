import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'

/** Random access to bytes: what every format reader works on. */
export interface ByteSource {
  readonly size: number
  /**
   * The bytes at [offset, offset + length).
   * @throws UfrError UFR-FORMAT where the range is not wholly inside the source.
   */
  read(offset: number, length: number): Uint8Array
}

export function outOfRange(offset: number, length: number, size: number): UfrError {
  return new UfrError(
    'UFR-FORMAT',
    `truncated or corrupt: bytes ${offset} to ${offset + length} of ${size} wanted`,
  )
}

function inRange(offset: number, length: number, size: number): boolean {
  return (
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= size
  )
}

/** A source over bytes in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.length,
    read(offset, length) {
      if (!inRange(offset, length, bytes.length)) throw outOfRange(offset, length, bytes.length)
      return bytes.subarray(offset, offset + length)
    },
  }
}

/** A part of another source, as a source of its own. */
export function sliceSource(source: ByteSource, start: number, size: number): ByteSource {
  if (!inRange(start, size, source.size)) throw outOfRange(start, size, source.size)
  return {
    size,
    read(offset, length) {
      if (!inRange(offset, length, size)) throw outOfRange(offset, length, size)
      return source.read(start + offset, length)
    },
  }
}

/**
 * A source that reads a little more than it is asked for, and keeps that: for many small reads that follow each other.
 * What it gives is good until the next read.
 */
export function windowSource(source: ByteSource, bytes = 16_384): ByteSource {
  let start = 0
  let window: Uint8Array = new Uint8Array()
  return {
    size: source.size,
    read(offset, length) {
      if (length > bytes) return source.read(offset, length)
      if (offset < start || offset + length > start + window.length) {
        window = source.read(offset, Math.max(length, Math.min(bytes, source.size - offset)))
        start = offset
      }
      return window.subarray(offset - start, offset - start + length)
    },
  }
}

export interface FileSource extends ByteSource, Disposable {}

/** A source over an open file; dispose of it to close the file. */
export function fileSource(file: string): FileSource {
  const fd = fs.openSync(file, 'r')
  const size = fs.fstatSync(fd).size
  return {
    size,
    read(offset, length) {
      if (!inRange(offset, length, size)) throw outOfRange(offset, length, size)
      const bytes = Buffer.allocUnsafe(length)
      for (let done = 0; done < length; ) {
        const n = fs.readSync(fd, bytes, done, length - done, offset + done)
        if (n === 0) throw outOfRange(offset, length, size)
        done += n
      }
      return bytes
    },
    [Symbol.dispose]() {
      fs.closeSync(fd)
    },
  }
}

/** Lets `use` read from a source and closes it then. In place of `using`, which Node.js 22 cannot read. */
export function reading<T>(source: FileSource, use: (source: ByteSource) => T): T {
  try {
    return use(source)
  } finally {
    source[Symbol.dispose]()
  }
}

/** Opens a file for `use` and closes it afterwards. */
export function withSource<T>(file: string, use: (source: ByteSource) => T): T {
  return reading(fileSource(file), use)
}
