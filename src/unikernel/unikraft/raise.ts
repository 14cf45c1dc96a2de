import { readElf } from '../../image/formats/elf/elf.ts'
import { bytesSource } from '../../image/source.ts'

const pageBytes = 4096
const load = 1
/** elf(5), 32 bits: where the header has the table of program headers, and how far p_memsz is in one. */
const tableAt = 28
const programHeaderBytes = 32
const memorySizeAt = 20

/**
 * A kernel of 32 bits whose last segment takes memory up to an address: a loader of multiboot kernels puts the archive
 * behind it (QEMU: hw/i386/multiboot.c), and so out of the way of a program that is linked to an address below. The
 * kernel itself knows its size from its own symbols, and uses the memory in between like any other.
 */
export function raisedKernel(kernel: Buffer, end: number): Buffer {
  const { programHeaders } = readElf(bytesSource(kernel))
  const segments = programHeaders.map((header, index) => ({ ...header, index }))
  const last = segments
    .filter(({ type }) => type === load)
    .reduce((one, other) => (other.physicalAddress > one.physicalAddress ? other : one))
  const size = Math.ceil(end / pageBytes) * pageBytes - Number(last.physicalAddress)
  const raised = Buffer.from(kernel)
  if (BigInt(size) > last.memorySize) {
    const at = kernel.readUInt32LE(tableAt) + last.index * programHeaderBytes
    raised.writeUInt32LE(size, at + memorySizeAt)
  }
  return raised
}
