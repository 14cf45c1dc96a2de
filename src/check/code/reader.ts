const maxName = 2048

/** Little-endian numbers of a file, read where there are such bytes. */
export function readerOf(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const inside = (at: number, size: number) => at >= 0 && at + size <= bytes.length
  return {
    half: (at: number) => (inside(at, 2) ? view.getUint16(at, true) : 0),
    int: (at: number) => (inside(at, 4) ? view.getUint32(at, true) : 0),
    signed: (at: number) => (inside(at, 4) ? view.getInt32(at, true) : 0),
    /** As a number: what lies beyond 2^53 is nowhere in a file. */
    word: (at: number) => (inside(at, 8) ? Number(view.getBigUint64(at, true)) : 0),
    text(at: number): string {
      if (at < 0 || at >= bytes.length) return ''
      let end = at
      while (end < bytes.length && end - at < maxName && bytes[end] !== 0) end++
      return Buffer.from(bytes.buffer, bytes.byteOffset + at, end - at).toString('utf8')
    },
  }
}

export type Reader = ReturnType<typeof readerOf>
