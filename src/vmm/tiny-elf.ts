const headerBytes = 64
const programHeaderBytes = 56

export interface TinyElf {
  /** Where the file is loaded in memory, as one piece. */
  loadAddress: number
  code: readonly number[]
  /** Adds a note that names the entry as the one for PVH (Xen's XEN_ELFNOTE_PHYS32_ENTRY), which QEMU starts. */
  pvh?: boolean
}

/** An ELF file around a few machine instructions. */
export function tinyElf({ loadAddress, code, pvh = false }: TinyElf): Buffer {
  const headers = headerBytes + (pvh ? 2 : 1) * programHeaderBytes
  const noteBytes = pvh ? 24 : 0
  const entry = loadAddress + headers + noteBytes
  const note = Buffer.alloc(noteBytes)
  if (pvh) {
    note.writeUInt32LE(4, 0) // name size
    note.writeUInt32LE(8, 4) // descriptor size
    note.writeUInt32LE(18, 8) // type
    note.write('Xen\0', 12, 'latin1')
    note.writeBigUInt64LE(BigInt(entry), 16)
  }
  const size = headers + noteBytes + code.length
  const load = programHeader(1, 5, loadAddress, 0, size)
  const notes = pvh ? [programHeader(4, 4, loadAddress, headers, noteBytes)] : []
  return Buffer.concat([fileHeader(entry, 1 + notes.length), load, ...notes, note, Buffer.from(code)])
}

function fileHeader(entry: number, programHeaders: number): Buffer {
  const bytes = Buffer.alloc(headerBytes)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], 0)
  bytes.writeUInt16LE(2, 16) // ET_EXEC
  bytes.writeUInt16LE(62, 18) // EM_X86_64
  bytes.writeUInt32LE(1, 20)
  bytes.writeBigUInt64LE(BigInt(entry), 24)
  bytes.writeBigUInt64LE(BigInt(headerBytes), 32)
  bytes.writeUInt16LE(headerBytes, 52)
  bytes.writeUInt16LE(programHeaderBytes, 54)
  bytes.writeUInt16LE(programHeaders, 56)
  return bytes
}

function programHeader(type: number, flags: number, base: number, offset: number, size: number): Buffer {
  const bytes = Buffer.alloc(programHeaderBytes)
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(flags, 4)
  bytes.writeBigUInt64LE(BigInt(offset), 8)
  bytes.writeBigUInt64LE(BigInt(base + offset), 16)
  bytes.writeBigUInt64LE(BigInt(base + offset), 24)
  bytes.writeBigUInt64LE(BigInt(size), 32)
  bytes.writeBigUInt64LE(BigInt(size), 40)
  bytes.writeBigUInt64LE(4n, 48)
  return bytes
}
