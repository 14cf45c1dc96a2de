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

/** A layout's pieces at another place, to compose a disk of several. */
export function placed(layout: Layout, offset: number): Piece[] {
  return layout.pieces.map((piece) => ({ offset: piece.offset + offset, content: piece.content }))
}

/** Bytes that a layout really holds, gaps left out: a file system with room to write is mostly gap. */
export function contentBytesOf(layout: Layout): number {
  return layout.pieces.reduce((sum, { content }) => sum + content.size, 0)
}
