import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'

/** A folder `name` with these files in it, gone after the test. */
export function makeFolder(
  t: TestContext,
  files: Record<string, string | Uint8Array>,
  name = 'my-function',
): string {
  const parent = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-function-')))
  t.after(() => fs.rmSync(parent, { recursive: true, force: true }))
  const folder = path.join(parent, name)
  fs.mkdirSync(folder)
  for (const [file, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, file)), { recursive: true })
    fs.writeFileSync(path.join(folder, file), content)
  }
  return folder
}

/** The header of an ELF file for x86-64 with nothing behind it: e_type 2 is a program, 1 an object, 3 a library. */
export function elfHeader(type = 2): Buffer {
  const elf = Buffer.alloc(64)
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1])
  elf.writeUInt16LE(type, 16)
  elf.writeUInt16LE(62, 18)
  elf.writeUInt32LE(1, 20)
  elf.writeUInt16LE(64, 52)
  elf.writeUInt16LE(56, 54)
  return elf
}
