import { UfrError } from '../../base/errors.ts'
import type { ByteSource } from '../source.ts'

export const sectorBytes = 512
const tableOffset = 446
const entryBytes = 16
const maxPartitions = 4
const maxSectors = 2 ** 32 - 1
const sectorsPerTrack = 63
const heads = 255
const maxCylinder = 1023

export interface MbrPartition {
  /** Place in the table, 0 to 3: what boot code and kernels go by. */
  index: number
  /** Such as 0x83 for Linux and everything like it. */
  type: number
  active: boolean
  /** First sector and number of sectors, of 512 bytes each. */
  start: number
  sectors: number
}

/** Two of the partitions that have sectors in common, if there are any. */
function overlapping(partitions: readonly MbrPartition[]): [MbrPartition, MbrPartition] | undefined {
  const sorted = partitions.toSorted((a, b) => a.start - b.start)
  for (const [i, next] of sorted.entries()) {
    const before = sorted[i - 1]
    if (before && before.start + before.sectors > next.start) return [before, next]
  }
  return undefined
}

/**
 * The partitions in a disk's master boot record, in the order of the table, empty entries left out; undefined where
 * there is no signature, or no entry, or the entries are not those of a partition table (a boot sector of a file
 * system ends with the same signature).
 * @throws UfrError UFR-FORMAT for partitions that overlap or go beyond the end of the disk
 */
export function readMbr(source: ByteSource): MbrPartition[] | undefined {
  if (source.size < sectorBytes) return undefined
  const bytes = source.read(0, sectorBytes)
  const view = new DataView(bytes.buffer, bytes.byteOffset, sectorBytes)
  if (view.getUint16(sectorBytes - 2, true) !== 0xaa55) return undefined

  const partitions: MbrPartition[] = []
  for (let index = 0; index < maxPartitions; index++) {
    const at = tableOffset + index * entryBytes
    const status = view.getUint8(at)
    const type = view.getUint8(at + 4)
    const start = view.getUint32(at + 8, true)
    const sectors = view.getUint32(at + 12, true)
    if (type === 0 || sectors === 0) continue
    if ((status !== 0 && status !== 0x80) || start === 0) return undefined
    partitions.push({ index, type, active: status === 0x80, start, sectors })
  }
  if (partitions.length === 0) return undefined

  for (const { index, start, sectors } of partitions) {
    const end = (start + sectors) * sectorBytes
    if (end > source.size)
      throw new UfrError(
        'UFR-FORMAT',
        `partition ${index + 1} ends at byte ${end}, the disk at ${source.size}`,
      )
  }
  const overlap = overlapping(partitions)
  if (overlap)
    throw new UfrError('UFR-FORMAT', `partitions ${overlap[0].index + 1} and ${overlap[1].index + 1} overlap`)
  return partitions
}

/** Cylinder, head and sector as old firmware counts them; where they do not reach, the largest there are. */
function chs(sector: number): [number, number, number] {
  const cylinder = Math.floor(sector / (sectorsPerTrack * heads))
  if (cylinder > maxCylinder) return [heads - 1, 0xc0 | sectorsPerTrack, 0xff]
  const head = Math.floor(sector / sectorsPerTrack) % heads
  return [head, ((cylinder >> 2) & 0xc0) | ((sector % sectorsPerTrack) + 1), cylinder & 0xff]
}

function checkPartition({ index, type, start, sectors }: MbrPartition): void {
  const name = `partition ${index + 1}`
  if (!Number.isInteger(type) || type < 1 || type > 0xff)
    throw new UfrError('UFR-IMAGE-LIMIT', `${name} has the type ${type}; types are 1 to 255`)
  if (!Number.isInteger(start) || !Number.isInteger(sectors) || start < 1 || sectors < 1)
    throw new UfrError('UFR-IMAGE-LIMIT', `${name} has ${sectors} sectors from ${start}; both are at least 1`)
  if (start > maxSectors || sectors > maxSectors)
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `${name} begins or is larger than a partition table can say (2 TiB)`,
    )
}

/**
 * A master boot record: partition n of the list goes to entry n of the table.
 * @param bootCode what the processor runs from the first sector on a machine with a BIOS: at most 446 bytes
 * @throws UfrError UFR-IMAGE-LIMIT for partitions that overlap, leave no room for the table, or are too large
 */
export function planMbr(
  partitions: readonly Omit<MbrPartition, 'index'>[],
  bootCode?: Uint8Array,
): Uint8Array {
  if (partitions.length > maxPartitions)
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `${partitions.length} partitions; the table has room for ${maxPartitions}`,
    )
  if (bootCode && bootCode.length > tableOffset)
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `boot code of ${bootCode.length} bytes; there is room for ${tableOffset}`,
    )
  const indexed = partitions.map((partition, index) => ({ ...partition, index }))
  indexed.forEach(checkPartition)
  const overlap = overlapping(indexed)
  if (overlap)
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `partitions ${overlap[0].index + 1} and ${overlap[1].index + 1} overlap`,
    )

  const bytes = new Uint8Array(sectorBytes)
  const view = new DataView(bytes.buffer)
  if (bootCode) bytes.set(bootCode)
  for (const { index, type, active, start, sectors } of indexed) {
    const at = tableOffset + index * entryBytes
    view.setUint8(at, active ? 0x80 : 0)
    bytes.set(chs(start), at + 1)
    view.setUint8(at + 4, type)
    bytes.set(chs(start + sectors - 1), at + 5)
    view.setUint32(at + 8, start, true)
    view.setUint32(at + 12, sectors, true)
  }
  view.setUint16(sectorBytes - 2, 0xaa55, true)
  return bytes
}
