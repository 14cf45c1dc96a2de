import type { Content } from './content.ts'
import type { ByteSource } from './source.ts'

/** Bytes to be had in the place of a content's own, or behind them. */
export interface Patch {
  offset: number
  bytes: Uint8Array
}

/**
 * A content with some of its bytes replaced, read as it is asked for.
 * @param patches in ascending order of offset, not overlapping; only the last may go beyond the end, without a gap.
 * @param size how large it is then.
 */
export function patchedContent(content: Content, patches: readonly Patch[], size: number): Content {
  const tail = tailOf(content, patches)
  const { ahead, source } = content
  return {
    size,
    ...(content.file !== undefined && { file: content.file }),
    *chunks() {
      let at = 0
      for (const chunk of content.chunks()) {
        yield patchedChunk(chunk, at, patches)
        at += chunk.length
      }
      if (tail.length > 0) yield tail
    },
    ...(ahead && {
      async *ahead() {
        let at = 0
        for await (const chunk of ahead.call(content)) {
          yield patchedChunk(chunk, at, patches)
          at += chunk.length
        }
        if (tail.length > 0) yield tail
      },
    }),
    ...(source && tail.length === 0 && { source: () => patchedSource(source.call(content), patches) }),
  }
}

function tailOf({ size }: Content, patches: readonly Patch[]): Uint8Array {
  const last = patches.at(-1)
  if (!last || last.offset + last.bytes.length <= size) return new Uint8Array()
  return last.bytes.subarray(Math.max(0, size - last.offset))
}

function patchedSource(source: ByteSource, patches: readonly Patch[]): ByteSource {
  return {
    size: source.size,
    read: (offset, length) => patchedChunk(source.read(offset, length), offset, patches),
  }
}

/** The same chunk where nothing in it is replaced, else a copy: its memory may be somebody else's. */
function patchedChunk(chunk: Uint8Array, at: number, patches: readonly Patch[]): Uint8Array {
  const touching = patches.filter(
    ({ offset, bytes }) => offset < at + chunk.length && at < offset + bytes.length,
  )
  if (touching.length === 0) return chunk
  const copy = Uint8Array.from(chunk)
  for (const { offset, bytes } of touching) {
    const from = Math.max(0, at - offset)
    const part = bytes.subarray(from, at + chunk.length - offset)
    copy.set(part, offset + from - at)
  }
  return copy
}
