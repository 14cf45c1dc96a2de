import { UfrError } from '../../base/errors.ts'
import { bytesContent } from '../../image/content.ts'
import { planMbr, sectorBytes } from '../../image/formats/mbr.ts'
import { type Layout, type Piece, placed } from '../../image/layout.ts'

const linuxType = 0x83
/** On a page, so that what is on one in a file system is on one in the file. */
const alignment = 4096
const maxBootCode = 446

/** osv: arch/x64/boot16.S: behind the boot sector, 63 sectors with the command line; the kernel from sector 128. */
const lineAt = sectorBytes
const maxLineBytes = 63 * sectorBytes
const kernelSector = 128
/** osv: scripts/build (kernel_end): the file system begins at a multiple of 2 MiB. */
const rootAlignment = 2 << 20

/**
 * A disk with two partitions, which OSv calls vblkN.0 and vblkN.1. It looks for its root in the second one of the first
 * disk (loader.cc, mount_rootfs); then the first one is nothing but an entry in the table.
 */
export function planOsvDisk(second: Layout, first?: Layout): Layout {
  const firstAt = first ? alignment : sectorBytes
  const secondAt = aligned(first ? firstAt + first.size : alignment, alignment)
  const mbr = planMbr([
    { type: linuxType, active: false, ...sectors(firstAt, first?.size ?? sectorBytes) },
    { type: linuxType, active: false, ...sectors(secondAt, second.size) },
  ])
  return {
    size: secondAt + second.size,
    pieces: [
      { offset: 0, content: bytesContent(mbr) },
      ...(first ? placed(first, firstAt) : []),
      ...placed(second, secondAt),
    ],
  }
}

/**
 * A disk that a PC's firmware starts by itself: upstream's boot loader and packed kernel (`loader.img`), a command
 * line, and the root behind them.
 * @throws UfrError UFR-KERNEL-FILE, UFR-IMAGE-LIMIT where the command line is too long.
 */
export function planBootDisk(root: Layout, loader: Uint8Array, line: string): Layout {
  if (loader.length <= kernelSector * sectorBytes) {
    throw new UfrError('UFR-KERNEL-FILE', `the boot loader has ${loader.length} bytes and no kernel in it`)
  }
  const text = Buffer.from(`${line}\0`)
  if (text.length > maxLineBytes) {
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `the command line has ${text.length} bytes, of at most ${maxLineBytes} on a disk`,
    )
  }
  const rootAt = aligned(loader.length, rootAlignment)
  const kernelAt = kernelSector * sectorBytes
  const mbr = planMbr(
    [
      { type: linuxType, active: true, ...sectors(kernelAt, loader.length - kernelAt) },
      { type: linuxType, active: false, ...sectors(rootAt, root.size) },
    ],
    loader.subarray(0, maxBootCode),
  )
  const head: Piece[] = [
    { offset: 0, content: bytesContent(mbr) },
    { offset: lineAt, content: bytesContent(text) },
    { offset: kernelAt, content: bytesContent(loader.subarray(kernelAt)) },
  ]
  return { size: rootAt + root.size, pieces: [...head, ...placed(root, rootAt)] }
}

function sectors(offset: number, bytes: number): { start: number; sectors: number } {
  return { start: offset / sectorBytes, sectors: Math.ceil(bytes / sectorBytes) }
}

function aligned(bytes: number, to: number): number {
  return Math.ceil(bytes / to) * to
}
