interface ElfOptions {
  sections?: Record<string, string>
  machine?: number
  /** What is loaded, and where the program starts. */
  payload?: string | Buffer
  /** Names for DT_NEEDED; any value makes the file a dynamic one. */
  needed?: string[]
}

const address = 0x100000n
const programHeaderBytes = 56

/** PT_LOAD of all of the payload, and PT_DYNAMIC where libraries are needed: then the payload is that section. */
function dynamicPayload(needed: string[], start: number): Buffer {
  const strings = Buffer.from(`\0${needed.join('\0')}\0`)
  const entries: [number, bigint][] = needed.map((name) => [1, BigInt(strings.indexOf(`\0${name}\0`) + 1)])
  const size = (entries.length + 3) * 16
  entries.push([5, address + BigInt(start + size)], [10, BigInt(strings.length)], [0, 0n])
  const table = Buffer.alloc(size)
  entries.forEach(([tag, value], index) => {
    table.writeBigUInt64LE(BigInt(tag), index * 16)
    table.writeBigUInt64LE(value, index * 16 + 8)
  })
  return Buffer.concat([table, strings])
}

function programHeader(type: number, offset: number, size: number): Buffer {
  const header = Buffer.alloc(programHeaderBytes)
  header.writeUInt32LE(type, 0)
  header.writeUInt32LE(5, 4)
  header.writeBigUInt64LE(BigInt(offset), 8)
  header.writeBigUInt64LE(address + BigInt(offset), 16)
  header.writeBigUInt64LE(BigInt(size), 32)
  header.writeBigUInt64LE(BigInt(size), 40)
  return header
}

function sectionHeaders(
  parts: { name: string; type: number; offset: number; size: number }[],
  names: Buffer,
): Buffer {
  const headers = Buffer.alloc((parts.length + 1) * 64)
  parts.forEach(({ name, type, offset, size }, index) => {
    const at = (index + 1) * 64
    headers.writeUInt32LE(names.indexOf(`${name}\0`), at)
    headers.writeUInt32LE(type, at + 4)
    headers.writeBigUInt64LE(BigInt(offset), at + 24)
    headers.writeBigUInt64LE(BigInt(size), at + 32)
  })
  return headers
}

function bytesOf(content: string | Buffer): Buffer {
  return typeof content === 'string' ? Buffer.from(content) : content
}

/** A small 64-bit x86 ELF file: one loaded segment, and the sections given. */
export function elfFixture(options: ElfOptions = {}): Buffer {
  const programHeaders = options.needed === undefined ? 1 : 2
  const start = 64 + programHeaders * programHeaderBytes
  const payload = options.needed
    ? dynamicPayload(options.needed, start)
    : bytesOf(options.payload ?? 'code of the program')
  const sections = Object.entries(options.sections ?? { '.text': 'x' })
  const names = Buffer.from(`\0${[...sections.map(([name]) => name), '.shstrtab'].join('\0')}\0`)
  let end = start + payload.length
  const parts = [...sections, ['.shstrtab', names] as const].map(([name, content]) => {
    const bytes = Buffer.from(content)
    const part = { name, type: name === '.shstrtab' ? 3 : 1, offset: end, size: bytes.length, bytes }
    end += bytes.length
    return part
  })
  const file = Buffer.alloc(64)
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  file.writeUInt16LE(options.needed ? 3 : 2, 16)
  file.writeUInt16LE(options.machine ?? 62, 18)
  file.writeUInt32LE(1, 20)
  file.writeBigUInt64LE(address + BigInt(start), 24)
  file.writeBigUInt64LE(64n, 32)
  file.writeBigUInt64LE(BigInt(end), 40)
  file.writeUInt16LE(64, 52)
  file.writeUInt16LE(programHeaderBytes, 54)
  file.writeUInt16LE(programHeaders, 56)
  file.writeUInt16LE(64, 58)
  file.writeUInt16LE(parts.length + 1, 60)
  file.writeUInt16LE(parts.length, 62)
  return Buffer.concat([
    file,
    programHeader(1, start, payload.length),
    ...(options.needed ? [programHeader(2, start, payload.length - stringBytes(options.needed))] : []),
    payload,
    ...parts.map((part) => part.bytes),
    sectionHeaders(parts, names),
  ])
}

function stringBytes(needed: string[]): number {
  return Buffer.byteLength(`\0${needed.join('\0')}\0`)
}

/** A kernel module as far as `.modinfo` goes. */
export function moduleFixture(name: string, depends: string[], release = '6.1.0-9-test'): Buffer {
  const info = `license=GPL\0depends=${depends.join(',')}\0name=${name}\0vermagic=${release} SMP mod_unload \0`
  return elfFixture({ sections: { '.text': 'x', '.modinfo': info } })
}
