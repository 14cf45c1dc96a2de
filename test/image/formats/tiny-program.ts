/** What a test wants a program to be like. */
export interface TinyProgram {
  /** Zeros of the file behind its code, which no header speaks of. */
  spare?: number
  /** Whether it has a note, and a table of sections. */
  note?: boolean
  sections?: boolean
  /** 2 executable (default), 3 shared. */
  type?: number
  /** Bytes behind everything that a header speaks of. */
  tail?: Buffer
}

const base = 0x400000
const headers = 64 + 3 * 56

/** `xor edi, edi; mov eax, 231; syscall`: ends with status 0. */
const code = Buffer.from('31ffb8e70000000f05', 'hex')

/** Writes a program that ends at once: one segment of code, one of data behind it, a note, sections. */
export function tinyProgram({
  spare = 0,
  note = true,
  sections = true,
  type = 2,
  tail,
}: TinyProgram = {}): Buffer {
  const codeEnd = headers + code.length
  const dataAt = codeEnd + spare
  const tableAt = dataAt + 16
  const bytes = Buffer.alloc(tableAt + (sections ? 3 * 64 : 0))
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  const half = (at: number, value: number) => bytes.writeUInt16LE(value, at)
  const int = (at: number, value: number) => bytes.writeUInt32LE(value, at)
  const word = (at: number, value: number) => bytes.writeBigUInt64LE(BigInt(value), at)
  half(16, type)
  half(18, 62)
  int(20, 1)
  word(24, base + headers)
  word(32, 64)
  half(52, 64)
  half(54, 56)
  half(56, 3)
  if (sections) {
    word(40, tableAt)
    half(58, 64)
    half(60, 3)
    half(62, 2)
  }
  const header = (
    index: number,
    kind: number,
    flags: number,
    offset: number,
    address: number,
    size: number,
  ) => {
    const at = 64 + index * 56
    int(at, kind)
    int(at + 4, flags)
    for (const [field, value] of [offset, address, address, size, size, 4096].entries())
      word(at + 8 + field * 8, value)
  }
  header(0, note ? 4 : 0, 4, headers, base + headers, 4)
  header(1, 1, 5, 0, base, codeEnd)
  header(2, 1, 6, dataAt, base + 0x10000 + dataAt, 16)
  bytes.set(code, headers)
  bytes.fill(0x55, dataAt, tableAt)
  if (sections) {
    // Code, and a table of names that is in the data.
    for (const [index, [kind, offset, size]] of [
      [1, headers, code.length] as const,
      [3, dataAt, 16] as const,
    ].entries()) {
      const at = tableAt + (index + 1) * 64
      int(at + 4, kind)
      word(at + 24, offset)
      word(at + 32, size)
    }
    bytes[dataAt + 15] = 0
  }
  return tail ? Buffer.concat([bytes, tail]) : bytes
}
