import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { registerLinux } from '../../src/unikernel/linux/assemble.ts'
import { tinyElf } from '../image/formats/tiny-elf.ts'
import { release, writeLinux } from '../unikernel/linux-parts.ts'
import { releaseFiles, writeFiles } from '../unikernel/nanos-folders.ts'
import { scratch, ufr } from './command.ts'

/** A UFR_HOME with a Nanos kernel in it that no machine could boot, and a folder beside it. */
export async function homeWithKernel(t: TestContext): Promise<{ folder: string; home: string }> {
  const folder = scratch(t)
  const home = path.join(folder, 'home')
  const release = path.join(folder, '0.1.54')
  writeFiles(release, releaseFiles())
  const { status, stderr } = await ufr(['kernel', 'import', 'nanos', release], { home })
  assert.equal(status, 0, stderr)
  return { folder, home }
}

/** Writes a function that needs nothing of the host: a static program, or what is given in its place. */
export function writeProgram(
  folder: string,
  files: Record<string, string | Uint8Array> = {},
  config: object = {},
): string {
  const whole = { name: 'tiny', runtime: 'native', command: 'tiny', unikernel: 'nanos', ...config }
  writeFiles(folder, { 'ufr.json': JSON.stringify(whole), tiny: tinyElf({ type: 2 }), ...files })
  if (fs.existsSync(path.join(folder, 'tiny'))) fs.chmodSync(path.join(folder, 'tiny'), 0o755)
  return folder
}

/** Puts a kernel into the store as a pull of Debian's packages would have. */
export async function pulledLinux(folder: string, home: string): Promise<void> {
  writeLinux(folder)
  const before = process.env['UFR_HOME']
  process.env['UFR_HOME'] = home
  try {
    await registerLinux({
      vmlinuz: path.join(folder, 'vmlinuz'),
      modules: path.join(folder, 'lib/modules', release),
      busybox: path.join(folder, 'busybox'),
      version: '6.1.9-1',
      details: { package: 'linux-image-test' },
      provenance: { how: 'pull', from: 'Debian package linux-image-test 6.1.9-1' },
    })
  } finally {
    if (before === undefined) delete process.env['UFR_HOME']
    else process.env['UFR_HOME'] = before
  }
}
