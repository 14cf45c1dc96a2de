import fs from 'node:fs'
import { fileContent } from '../content.ts'
import { Tree } from '../tree.ts'

/**
 * All files of a folder as they are. For folders that ufr itself has laid out: nothing is ignored, checked or followed,
 * which for a language runtime takes half of the time of looking at a function's folder.
 */
export function plainTree(folder: string): Tree {
  const tree = new Tree()
  addFolder(tree, folder, '')
  return tree
}

function addFolder(tree: Tree, folder: string, prefix: string): void {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const file = `${folder}/${entry.name}`
    const at = `${prefix}${entry.name}`
    if (entry.isDirectory()) {
      tree.directory(at)
      addFolder(tree, file, `${at}/`)
    } else if (entry.isSymbolicLink()) {
      tree.link(at, fs.readlinkSync(file))
    } else {
      const { size, mode } = fs.lstatSync(file)
      tree.file(at, fileContent(file, size), mode & 0o111 ? 0o755 : 0o644)
    }
  }
}
