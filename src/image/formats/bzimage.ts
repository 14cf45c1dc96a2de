import zlib from 'node:zlib'
import { UfrError } from '../../base/errors.ts'
import { lz4LegacyMagic, unpackLz4Legacy } from './lz4-legacy.ts'

// Fields of the setup header: Documentation/arch/x86/boot.rst of Linux.
const setupSectorsAt = 0x1f1
const bootFlagAt = 0x1fe
const headerAt = 0x202
const versionAt = 0x206
const kernelVersionAt = 0x20e
const payloadOffsetAt = 0x248
const payloadLengthAt = 0x24c
const setupBytes = 0x250
const sectorBytes = 512
/** The first version of the boot protocol that says where the payload is: Linux 2.6.26. */
const payloadProtocol = 0x208

const maxKernelBytes = 512 * 2 ** 20
const maxVersionBytes = 512
const maxBanners = 100

/** Payloads that Linux can be built with and that nothing here unpacks, by their first bytes. */
const otherPayloads: [magic: number[], name: string, tool: string][] = [
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz', 'xz --decompress --single-stream'],
  [[0x5d, 0x00, 0x00], 'LZMA', 'xz --format=lzma --decompress'],
  [[0x42, 0x5a, 0x68], 'bzip2', 'bzip2 --decompress'],
  [[0x89, 0x4c, 0x5a, 0x4f], 'LZO', 'lzop --decompress'],
]

/**
 * The ELF file (vmlinux) inside a bzImage, behind which the kernel's relocations may follow; an ELF file itself is
 * given back as it is. VMMs without firmware boot this, and it starts faster, for nothing is left to decompress.
 * @throws UfrError UFR-FORMAT for other files, damaged ones, and payloads packed with xz, LZMA, bzip2 or LZO.
 */
export function kernelElf(image: Uint8Array): Uint8Array {
  const bytes = bufferOf(image)
  if (isElf(bytes)) return image
  checkHeader(bytes)
  const offset = bytes.readUInt32LE(payloadOffsetAt)
  const length = bytes.readUInt32LE(payloadLengthAt)
  // Documented: 0 stands for 4.
  const start = ((bytes.readUInt8(setupSectorsAt) || 4) + 1) * sectorBytes + offset
  if (offset === 0 || length < 8 || start + length > bytes.length) {
    throw corrupt(`its payload would be at bytes ${start} to ${start + length} of ${bytes.length}`)
  }
  const elf = unpack(bytes.subarray(start, start + length))
  if (!isElf(bufferOf(elf))) throw corrupt('its payload is not an ELF file')
  return elf
}

/**
 * The version of a kernel as it describes itself, such as `6.1.0-18-cloud-amd64 (…) #1 SMP …`; of an ELF file too.
 * @throws UfrError UFR-FORMAT
 */
export function kernelVersion(image: Uint8Array): string {
  const bytes = bufferOf(image)
  if (isElf(bytes)) return elfVersion(bytes)
  checkHeader(bytes)
  const pointer = bytes.readUInt16LE(kernelVersionAt)
  const at = pointer + sectorBytes
  const end = bytes.subarray(at, at + maxVersionBytes).indexOf(0)
  if (pointer === 0 || end < 1) throw corrupt('it does not say its version')
  return bytes.toString('latin1', at, at + end)
}

/**
 * The release of a kernel, as `uname -r` prints it and as the folder of its modules is called.
 * @throws UfrError UFR-FORMAT
 */
export function kernelRelease(image: Uint8Array): string {
  const release = kernelVersion(image).split(' ', 1)[0]!
  // It becomes a file name.
  if (!/^\d[\w.+~-]*$/.test(release)) throw corrupt(`its release would be ${JSON.stringify(release)}`)
  return release
}

function checkHeader(bytes: Buffer): void {
  if (bytes.length < setupBytes || bytes.readUInt16LE(bootFlagAt) !== 0xaa55) {
    throw corrupt('it has no x86 boot sector')
  }
  if (bytes.toString('latin1', headerAt, headerAt + 4) !== 'HdrS') throw corrupt('it has no setup header')
  const version = bytes.readUInt16LE(versionAt)
  if (version < payloadProtocol)
    throw corrupt(`its boot protocol is ${version >> 8}.${version & 255}, too old`)
}

function unpack(payload: Buffer): Uint8Array {
  if (isElf(payload)) return payload
  if (payload.readUInt32LE(0) === lz4LegacyMagic) return unpackLz4Legacy(payload)
  try {
    const options = { maxOutputLength: maxKernelBytes }
    if (payload.readUInt16BE(0) === 0x1f8b) return zlib.gunzipSync(payload, options)
    if (payload.readUInt32LE(0) === 0xfd2fb528) {
      // Linux appends the unpacked size to what does not tell it at its own end (`size_append`).
      return zlib.zstdDecompressSync(payload.subarray(0, -4), options)
    }
  } catch (error) {
    throw corrupt('its payload cannot be unpacked', error)
  }
  for (const [magic, name, tool] of otherPayloads) {
    if (magic.every((byte, i) => payload[i] === byte)) throw unsupported(name, tool)
  }
  throw corrupt(`its payload starts with ${payload.toString('hex', 0, 4)}, which is no known compression`)
}

function unsupported(name: string, tool: string): UfrError {
  return new UfrError('UFR-FORMAT', `the kernel is packed with ${name}, which ufr does not unpack`, {
    fix: `Give the unpacked kernel (vmlinux) instead: linux's scripts/extract-vmlinux makes it with ${tool}; or use a kernel packed with LZ4, gzip or zstd.`,
  })
}

/** The kernel's banner stands in its read-only data. */
function elfVersion(bytes: Buffer): string {
  const banner = 'Linux version '
  let at = bytes.indexOf(banner)
  for (let tries = 0; at >= 0 && tries < maxBanners; tries++, at = bytes.indexOf(banner, at + 1)) {
    const start = at + banner.length
    const text = bytes.toString('latin1', start, start + maxVersionBytes).split(/[\0\n]/, 1)[0]!
    if (/^\d/.test(text)) return text
  }
  throw corrupt('it does not say its version')
}

function isElf(bytes: Buffer): boolean {
  return bytes.length >= 4 && bytes.readUInt32BE(0) === 0x7f454c46
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

function corrupt(what: string, cause?: unknown): UfrError {
  return new UfrError('UFR-FORMAT', `not a Linux kernel (bzImage or vmlinux), or a damaged one: ${what}`, {
    ...(cause === undefined ? {} : { cause }),
  })
}
