/** A small packer for tests: blocks of LZ4 by a greedy search, which is all that the format asks for. */
export function lz4Block(bytes: Uint8Array): Buffer {
  const out: number[] = []
  const seen = new Map<number, number>()
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let literalsFrom = 0
  let at = 0
  // The last match starts 12 bytes before the end at the latest, and the last 5 bytes are literals.
  while (at + 12 < bytes.length) {
    const word = view.getUint32(at, true)
    const before = seen.get(word)
    seen.set(word, at)
    if (before === undefined || at - before > 65535) {
      at++
      continue
    }
    let length = 4
    while (at + length < bytes.length - 5 && bytes[before + length] === bytes[at + length]) length++
    putSequence(out, bytes.subarray(literalsFrom, at), { offset: at - before, length })
    at += length
    literalsFrom = at
  }
  putSequence(out, bytes.subarray(literalsFrom))
  return Buffer.from(out)
}

function putSequence(out: number[], literals: Uint8Array, match?: { offset: number; length: number }): void {
  const extra = match ? match.length - 4 : 0
  out.push((Math.min(literals.length, 15) << 4) | Math.min(extra, 15))
  putLength(out, literals.length)
  for (const byte of literals) out.push(byte)
  if (!match) return
  out.push(match.offset & 255, match.offset >> 8)
  putLength(out, extra)
}

function putLength(out: number[], length: number): void {
  if (length < 15) return
  for (let rest = length - 15; ; rest -= 255) {
    out.push(Math.min(rest, 255))
    if (rest < 255) return
  }
}

/** A legacy frame: blocks to be packed, then blocks that are taken as they are. */
export function legacyFrame(blocks: Uint8Array[], raw: Uint8Array[] = []): Buffer {
  const parts = [...blocks.map(lz4Block), ...raw].flatMap((block) => [word(block.length), block])
  return Buffer.concat([word(0x184c2102), ...parts])
}

/** The frame with the unpacked size behind it, as a kernel's payload has it. */
export function withSize(frame: Uint8Array, size: number): Buffer {
  return Buffer.concat([frame, word(size)])
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
