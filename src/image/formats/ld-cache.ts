import { UfrError } from '../../base/errors.ts'

// The layouts are those of glibc's sysdeps/generic/dl-cache.h: struct cache_file (old) and cache_file_new.
const oldMagic = Buffer.from('ld.so-1.7.0')
const newMagic = Buffer.from('glibc-ld.so.cache1.1')
const oldHeader = 16
const oldEntry = 12
const newHeader = 48
const newEntry = 24

/** FLAG_X8664_LIB64 and FLAG_ELF_LIBC6: a 64-bit x86 library. */
const flagsX86_64 = 0x0303

const maxEntries = 100_000
const maxStringBytes = 4096
const maxTotalBytes = 32 * 2 ** 20

function corrupt(what: string): UfrError {
  return new UfrError('UFR-FORMAT', `corrupt ld.so.cache: ${what}`)
}

/** Where the new format begins: at the start, or behind a table in the old format, aligned to 4 or 8 bytes. */
function newFormatAt(bytes: Buffer): number {
  const isNew = (at: number) => bytes.subarray(at, at + newMagic.length).equals(newMagic)
  if (isNew(0)) return 0
  if (bytes.length >= oldHeader && bytes.subarray(0, oldMagic.length).equals(oldMagic)) {
    const end = oldHeader + bytes.readUInt32LE(12) * oldEntry
    for (const at of [Math.ceil(end / 8) * 8, end]) if (isNew(at)) return at
  }
  throw new UfrError('UFR-FORMAT', 'not an ld.so.cache in the format of glibc 2.2 or later')
}

/**
 * Reads glibc's `ld.so.cache`: for each soname the paths of its 64-bit x86 libraries, in the order in which the
 * dynamic linker prefers them. Variants for certain processors (glibc-hwcaps) are left out: a guest's may lack them.
 * @throws UfrError UFR-FORMAT where the bytes are truncated, corrupt, or beyond the limits.
 */
export function readLdCache(input: Uint8Array): Map<string, string[]> {
  const whole = Buffer.from(input.buffer, input.byteOffset, input.byteLength)
  // Offsets of strings count from the start of the new format's header.
  const bytes = whole.subarray(newFormatAt(whole))
  if (bytes.length < newHeader) throw corrupt('truncated header')
  const count = bytes.readUInt32LE(20)
  if (count > maxEntries) throw corrupt(`${count} entries`)
  if (newHeader + count * newEntry > bytes.length) throw corrupt(`${count} entries, but the file ends before`)

  let total = 0
  const text = (at: number): string => {
    const end = at < bytes.length ? bytes.indexOf(0, at) : -1
    if (end < 0 || end - at > maxStringBytes) throw corrupt('a name lies outside the file or has no end')
    total += end - at
    if (total > maxTotalBytes) throw corrupt('names of more than 32 MiB')
    return bytes.toString('utf8', at, end)
  }
  const found = new Map<string, string[]>()
  for (let i = 0; i < count; i++) {
    const at = newHeader + i * newEntry
    const hwcap = bytes.readBigUInt64LE(at + 16)
    if (bytes.readInt32LE(at) !== flagsX86_64 || hwcap !== 0n) continue
    const soname = text(bytes.readUInt32LE(at + 4))
    const file = text(bytes.readUInt32LE(at + 8))
    const paths = found.get(soname)
    if (paths) paths.push(file)
    else found.set(soname, [file])
  }
  return found
}
