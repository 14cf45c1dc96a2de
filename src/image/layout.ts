import type { Content } from './content.ts'

export interface Piece {
  /** Byte offset in the image. */
  offset: number
  content: Content
}

/**
 * What a format writer returns: where which bytes go. Writers only plan; `writeLayout` does the writing, so that a
 * format stays a pure function and files of 100 MB are never held in memory. Gaps between pieces are zeros.
 */
export interface Layout {
  size: number
  /** In ascending order of offset, not overlapping. */
  pieces: Piece[]
}

/** The layout's bytes in memory: for tests and small images. */
export function layoutBytes(layout: Layout): Buffer {
  const bytes = Buffer.alloc(layout.size)
  for (const piece of layout.pieces) {
    let at = piece.offset
    for (const chunk of piece.content.chunks()) {
      bytes.set(chunk, at)
      at += chunk.length
    }
  }
  return bytes
}
