import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { contentBytes } from '../../src/image/content.ts'
import type { Tree } from '../../src/image/tree.ts'

/** A file's bytes, or where a link leads. */
export type Files = Record<string, Uint8Array | string | { link: string }>

/** A folder of its own for a test, removed at its end. */
export function temporaryFolder(t: TestContext): string {
  const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'ufr-test-')))
  t.after(() => fs.rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Writes files, all of them executable, and links below a folder. */
export function writeFiles(folder: string, files: Files): void {
  for (const [name, file] of Object.entries(files)) {
    const at = path.join(folder, name)
    fs.mkdirSync(path.dirname(at), { recursive: true })
    if (typeof file === 'object' && 'link' in file) fs.symlinkSync(file.link, at)
    else fs.writeFileSync(at, file, { mode: 0o755 })
  }
}

/** A folder with files in it that stands for the root of another system. */
export function sysroot(t: TestContext, files: Files): string {
  const folder = temporaryFolder(t)
  writeFiles(folder, files)
  return folder
}

/** Writes a tree below a folder, as an image of it would be seen from inside. */
export function writeTree(folder: string, tree: Tree): void {
  for (const [name, entry] of tree.sorted()) {
    const at = path.join(folder, name)
    if (entry.kind === 'directory') fs.mkdirSync(at, { recursive: true })
    else if (entry.kind === 'link') fs.symlinkSync(entry.target, at)
    else fs.writeFileSync(at, contentBytes(entry.content), { mode: entry.mode })
  }
}
