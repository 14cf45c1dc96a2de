const polynomial = 0x82f63b78

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ polynomial : value >>> 1
  return value
})

/** CRC-32C (Castagnoli) continued from `seed`, without the inversion at either end: as Linux's crc32c(). */
export function crc32c(seed: number, bytes: Uint8Array): number {
  let crc = seed
  for (let i = 0; i < bytes.length; i++) crc = table[(crc ^ bytes[i]!) & 0xff]! ^ (crc >>> 8)
  return crc >>> 0
}
