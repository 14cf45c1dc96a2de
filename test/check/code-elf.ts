/** Where the code of `codeElf` is when it is loaded. */
export const codeAddress = 0x400000

/** A static program of one segment with this code, linked to an address; `data` is behind the code, as data. */
export function codeElf(code: Uint8Array, data: Uint8Array = new Uint8Array(0)): Buffer {
  const header = Buffer.alloc(0x1000)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  header.writeUInt16LE(2, 16)
  header.writeUInt16LE(62, 18)
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(codeAddress), 24)
  header.writeBigUInt64LE(64n, 32)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(2, 56)
  const segment = (at: number, flags: number, offset: number, address: number, size: number) => {
    header.writeUInt32LE(1, at)
    header.writeUInt32LE(flags, at + 4)
    header.writeBigUInt64LE(BigInt(offset), at + 8)
    header.writeBigUInt64LE(BigInt(address), at + 16)
    for (const field of [32, 40]) header.writeBigUInt64LE(BigInt(size), at + field)
  }
  segment(64, 5, header.length, codeAddress, code.length)
  segment(120, 6, header.length + code.length, codeAddress + 0x100000, data.length)
  return Buffer.concat([header, code, data])
}

/** `mov $number,%eax; syscall` */
export function systemCall(number: number): number[] {
  return [0xb8, number & 0xff, number >> 8, 0, 0, 0x0f, 0x05]
}
