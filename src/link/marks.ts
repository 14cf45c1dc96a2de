/**
 * Marks are what a guest tells its host on the console without anyone seeing it: an application program command
 * (ECMA-48, 8.3.2: ESC _ … ESC \), which terminals swallow. `ESC _ ufr;ready;8080 ESC \` says that port 8080 listens.
 * A hostile guest can send marks too; all it can spoil is its own timing.
 */
export interface Mark {
  name: string
  /** What follows the name; undefined where nothing does. */
  value: string | undefined
}

/** The names in use. Guest code writes them as they stand here. */
export const markNames = {
  /** The guest's network is set up. */
  network: 'net',
  /** A port listens, and the function can take work: the port; with `;ADDRESS` where only the guest can connect. */
  ready: 'ready',
  /** The program has ended: its exit status. */
  exit: 'exit',
} as const

export interface MarkParser {
  /** The chunk without marks; what may be the beginning of one is kept back until the next chunk. */
  push(chunk: Buffer): Buffer
  /** What was kept back, once nothing more will come. */
  end(): Buffer
}

const opening = Buffer.from('\x1b_ufr;')
const closing = Buffer.from('\x1b\\')
const longest = 256

/**
 * Takes marks out of a stream of bytes.
 * @param found is told of each mark, and how many of the bytes that this `push` will give came before it.
 */
export function markParser(found: (mark: Mark, at: number) => void): MarkParser {
  let kept: Buffer = Buffer.alloc(0)

  function push(chunk: Buffer): Buffer {
    if (kept.length === 0 && !chunk.includes(0x1b)) return chunk
    const bytes = Buffer.concat([kept, chunk])
    const plain: Buffer[] = []
    let at = 0
    for (;;) {
      const start = bytes.indexOf(opening, at)
      if (start < 0) break
      const stop = bytes.indexOf(closing, start + opening.length)
      if (stop < 0 && bytes.length - start <= longest) {
        plain.push(bytes.subarray(at, start))
        kept = bytes.subarray(start)
        return Buffer.concat(plain)
      }
      if (stop < 0 || stop - start > longest) {
        plain.push(bytes.subarray(at, start + 1))
        at = start + 1
        continue
      }
      plain.push(bytes.subarray(at, start))
      const before = plain.reduce((sum, { length }) => sum + length, 0)
      found(parse(bytes.toString('latin1', start + opening.length, stop)), before)
      at = stop + closing.length
    }
    const tail = openingTail(bytes, at)
    plain.push(bytes.subarray(at, tail))
    kept = bytes.subarray(tail)
    return Buffer.concat(plain)
  }

  function end(): Buffer {
    const rest = kept
    kept = Buffer.alloc(0)
    return rest
  }

  return { push, end }
}

function parse(text: string): Mark {
  const semicolon = text.indexOf(';')
  return semicolon < 0
    ? { name: text, value: undefined }
    : { name: text.slice(0, semicolon), value: text.slice(semicolon + 1) }
}

/** Where a beginning of `opening` stands at the very end of the bytes, or their length. */
function openingTail(bytes: Buffer, from: number): number {
  for (let n = Math.min(opening.length - 1, bytes.length - from); n > 0; n--) {
    if (bytes.subarray(bytes.length - n).equals(opening.subarray(0, n))) return bytes.length - n
  }
  return bytes.length
}
