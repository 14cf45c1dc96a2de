import fs from 'node:fs'
import { UfrError } from '../base/errors.ts'
import type { ByteSource } from './source.ts'

const chunkBytes = 1 << 20

/** The bytes of one file of a tree, wherever they are. */
export interface Content {
  readonly size: number
  /** The bytes in order. A chunk is valid only until the next one is asked for. */
  chunks(): Iterable<Uint8Array>
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
    *chunks() {
      if (size === 0) return
      const fd = fs.openSync(file, 'r')
      // One buffer serves all files: allocating a new megabyte for each chunk costs more than reading it.
      const buffer = shared ?? Buffer.allocUnsafeSlow(chunkBytes)
      shared = undefined
      try {
        let left = size
        while (left > 0) {
          const n = fs.readSync(fd, buffer, 0, Math.min(buffer.length, left), null)
          if (n === 0) throw new UfrError('UFR-FILE-CHANGED', `${file} became shorter while it was read`)
          left -= n
          yield buffer.subarray(0, n)
        }
        if (fs.fstatSync(fd).size !== size)
          throw new UfrError('UFR-FILE-CHANGED', `${file} grew while it was read`)
      } finally {
        shared = buffer
        fs.closeSync(fd)
      }
    },
  }
}

export interface Extent {
  /** Byte offset in the source; -1 stands for zeros. */
  offset: number
  length: number
}

/** Content that lies in extents of a source, as in a file-system image. */
export function extentContent(source: ByteSource, extents: Extent[], size: number): Content {
  return {
    size,
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
