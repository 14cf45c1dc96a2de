import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'
import { type ByteSource, sliceSource } from './source.ts'

const chunkBytes = 1 << 20
/** How many chunks are being read at a time: as many threads as Node.js has for that. */
const chunksAhead = 4

/** The bytes of one file of a tree, wherever they are. */
export interface Content {
  readonly size: number
  /** The bytes in order. A chunk is valid only until the next one is asked for. */
  chunks(): Iterable<Uint8Array>
  /** The same, where there is much of it: each chunk is read while the one before it is used. */
  ahead?(): AsyncIterable<Uint8Array>
  /** Random access, where that costs no reading of all that comes before. */
  source?(): ByteSource
  /** The file of the host that has it, for people. */
  readonly file?: string
}

export function bytesContent(bytes: Uint8Array): Content {
  return { size: bytes.length, chunks: () => (bytes.length > 0 ? [bytes] : []) }
}

export function textContent(text: string): Content {
  return bytesContent(Buffer.from(text))
}

let shared: Buffer | undefined

/**
 * The content of a file of the host, read when it is asked for.
 * @throws UfrError UFR-FILE-CHANGED from `chunks` where the file no longer has the size it had.
 */
export function fileContent(file: string, size: number): Content {
  return {
    size,
    file,
    *chunks() {
      if (size === 0) return
      const fd = fs.openSync(file, 'r')
      // One buffer serves all files: allocating a new megabyte for each chunk costs more than reading it.
      const buffer = shared ?? Buffer.allocUnsafeSlow(chunkBytes)
      shared = undefined
      try {
        // A byte more than there should be: a file that grew is noticed without asking for its size.
        for (let left = size; ; ) {
          const wanted = Math.min(buffer.length, left + 1)
          const n = fs.readSync(fd, buffer, 0, wanted, null)
          if (n > left) throw grown(file)
          if (n === 0 && left > 0) throw shorter(file)
          left -= n
          if (n > 0) yield buffer.subarray(0, n)
          if (left === 0 && n < wanted) return
        }
      } finally {
        shared = buffer
        fs.closeSync(fd)
      }
    },
    ...(size > chunksAhead * chunkBytes && { ahead: () => readAhead(file, size) }),
  }
}

async function* readAhead(file: string, size: number): AsyncGenerator<Uint8Array> {
  const fd = fs.openSync(file, 'r')
  const reading: Promise<Buffer>[] = []
  let next = 0
  function read(into: Buffer): void {
    if (next >= size) return
    const chunk = readWhole(into.subarray(0, size - next), next)
    // Nobody may be waiting for it when it fails; who asks for this chunk hears of it then.
    chunk.catch(() => {})
    reading.push(chunk)
    next += into.length
  }
  async function readWhole(bytes: Buffer, position: number): Promise<Buffer> {
    for (let done = 0; done < bytes.length; ) {
      const n = await readAt(fd, bytes.subarray(done), position + done)
      if (n === 0) throw shorter(file)
      done += n
    }
    return bytes
  }
  try {
    for (let i = 0; i < chunksAhead; i++) read(Buffer.allocUnsafeSlow(chunkBytes))
    for (let chunk = reading.shift(); chunk; chunk = reading.shift()) {
      const bytes = await chunk
      yield bytes
      read(bytes)
    }
    if (fs.fstatSync(fd).size !== size) throw grown(file)
  } finally {
    // The file must not be closed, and its number given to another, while it is still read.
    await Promise.allSettled(reading)
    fs.closeSync(fd)
  }
}

function readAt(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, n) => (error ? reject(error) : resolve(n)))
  })
}

function shorter(file: string): UfrError {
  return new UfrError('UFR-FILE-CHANGED', `${file} became shorter while it was read`)
}

function grown(file: string): UfrError {
  return new UfrError('UFR-FILE-CHANGED', `${file} grew while it was read`)
}

export interface Extent {
  /** Byte offset in the source; -1 stands for zeros. */
  offset: number
  length: number
}

/** Content that lies in extents of a source, as in a file-system image. */
export function extentContent(source: ByteSource, extents: Extent[], size: number): Content {
  const [only, ...more] = extents
  const whole = only !== undefined && more.length === 0 && only.offset >= 0 && only.length >= size
  return {
    size,
    ...(whole && { source: () => sliceSource(source, only.offset, size) }),
    *chunks() {
      let left = size
      for (const extent of extents) {
        for (let at = 0; at < extent.length && left > 0; ) {
          const n = Math.min(chunkBytes, extent.length - at, left)
          yield extent.offset < 0 ? Buffer.alloc(n) : source.read(extent.offset + at, n)
          at += n
          left -= n
        }
      }
      if (left > 0)
        throw new UfrError('UFR-FORMAT', `truncated or corrupt: ${left} bytes of a file are missing`)
    },
  }
}

/** All bytes of a content in one array. */
export function contentBytes(content: Content): Buffer {
  const bytes = Buffer.allocUnsafe(content.size)
  let at = 0
  for (const chunk of content.chunks()) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
