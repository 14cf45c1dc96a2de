export interface CacheEntry {
  soname: string
  path: string
  /** Default: a 64-bit x86 library. */
  flags?: number
  hwcap?: bigint
}

/** Writes an ld.so.cache in the new format, on request behind a table of so many entries in the old one. */
export function tinyLdCache(entries: CacheEntry[], oldEntries?: number): Buffer {
  const strings: Buffer[] = []
  let at = 48 + entries.length * 24
  const add = (text: string): number => {
    const bytes = Buffer.from(`${text}\0`)
    strings.push(bytes)
    at += bytes.length
    return at - bytes.length
  }
  const table = Buffer.alloc(48 + entries.length * 24)
  table.write('glibc-ld.so.cache1.1')
  table.writeUInt32LE(entries.length, 20)
  entries.forEach((entry, i) => {
    const o = 48 + i * 24
    table.writeInt32LE(entry.flags ?? 0x303, o)
    table.writeUInt32LE(add(entry.soname), o + 4)
    table.writeUInt32LE(add(entry.path), o + 8)
    table.writeBigUInt64LE(entry.hwcap ?? 0n, o + 16)
  })
  table.writeUInt32LE(at - table.length, 24)
  const whole = Buffer.concat([table, ...strings])
  if (oldEntries === undefined) return whole
  const old = Buffer.alloc(Math.ceil((16 + oldEntries * 12) / 8) * 8)
  old.write('ld.so-1.7.0')
  old.writeUInt32LE(oldEntries, 12)
  return Buffer.concat([old, whole])
}
