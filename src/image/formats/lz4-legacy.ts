import { UfrError } from '../../base/errors.ts'

export const lz4LegacyMagic = 0x184c2102
/** Each block but the last holds this much (LZ4 Frame Format Description, "Legacy frame"). */
const maxBlockBytes = 8 * 2 ** 20
const maxOutputBytes = 512 * 2 ** 20
const minMatch = 4
/** Below this length a loop is faster than the call of `copyWithin` or `set`. */
const shortCopy = 32

/**
 * Unpacks a legacy LZ4 frame: a magic number, then blocks with their packed sizes before them. Four bytes at the end
 * that are no block are the unpacked size, as Linux appends it to its payload (scripts/Makefile.lib, `size_append`).
 * @throws UfrError UFR-FORMAT for anything else, and for more than 512 MiB of output.
 */
export function unpackLz4Legacy(packed: Uint8Array): Uint8Array {
  const { blocks, size } = findBlocks(packed)
  // LZ4 cannot make more than 255 bytes out of one.
  const bound = Math.min(blocks.length * maxBlockBytes, packed.length * 255)
  if ((size ?? 0) > bound) throw corrupt(`it says that it unpacks to ${size} bytes`)
  if (size === undefined && bound > maxOutputBytes) throw corrupt('it may unpack to more than 512 MiB')
  if ((size ?? 0) > maxOutputBytes) throw corrupt('it unpacks to more than 512 MiB')
  const output = new Uint8Array(Buffer.allocUnsafeSlow(size ?? bound).buffer)
  let end = 0
  for (const block of blocks) {
    const limit = Math.min(output.length, end + maxBlockBytes)
    end = unpackBlock(packed, block.start, block.end, output, end, limit)
  }
  if (size !== undefined && end !== size) throw corrupt(`it unpacks to ${end} bytes and not to ${size}`)
  return output.subarray(0, end)
}

function findBlocks(packed: Uint8Array): {
  blocks: { start: number; end: number }[]
  size: number | undefined
} {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length)
  if (packed.length < 4 || view.getUint32(0, true) !== lz4LegacyMagic)
    throw corrupt('the magic number is missing')
  const blocks: { start: number; end: number }[] = []
  let at = 4
  while (packed.length - at > 4) {
    const length = view.getUint32(at, true)
    // A further frame may follow: `lz4 -l` writes one for each input.
    if (length === lz4LegacyMagic) {
      at += 4
      continue
    }
    const start = at + 4
    if (length === 0 || length > packed.length - start) throw corrupt(`a block of ${length} bytes`)
    at = start + length
    blocks.push({ start, end: at })
  }
  if (at === packed.length) return { blocks, size: undefined }
  if (packed.length - at < 4) throw corrupt(`${packed.length - at} bytes too many`)
  return { blocks, size: view.getUint32(at, true) }
}

/**
 * Unpacks one block into `output` from `to` on, and returns where its data ends (LZ4 Block Format Description).
 * A plain loop over bytes: a kernel of 53 MB takes it about 0.1 s.
 */
function unpackBlock(
  input: Uint8Array,
  start: number,
  end: number,
  output: Uint8Array,
  to: number,
  limit: number,
): number {
  const blockStart = to
  let from = start
  while (from < end) {
    const token = input[from++]!

    let literals = token >> 4
    if (literals === 15) {
      let more = 255
      while (more === 255) {
        if (from >= end) throw corrupt('a block ends within a length')
        more = input[from++]!
        literals += more
      }
    }
    if (literals > end - from || literals > limit - to) throw corrupt('a block is truncated or too long')
    if (literals < shortCopy) {
      for (const stop = to + literals; to < stop; ) output[to++] = input[from++]!
    } else {
      output.set(input.subarray(from, from + literals), to)
      from += literals
      to += literals
    }
    // The last sequence of a block has literals only.
    if (from === end) return to

    if (end - from < 2) throw corrupt('a block ends within an offset')
    const offset = input[from]! | (input[from + 1]! << 8)
    from += 2
    let length = (token & 15) + minMatch
    if (length === 15 + minMatch) {
      let more = 255
      while (more === 255) {
        if (from >= end) throw corrupt('a block ends within a length')
        more = input[from++]!
        length += more
      }
    }
    if (offset === 0 || offset > to - blockStart) throw corrupt('a match reaches before its block')
    if (length > limit - to) throw corrupt('a block unpacks to more than it may')
    if (length < shortCopy || offset < length) {
      // A match may overlap what it makes, so byte by byte and forwards.
      for (let copy = to - offset, stop = to + length; to < stop; ) output[to++] = output[copy++]!
    } else {
      output.copyWithin(to, to - offset, to - offset + length)
      to += length
    }
  }
  throw corrupt('a block ends with a match')
}

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `not a legacy LZ4 frame, or a damaged one: ${what}`)
}
