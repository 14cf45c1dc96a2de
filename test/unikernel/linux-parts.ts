import fs from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { wantedModules } from '../../src/unikernel/linux/modules.ts'
import { elfFixture, moduleFixture } from '../kernel/elf-fixture.ts'
import { writeFiles } from './nanos-folders.ts'

export const release = '6.1.0-9-test'
export const vmlinux = elfFixture({ payload: `Linux version ${release} (someone@somewhere) #1 SMP\n\0` })
export const busybox = elfFixture({ payload: 'busybox' })

/** A bzImage with the kernel inside, packed with gzip (Documentation/arch/x86/boot.rst). */
export function bzImage(): Buffer {
  const payload = gzipSync(vmlinux)
  const setup = Buffer.alloc(5 * 512)
  setup.writeUInt8(4, 0x1f1)
  setup.writeUInt16LE(0xaa55, 0x1fe)
  setup.write('HdrS', 0x202)
  setup.writeUInt16LE(0x20f, 0x206)
  setup.writeUInt16LE(0x400, 0x20e)
  setup.write(`${release} (someone@somewhere) #1 SMP`, 0x600)
  setup.writeUInt32LE(100, 0x248)
  setup.writeUInt32LE(payload.length, 0x24c)
  return Buffer.concat([setup, Buffer.alloc(100), payload])
}

const depends: Record<string, string[]> = {
  virtio: ['virtio_ring'],
  virtio_mmio: ['virtio', 'virtio_ring'],
  virtio_net: ['net_failover', 'virtio'],
  net_failover: ['failover'],
  failover: [],
  erofs: ['libcrc32c'],
  libcrc32c: [],
}

/** All modules that a guest wants with what those depend on, by path below `/lib/modules/RELEASE`. */
export function moduleFiles(leftOut: string[] = []): Record<string, Buffer> {
  const names = [...new Set([...wantedModules, ...Object.keys(depends)])].filter(
    (name) => !leftOut.includes(name),
  )
  // File names may have dashes where the module has underscores.
  const file = (name: string) => `kernel/drivers/${name === 'virtio_rng' ? 'virtio-rng' : name}.ko`
  return Object.fromEntries(names.map((name) => [file(name), moduleFixture(name, depends[name] ?? [])]))
}

/** Writes `vmlinuz`, `busybox` and `lib/modules/RELEASE` below a folder. */
export function writeLinux(
  folder: string,
  modules: Record<string, string | Uint8Array> = moduleFiles(),
): void {
  writeFiles(folder, { vmlinuz: bzImage(), busybox })
  const at = path.join(folder, 'lib/modules', release)
  fs.mkdirSync(at, { recursive: true })
  writeFiles(at, { 'modules.builtin': 'kernel/crypto/crc32c_generic.ko\n', ...modules })
}
