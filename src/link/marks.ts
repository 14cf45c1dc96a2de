/**
 * Marks are what a guest tells its host on the console without anyone seeing it: an application program command
 * (ECMA-48, 8.3.2: ESC _ … ESC \), which terminals swallow. `ESC _ ufr;ready;8080 ESC \` says that port 8080 listens.
 * A hostile guest can send marks too; all it can spoil is its own timing.
 *
 * The entry mark is the shortest of these sequences, the empty one, `ESC _ ESC \`: before a program's first instruction
 * every byte counts.
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
  /** The program's first instruction is about to run: the empty sequence stands for it. */
  entry: 'entry',
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
const empty = Buffer.from('\x1b_\x1b\\')
const longest = 256

/**
 * Takes marks out of a stream of bytes.
 * @param found is told of each mark, how many of the bytes that this `push` will give came before it, and when its first
 * byte came (`performance.now()`). What it answers with false is no mark, and stays where it is.
 */
export function markParser(found: (mark: Mark, at: number, since: number) => unknown): MarkParser {
  let kept: Buffer = Buffer.alloc(0)
  /** When the first byte of `kept` came. */
  let keptSince = 0

  function push(chunk: Buffer): Buffer {
    if (kept.length === 0 && !chunk.includes(0x1b)) return chunk
    const now = performance.now()
    const before = kept.length
    const bytes = Buffer.concat([kept, chunk])
    const since = (start: number) => (start < before ? keptSince : now)
    const plain: Buffer[] = []
    let given = 0
    const give = (from: number, to: number) => {
      plain.push(bytes.subarray(from, to))
      given += to - from
    }
    let at = 0
    const keep = (from: number) => {
      keptSince = since(from)
      kept = bytes.subarray(from)
    }
    const take = (mark: Mark, start: number, stop: number) => {
      give(at, start)
      if (found(mark, given, since(start)) === false) give(start, stop)
      at = stop
    }
    for (let start = -1; ; ) {
      if (start < at) start = foundAt(bytes, opening, at)
      const entry = foundAt(bytes.subarray(0, start), empty, at)
      if (entry < start) {
        take({ name: markNames.entry, value: undefined }, entry, entry + empty.length)
        continue
      }
      if (start === bytes.length) break
      const stop = bytes.indexOf(closing, start + opening.length)
      if (stop < 0 && bytes.length - start <= longest) {
        give(at, start)
        keep(start)
        return Buffer.concat(plain)
      }
      if (stop < 0 || stop - start > longest) {
        give(at, start + 1)
        at = start + 1
        continue
      }
      take(parse(bytes.toString('latin1', start + opening.length, stop)), start, stop + closing.length)
    }
    const tail = openingTail(bytes, at)
    give(at, tail)
    keep(tail)
    return Buffer.concat(plain)
  }

  function end(): Buffer {
    const rest = kept
    kept = Buffer.alloc(0)
    return rest
  }

  return { push, end }
}

/** Where something is, or the length. */
function foundAt(bytes: Buffer, what: Buffer, from: number): number {
  const at = bytes.indexOf(what, from)
  return at < 0 ? bytes.length : at
}

function parse(text: string): Mark {
  const semicolon = text.indexOf(';')
  return semicolon < 0
    ? { name: text, value: undefined }
    : { name: text.slice(0, semicolon), value: text.slice(semicolon + 1) }
}

/** Where a beginning of a mark stands at the very end of the bytes, or their length. */
function openingTail(bytes: Buffer, from: number): number {
  for (let n = Math.min(opening.length - 1, bytes.length - from); n > 0; n--) {
    const end = bytes.subarray(bytes.length - n)
    const begins = (whole: Buffer) => n < whole.length && end.equals(whole.subarray(0, n))
    if (begins(opening) || begins(empty)) return bytes.length - n
  }
  return bytes.length
}
