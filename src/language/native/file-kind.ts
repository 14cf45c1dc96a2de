import { isElf } from '../../image/formats/elf/elf.ts'

const magics: [string, string][] = [
  ['4d5a', 'a Windows program (PE)'],
  ['feedface', 'a macOS program (Mach-O)'],
  ['feedfacf', 'a macOS program (Mach-O)'],
  ['cefaedfe', 'a macOS program (Mach-O)'],
  ['cffaedfe', 'a macOS program (Mach-O)'],
  ['0061736d', 'a WebAssembly module'],
  ['504b0304', 'a ZIP or JAR archive'],
  ['1f8b', 'a gzip archive'],
  ['213c617263683e0a', 'a static library'],
  ['4243c0de', 'LLVM bitcode'],
]

// Java's class files and Mach-O's universal binaries begin alike; class files have had versions from 45 on where the
// others count architectures.
const firstClassVersion = 45

/**
 * What a file is that was given as a program, by its first bytes (8 are enough): `elf`, `script`, or in words what it
 * is instead.
 */
export function fileKind(bytes: Uint8Array): 'elf' | 'script' | (string & {}) {
  if (bytes.length === 0) return 'an empty file'
  if (isElf(bytes)) return 'elf'
  if (bytes[0] === 0x23 && bytes[1] === 0x21) return 'script'
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 8)).toString('hex')
  if (hex.startsWith('cafebabe') && hex.length >= 16) {
    const version = Number.parseInt(hex.slice(12, 16), 16)
    return version >= firstClassVersion ? 'a Java class file' : 'a macOS program (Mach-O, universal)'
  }
  return magics.find(([magic]) => hex.startsWith(magic))?.[1] ?? 'neither an ELF program nor a script'
}
