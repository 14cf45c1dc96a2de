import fs from 'node:fs'
import path from 'node:path'
import { systemCode } from './errors.ts'

/**
 * Makes a folder and those above it that are missing. One by one: asked for all at once (`recursive`), Node.js tries for
 * ever where the system says ENOENT although the folder above is there, as it does in /proc.
 * @throws a system error where one cannot be made.
 */
export function makeFolders(folder: string): void {
  if (fs.statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return
  const parent = path.dirname(folder)
  if (parent !== folder) makeFolders(parent)
  try {
    fs.mkdirSync(folder)
  } catch (error) {
    // Somebody else may have been first.
    if (systemCode(error) !== 'EEXIST' || !fs.statSync(folder).isDirectory()) throw error
  }
}
