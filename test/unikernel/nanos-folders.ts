import fs from 'node:fs'
import path from 'node:path'
import { elfFixture } from '../kernel/elf-fixture.ts'

export const commit = '0123456789abcdef0123456789abcdef01234567'

export function nanosKernel(text = 'nanos'): Buffer {
  return elfFixture({ payload: `${text} ${commit}` })
}

export function bootImage(): Buffer {
  const bytes = Buffer.alloc(1536)
  bytes.set([0x55, 0xaa], 510)
  return bytes
}

/** Writes files below a folder. */
export function writeFiles(folder: string, files: Record<string, string | Uint8Array>): void {
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, content)
  }
}

/** What upstream's release archive holds. */
export function releaseFiles(text = 'nanos'): Record<string, Uint8Array> {
  return {
    'kernel.img': nanosKernel(text),
    'boot.img': bootImage(),
    'klibs/tls': elfFixture(),
    'klibs/ntp': elfFixture(),
  }
}

/** What upstream's build leaves, as far as it matters, with things that must not be taken. */
export function writeBuildTree(folder: string): void {
  writeFiles(folder, {
    'output/platform/pc/bin/kernel.img': nanosKernel(),
    'output/platform/pc/bin/kernel.elf': 'with symbols',
    'output/platform/pc/bin/tls': elfFixture(),
    'output/platform/pc/bin/tls.dbg': 'debug information',
    'output/platform/pc/bin/test/thing': 'a test',
    'output/platform/pc/boot/boot.img': bootImage(),
    'output/platform/pc/gitversion.c': `const sstring gitversion = ss_static_init("${commit}");`,
  })
}
