import fs from 'node:fs'
import path from 'node:path'
import { dataError } from '../base/atomic.ts'
import { systemCode, UfrError } from '../base/errors.ts'
import type { Tree } from './tree.ts'

/**
 * Writes a tree's files into a folder that is empty or not there yet; where that fails, nothing of it is left. Symbolic
 * links are made last and never followed, so that no image can write outside of the folder.
 * @returns how many entries were written.
 * @throws UfrError UFR-EXISTS where something is in the folder, UFR-DATA where it cannot be written; whatever reading a
 * content throws.
 */
export function extractTree(tree: Tree, folder: string): number {
  const made = makeEmpty(folder)
  try {
    const entries = tree.sorted()
    for (const [name, entry] of entries) {
      const file = path.join(folder, name)
      if (entry.kind === 'directory') fs.mkdirSync(file, { recursive: true })
      if (entry.kind === 'file') writeFile(file, entry.content.chunks(), entry.mode)
    }
    for (const [name, entry] of entries) {
      if (entry.kind === 'link') fs.symlinkSync(entry.target, path.join(folder, name))
    }
    return entries.length
  } catch (error) {
    const leftovers =
      made === undefined ? fs.readdirSync(folder).map((name) => path.join(folder, name)) : [made]
    for (const file of leftovers) fs.rmSync(file, { recursive: true, force: true })
    throw dataError(error, folder)
  }
}

/** Makes a folder, or finds an empty one. @returns the topmost folder that was made, if any. */
function makeEmpty(folder: string): string | undefined {
  try {
    const made = fs.mkdirSync(folder, { recursive: true })
    if (fs.readdirSync(folder).length > 0) throw new UfrError('UFR-EXISTS', `${folder} is not empty`)
    return made
  } catch (error) {
    const code = systemCode(error)
    if (code === 'EEXIST' || code === 'ENOTDIR')
      throw new UfrError('UFR-EXISTS', `${folder} cannot be a folder: a file is there`, { cause: error })
    throw dataError(error, folder)
  }
}

function writeFile(file: string, chunks: Iterable<Uint8Array>, mode: number): void {
  // Set-user-id and the like stay behind: an image may come from anyone.
  const fd = fs.openSync(file, 'wx', mode & 0o777)
  try {
    // Unlike writeSync, this goes on until all is written: a disk may take a part of it before it is full.
    for (const chunk of chunks) fs.writeFileSync(fd, chunk)
  } finally {
    fs.closeSync(fd)
  }
}
