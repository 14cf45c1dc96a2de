/** What tells a kernel of Unikraft's: its boot information, and the name by which it asks for its root. */
const words = Buffer.concat([
  Buffer.from([0xb0, 0xb0, 0x07, 0xb0]),
  Buffer.from('initrd0\0Powered by Unikraft Calypso (0.17.0~eaf6fda1)\0', 'latin1'),
])

export interface TinyKernel {
  words?: Buffer
  /** For QEMU: whether there is a multiboot header. */
  multiboot?: boolean
  machine?: number
  /** Where the last segment is loaded, and the memory that it takes. */
  at?: number
  memory?: number
}

/** The headers of a kernel for QEMU (32 bits), and what it is recognised by. */
export function qemuKernel({
  words: text = words,
  multiboot = true,
  machine = 3,
  at = 0x19a000,
  memory = 0x45000,
}: TinyKernel = {}): Buffer {
  const bytes = Buffer.alloc(512 + text.length)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  bytes.writeUInt16LE(2, 16)
  bytes.writeUInt16LE(machine, 18)
  bytes.writeUInt32LE(0x100000, 24)
  bytes.writeUInt32LE(128, 28)
  bytes.writeUInt16LE(32, 42)
  bytes.writeUInt16LE(3, 44)
  if (multiboot) {
    const [magic, flags] = [0x1badb002, 3]
    for (const [index, word] of [magic, flags, 2 ** 32 - magic - flags].entries())
      bytes.writeUInt32LE(word, 52 + 4 * index)
  }
  const segment = (index: number, offset: number, address: number, inFile: number, inMemory: number) => {
    const header = [1, offset, address, address, inFile, inMemory, 5, 4096]
    for (const [field, value] of header.entries()) bytes.writeUInt32LE(value, 128 + 32 * index + 4 * field)
  }
  segment(0, 0, 0x100000, 512, 512)
  segment(1, 512, at, text.length, memory)
  // As in upstream's kernels the one that is loaded highest is not the last.
  segment(2, 512, 0x199000, 4, 4)
  text.copy(bytes, 512)
  return bytes
}

/** The headers of a kernel for Firecracker (64 bits), and what it is recognised by. */
export function firecrackerKernel({ words: text = words, machine = 62 }: TinyKernel = {}): Buffer {
  const bytes = Buffer.alloc(256 + text.length)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  bytes.writeUInt16LE(2, 16)
  bytes.writeUInt16LE(machine, 18)
  bytes.writeBigUInt64LE(0x100000n, 24)
  bytes.writeBigUInt64LE(64n, 32)
  bytes.writeUInt16LE(56, 54)
  bytes.writeUInt16LE(1, 56)
  bytes.writeUInt32LE(1, 64)
  bytes.writeUInt32LE(5, 68)
  for (const [index, value] of [256, 0x100000, 0x100000, text.length, text.length, 4096].entries())
    bytes.writeBigUInt64LE(BigInt(value), 72 + 8 * index)
  text.copy(bytes, 256)
  return bytes
}
