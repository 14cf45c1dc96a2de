import { UfrError } from '../../base/errors.ts'
import { bytesContent, type Content } from '../../image/content.ts'
import { planMbr, sectorBytes } from '../../image/formats/mbr.ts'
import { planTfs } from '../../image/formats/tfs/writer.ts'
import { type Layout, placed } from '../../image/layout.ts'
import { Tree } from '../../image/tree.ts'

/** nanos: src/config.h (KLOG_DUMP_SIZE); the kernel dumps its log right before the first partition. */
const logDumpBytes = 4096
/** nanos: src/runtime/storage.h (BOOTFS_SIZE). */
const bootPartitionBytes = 12 << 20
const linuxType = 0x83
const maxBootCode = 446

/** Upstream's boot loader and kernel, for a disk that starts by itself. */
export interface BootFiles {
  /** boot.img: the boot sector, then the second stage. */
  loader: Uint8Array
  kernel: Content
  /** 16 bytes for the boot file system. */
  uuid: Uint8Array
}

/**
 * The disk in whose second partition Nanos looks for its root (src/kernel/init.c, src/runtime/storage.h). Without boot
 * files it is for a VMM that loads the kernel itself; then the first partition is only an entry in the table.
 */
export function planNanosDisk(root: Layout, boot?: BootFiles): Layout {
  return boot ? bootable(root, boot) : bare(root)
}

function bare(root: Layout): Layout {
  // The log dump takes sectors 1 to 8; the root begins on a page, so that its files do.
  const first = 1 + logDumpBytes / sectorBytes
  const start = 16
  const mbr = planMbr([
    { type: linuxType, active: true, start: first, sectors: 1 },
    { type: linuxType, active: true, start, sectors: Math.ceil(root.size / sectorBytes) },
  ])
  const at = start * sectorBytes
  return { size: at + root.size, pieces: [{ offset: 0, content: bytesContent(mbr) }, ...placed(root, at)] }
}

function bootable(root: Layout, boot: BootFiles): Layout {
  const { loader } = boot
  if (loader.length < sectorBytes || loader.length % sectorBytes !== 0) {
    throw new UfrError(
      'UFR-KERNEL-FILE',
      `the boot loader has ${loader.length} bytes, not a number of whole sectors`,
    )
  }
  const bootFs = planTfs(new Tree().file('kernel', boot.kernel), { uuid: boot.uuid })
  if (bootFs.size > bootPartitionBytes) {
    throw new UfrError(
      'UFR-IMAGE-LIMIT',
      `the kernel does not fit the ${bootPartitionBytes} bytes of its partition`,
    )
  }
  const bootAt = loader.length + logDumpBytes
  const rootAt = bootAt + bootPartitionBytes
  const sectors = (bytes: number) => Math.ceil(bytes / sectorBytes)
  const mbr = planMbr(
    [
      { type: linuxType, active: true, start: sectors(bootAt), sectors: sectors(bootPartitionBytes) },
      { type: linuxType, active: true, start: sectors(rootAt), sectors: sectors(root.size) },
    ],
    loader.subarray(0, maxBootCode),
  )
  return {
    size: rootAt + root.size,
    pieces: [
      { offset: 0, content: bytesContent(mbr) },
      { offset: sectorBytes, content: bytesContent(loader.subarray(sectorBytes)) },
      ...placed(bootFs, bootAt),
      ...placed(root, rootAt),
    ],
  }
}
