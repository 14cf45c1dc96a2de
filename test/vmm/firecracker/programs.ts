import fs from 'node:fs'
import path from 'node:path'
import { printingElf } from '../../kernel/printing-elf.ts'

/** A program that is a Firecracker or a jailer as far as it is asked for its version. */
export function fakeProgram(name: 'Firecracker' | 'Jailer', version = '1.16.1'): Buffer {
  return printingElf(`${name} v${version}\n\n`)
}

/** Writes fake programs below a folder, each by its path. */
export function writePrograms(folder: string, programs: Record<string, Uint8Array>): void {
  for (const [name, bytes] of Object.entries(programs)) {
    const file = path.join(folder, name)
    fs.mkdirSync(path.dirname(file), { recursive: true })
    fs.writeFileSync(file, bytes, { mode: 0o755 })
  }
}

/** What an unpacked release holds, as far as it matters, and more that must not be taken. */
export function releasePrograms(version = '1.16.1'): Record<string, Uint8Array> {
  const folder = `release-v${version}-x86_64`
  return {
    [`${folder}/firecracker-v${version}-x86_64`]: fakeProgram('Firecracker', version),
    [`${folder}/firecracker-v${version}-x86_64.debug`]: Buffer.from('debug information'),
    [`${folder}/jailer-v${version}-x86_64`]: fakeProgram('Jailer', version),
    [`${folder}/snapshot-editor-v${version}-x86_64`]: Buffer.from('another program'),
    [`${folder}/SHA256SUMS`]: Buffer.from('sums'),
  }
}
