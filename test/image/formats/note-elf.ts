/** A note to put into a file. */
export interface FakeNote {
  name: string
  type: number
  value: Buffer
}

/** A 64-bit x86 program that loads itself at 1 MiB, with segments of notes. */
export function noteElf(segments: FakeNote[][], { padLast = true } = {}): Buffer {
  const count = 1 + segments.length
  const header = Buffer.alloc(64)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(62, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(0x10_0000n, 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(count, 56)
  const start = 64 + 56 * count
  const bodies = segments.map((notes, index) => {
    const bytes = Buffer.concat(notes.map(encode))
    const last = notes.at(-1)
    const padding = index === segments.length - 1 && !padLast && last ? -last.value.length & 3 : 0
    return bytes.subarray(0, bytes.length - padding)
  })
  const size = start + bodies.reduce((sum, { length }) => sum + length, 0)
  const headers = [programHeader(1, 0, size)]
  let at = start
  for (const { length } of bodies) {
    headers.push(programHeader(4, at, length))
    at += length
  }
  return Buffer.concat([header, ...headers, ...bodies])
}

function encode({ name, type, value }: FakeNote): Buffer {
  const head = Buffer.alloc(12)
  head.writeUInt32LE(name.length + 1, 0)
  head.writeUInt32LE(value.length, 4)
  head.writeUInt32LE(type, 8)
  return Buffer.concat([head, padded(Buffer.from(`${name}\0`)), padded(value)])
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)])
}

function programHeader(type: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(56)
  bytes.writeUInt32LE(type, 0)
  bytes.writeBigUInt64LE(BigInt(offset), 8)
  bytes.writeBigUInt64LE(BigInt(0x10_0000 + offset), 16)
  bytes.writeBigUInt64LE(BigInt(0x10_0000 + offset), 24)
  bytes.writeBigUInt64LE(BigInt(size), 32)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  return bytes
}
