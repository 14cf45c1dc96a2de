import { elfFixture } from '../../kernel/elf-fixture.ts'

export const version = '0.57.0-398-g0e34e4dc'

/** A file that passes for an OSv kernel: its greeting is in it, behind words that begin like one. */
export function osvKernel(says = `v${version}`, rest = ''): Buffer {
  return elfFixture({ payload: `OSv \0OSv is not it\0 OSv ${says}\n\0${rest}` })
}

/** A boot sector, and something that passes for a kernel behind it. */
export function bootLoader(): Buffer {
  const bytes = Buffer.alloc(100_000, 1)
  bytes.writeUInt16LE(0xaa55, 510)
  return bytes
}
