/** What the probe guest reports through the exit device when it has done its work. */
export const probeStatus = 42

// 32-bit protected mode, paging off: the state in which PVH hands over (Xen's pvh.pandoc, "x86/HVM direct boot ABI").
const code = [
  ...[0x0f, 0x20, 0xe0], // mov eax, cr4
  ...[0x0d, 0x00, 0x00, 0x04, 0x00], // or eax, OSXSAVE
  ...[0x0f, 0x22, 0xe0], // mov cr4, eax
  ...[0x31, 0xc9], // xor ecx, ecx
  ...[0x0f, 0x01, 0xd0], // xgetbv: kills Nanos where KVM is nested in a paravirtual one
  ...[0xb9, 0x80, 0x96, 0x98, 0x00], // mov ecx, 10000000
  ...[0x49, 0x75, 0xfd], // dec ecx; jnz: two instructions a round, 20 million in all
  ...[0xb8, probeStatus, 0x00, 0x00, 0x00], // mov eax, status
  ...[0xba, 0x01, 0x05, 0x00, 0x00], // mov edx, 0x501
  0xee, // out dx, al
  ...[0xf4, 0xeb, 0xfd], // hlt; jmp to it
]

const loadAddress = 0x100000
const headerBytes = 64
const programHeaderBytes = 56

/**
 * A kernel of 42 bytes that tells working virtualisation from emulated or paravirtual: an ELF with a PVH note that
 * executes 20 million instructions and xgetbv, then ends the VM. That a guest merely starts proves nothing.
 */
export function probeGuest(): Buffer {
  const noteAt = headerBytes + 2 * programHeaderBytes
  const note = Buffer.alloc(12 + 4 + 8)
  note.writeUInt32LE(4, 0) // name size
  note.writeUInt32LE(8, 4) // descriptor size
  note.writeUInt32LE(18, 8) // XEN_ELFNOTE_PHYS32_ENTRY
  note.write('Xen\0', 12, 'latin1')
  const codeAt = noteAt + note.length
  const entry = loadAddress + codeAt
  note.writeBigUInt64LE(BigInt(entry), 16)

  const size = codeAt + code.length
  const header = Buffer.alloc(headerBytes)
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0)
  header.writeUInt16LE(2, 16) // ET_EXEC
  header.writeUInt16LE(62, 18) // EM_X86_64
  header.writeUInt32LE(1, 20)
  header.writeBigUInt64LE(BigInt(entry), 24)
  header.writeBigUInt64LE(BigInt(headerBytes), 32)
  header.writeUInt16LE(headerBytes, 52)
  header.writeUInt16LE(programHeaderBytes, 54)
  header.writeUInt16LE(2, 56)

  const load = programHeader(1, 5, 0, size)
  const notes = programHeader(4, 4, noteAt, note.length)
  return Buffer.concat([header, load, notes, note, Buffer.from(code)])
}

function programHeader(type: number, flags: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(programHeaderBytes)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(flags, 4)
  bytes.writeBigUInt64LE(BigInt(offset), 8)
  bytes.writeBigUInt64LE(BigInt(loadAddress + offset), 16)
  bytes.writeBigUInt64LE(BigInt(loadAddress + offset), 24)
  bytes.writeBigUInt64LE(BigInt(size), 32)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  bytes.writeBigUInt64LE(4n, 48)
  return bytes
}
